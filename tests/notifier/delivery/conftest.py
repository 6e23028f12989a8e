"""A notifier that tells the fake Discord, with bounds and pauses that are real, and short."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from portfold.workers.notify import attempt, service
from portfold.workers.notify.sinks import discord as discord_sink
from portfold.workers.notify.sinks import http
from tests.fake_discord import FakeDiscord
from tests.notifier.delivery.told import Notifying
from tests.notifier.notifiers import NotifierThread, notifying
from tests.processes import coordinating
from tests.server import EmbeddedServer


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds and pauses that are real, and short."""
    for module in (http, discord_sink):
        monkeypatch.setattr(module, "READ_SECONDS", 1.5)
    monkeypatch.setattr(attempt, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(attempt, "LONGEST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(service, "_FINISH_SECONDS", 1.0)


@pytest.fixture
def coordinated(server: EmbeddedServer, portfolio: str) -> Iterator[None]:
    with coordinating(server.url, portfolio):
        yield


@pytest.fixture
def tell(server: EmbeddedServer, portfolio: str, discord: FakeDiscord, tmp_path: Path) -> Notifying:
    """A notifier in a thread that tells the fake Discord."""

    def notifier(*, url: str = "", changed: Any = None, **how: Any) -> AbstractContextManager[NotifierThread]:
        destinations = {"discord": (discord, changed or {})}
        return notifying(tmp_path / "config", url or server.url, portfolio, destinations, **how)

    return notifier
