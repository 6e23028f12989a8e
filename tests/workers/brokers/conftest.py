"""A paper broker and its book."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portfold.workers.brokers.paper import PaperBroker
from tests.workers.brokers.paper_books import open_broker


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "paper.db"


@pytest.fixture
def broker(book: Path) -> Iterator[PaperBroker]:
    with open_broker(book) as broker:
        yield broker
