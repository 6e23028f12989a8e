"""A desk for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.brokers.ibkr.tws_desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(tmp_path)
    yield opened
    opened.close()
