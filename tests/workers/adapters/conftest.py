"""What tests of the adapters share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portfold.config import Configuration
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.workers.adapters.cerebros import configured


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return configured(tmp_path, slippage_ticks=1)


@pytest.fixture
def coordinator(server: EmbeddedServer, portfolio: str) -> Iterator[None]:
    with coordinating(server.url, portfolio):
        yield
