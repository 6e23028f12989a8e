"""A log that is out of reach is told to Discord all the same: once, and once that it is over."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from portfold.events.wire.connection import Place, connect
from portfold.events.wire.notifier_bus import NotifierBus
from portfold.workers.notify import attempt, outage
from tests.fake_discord import HIDDEN, FakeDiscord
from tests.live import Live
from tests.notifier.delivery.told import halts, until_noted, until_told
from tests.notifier.notifiers import LEASE_MS, NotifierThread, notifying
from tests.processes import config_folder, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until

ALL = {"kinds": {"startup": False}}
OUT, BACK = "🚨 THE LOG IS OUT OF REACH", "✅ The log can be reached again"
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that are real, and short."""
    monkeypatch.setattr(attempt, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(attempt, "LONGEST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(outage, "PATIENCE_SECONDS", 0.5)


class Site:
    """A server of the test's own, with a coordinator and a notifier."""

    def __init__(self, server: EmbeddedServer, bus: NotifierBus, live: Live, notifier: Any) -> None:
        self.server = server
        self.live = live
        self.bus = bus
        self.notifier: NotifierThread = notifier

    def goes(self, how: str) -> None:
        """The server dies, or takes no write any more."""
        if how == "killed":
            self.server.kill()
        else:
            self.live.client.config_set("maxmemory", "1")

    def comes_back(self, how: str) -> None:
        if how == "killed":
            self.server.restart()
        else:
            self.live.client.config_set("maxmemory", "0")


@contextmanager
def site(folder: Path, discord: FakeDiscord, **changed: Any) -> Iterator[Site]:
    with EmbeddedServer(folder / "server") as server:
        client = connect(server.url)
        bus = NotifierBus(client, "main")
        live = Live(bus, client)
        with (
            coordinating(server.url, "main"),
            notifying(folder / "config", server.url, "main", {"discord": (discord, ALL | changed)}) as told,
        ):
            yield Site(server, bus, live, told)
        bus.close()


def heads(discord: FakeDiscord) -> list[str]:
    """Of the words about the log's absence the first, in order."""
    return [text.split(":")[0].split(";")[0] for text in discord.texts if text.startswith((OUT, BACK))]


@pytest.mark.parametrize("how", ["killed", "out of memory"])
def test_that_the_log_is_out_of_reach_is_told_once_and_once_that_it_is_back(
    how: str, tmp_path: Path, discord: FakeDiscord
) -> None:
    with site(tmp_path, discord) as here:
        halts(here.live, "one")
        until_told(discord, "one")
        until_noted(here.bus)
        here.goes(how)
        until(lambda: heads(discord) == [OUT], "a word of it")
        told = next(text for text in discord.texts if text.startswith(OUT))
        assert "\nWhy: Redis " in told
        assert "\nSince: 20" in told
        assert HIDDEN not in told
        here.comes_back(how)
        until(lambda: heads(discord) == [OUT, BACK], "a word that it is back")
        halts(here.live, "two")
        until_told(discord, "one", "two")
        until_noted(here.bus)
        here.goes(how)
        until(lambda: heads(discord) == [OUT, BACK, OUT], "a word of the next time")
        here.comes_back(how)
        until(lambda: heads(discord) == [OUT, BACK, OUT, BACK], "the end of that too")
        halts(here.live, "three")
        until_told(discord, "one", "two", "three")


def test_what_waited_when_the_log_went_is_told_when_it_is_back(tmp_path: Path, discord: FakeDiscord) -> None:
    with site(tmp_path, discord) as here:
        discord.always("error page")
        halts(here.live, "one", "two")
        here.notifier.says("Alerts do not get through")
        here.goes("killed")
        here.notifier.says("The log cannot be reached")
        discord.always("ok")
        until(lambda: heads(discord) == [OUT], "a word of it")
        here.comes_back("killed")
        until_told(discord, "one", "two")
        until(lambda: heads(discord) == [OUT, BACK], "a word that it is back")


def test_a_notifier_that_never_reached_the_log_says_so_and_tries_until_it_gets_through(
    tmp_path: Path, discord: FakeDiscord
) -> None:
    discord.next("error page", "limited", "reset")
    destinations = {"discord": {"to": "discord", "url_env": "HOOK", **ALL}}
    folder = config_folder(tmp_path / "config", runtime={"notifier": {"destinations": destinations}})
    thread = NotifierThread(folder, {"HOOK": discord.url()}, Place(NOWHERE, None, "main"), lease_ms=LEASE_MS)
    try:
        until(lambda: heads(discord) == [OUT], "a word of it")
        assert len(discord.attempts) == 4
        assert thread.running
    finally:
        thread.stop()


def test_who_does_not_want_to_hear_that_nobody_coordinates_is_not_told(
    tmp_path: Path, discord: FakeDiscord
) -> None:
    with site(tmp_path, discord, kinds={"not_deciding": False}) as here:
        here.goes("killed")
        here.notifier.says("The log cannot be reached")
        here.comes_back("killed")
        halts(here.live, "one")
        until_told(discord, "one")
        assert heads(discord) == []
