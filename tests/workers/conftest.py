"""A server that takes webhooks, and a desk that trades by it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.brokers.desk import Desk
from tests.workers.brokers.traderspost.webhook_server import HIDDEN, Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path, receiver: Receiver) -> Iterator[Desk]:
    """Whatever it logs, the address's secret is not in it."""
    opened = Desk(tmp_path, receiver)
    yield opened
    assert HIDDEN not in opened.close()
