"""A fake Discord for a test, and notifiers that tell it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portfold.events.wire.connection import connect
from portfold.events.wire.notifier_bus import NotifierBus
from tests.fake_discord import FakeDiscord
from tests.notifier.notifiers import Notifiers
from tests.server import EmbeddedServer


@pytest.fixture
def discord() -> Iterator[FakeDiscord]:
    with FakeDiscord() as fake:
        yield fake


@pytest.fixture
def notifier_bus(server: EmbeddedServer, portfolio: str) -> Iterator[NotifierBus]:
    opened = NotifierBus(connect(server.url), portfolio)
    yield opened
    opened.close()


@pytest.fixture
def notifiers(
    server: EmbeddedServer, portfolio: str, discord: FakeDiscord, tmp_path: Path
) -> Iterator[Notifiers]:
    """Starts notifiers of the test's portfolio that tell the fake Discord; none outlives the test."""
    started = Notifiers(tmp_path / "notifiers", server.url, portfolio, discord)
    yield started
    started.end()
