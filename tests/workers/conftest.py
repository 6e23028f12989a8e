"""A server that takes webhooks, a desk that trades by it, and listeners that do not keep a test waiting."""

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


@pytest.fixture
def listen_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that is closed waits for its listener's read: let that be short."""
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
