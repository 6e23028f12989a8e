"""A bus that loses answers, a server that is killed, what was archived before it was told, and the secret."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.archiver_bus import ArchiverBus
from portfold.events.wire.connection import connect
from portfold.events.wire.notifier_bus import NotifierBus
from tests.archive.past import Past
from tests.fake_discord import HIDDEN, FakeDiscord
from tests.live import Live
from tests.notifier.delivery.told import NOT_TAKING, Notifying, halts, reasons, until_noted, until_told
from tests.notifier.notifiers import Notifiers, notifying
from tests.processes import coordinating
from tests.proxy import Proxy
from tests.server import EmbeddedServer
from tests.waiting import until

# --- the bus --------------------------------------------------------------------------------------------


@pytest.fixture
def proxy(server: EmbeddedServer) -> Iterator[Proxy]:
    between = Proxy(server.port)
    yield between
    between.close()


@pytest.mark.parametrize("what", ["answer", "command"])
@pytest.mark.parametrize(
    "word",
    [b'"trades"', b":leader\r\n", b":events\r\n$", b":decisions\r\n$"],
    ids=["noting", "looking", "reading events", "reading decisions"],
)
@pytest.mark.usefixtures("coordinated")
def test_a_lost_answer_or_command_loses_no_alert_and_repeats_none(
    live: Live, discord: FakeDiscord, tell: Notifying, proxy: Proxy, word: bytes, what: Any
) -> None:
    with tell(url=proxy.url, lease_ms=5000):
        halts(live, "one")
        until_told(discord, "one")
        proxy.lose(what, word)
        halts(live, "two", "three")
        until(lambda: reasons(discord)[-1:] == ["three"], "the last")
        until(lambda: proxy.lost == 1, "the loss")
        halts(live, "four")
        until(lambda: reasons(discord)[-1:] == ["four"], "the last")
    assert reasons(discord) == ["one", "two", "three", "four"]


def test_a_server_that_was_killed_and_comes_back_is_found_again(tmp_path: Path, discord: FakeDiscord) -> None:
    with EmbeddedServer(tmp_path / "server") as server:
        client = connect(server.url)
        bus = NotifierBus(client, "main")
        live = Live(bus, client)
        with (
            coordinating(server.url, "main"),
            notifying(tmp_path / "config", server.url, "main", {"discord": (discord, {})}) as notifier,
        ):
            halts(live, "one")
            until_told(discord, "one")
            server.kill()
            notifier.says("The log cannot be reached")
            server.restart()
            halts(live, "two")
            until_told(discord, "one", "two")
        bus.close()


# --- what was archived ----------------------------------------------------------------------------------


def behind(past: Past, tell: Notifying, discord: FakeDiscord, folder: Path) -> int:
    """A notifier that was away while much happened, and was archived; returns how many are left."""
    with tell(changed={"level": "critical"}):
        pass
    past.happens(400)
    bus = ArchiverBus(connect(past.url), past.bus.keys.name)
    archive_history(bus, folder, Keep(events=50), segment_events=60)
    bus.close()
    assert discord.attempts == []
    return past.bus.extent().length


@pytest.fixture
def past(server: EmbeddedServer, portfolio: str, client: Any) -> Iterator[Past]:
    told = Past(server.url, portfolio, client)
    yield told
    told.bus.close()


def test_what_was_archived_before_it_was_told_is_told_from_the_archive(
    past: Past, tell: Notifying, discord: FakeDiscord, tmp_path: Path, notifier_bus: NotifierBus
) -> None:
    left = behind(past, tell, discord, tmp_path / "archive")
    assert left < 200
    with tell(archive=tmp_path / "archive", stale_seconds=10**6, driven=True):
        until_noted(notifier_bus)
    told = "\n".join(discord.texts)
    assert "ALERTS MISSED" not in told
    opened = sum("PositionOpened" in entry.fields for entry in past.bus.events_after(ORIGIN, count=999))
    assert told.count("Opened: ") > opened  # more than what is still on the server


def test_what_was_archived_and_cannot_be_read_is_said_to_be_missed(
    past: Past, tell: Notifying, discord: FakeDiscord, tmp_path: Path, notifier_bus: NotifierBus
) -> None:
    behind(past, tell, discord, tmp_path / "archive")
    with tell(driven=True) as notifier:
        until_noted(notifier_bus)
        notifier.says("Alerts missed")
    gone = past.bus.archived()
    assert gone is not None
    assert discord.texts[0].startswith(
        f"🚨 ALERTS MISSED: events after the beginning up to {gone.up_to} left the server before alerts of "
        "them were sent\nWhy: "
    )
    assert len([text for text in discord.texts if "MISSED" in text]) == 1


def test_what_was_trimmed_by_hand_behind_the_archive_is_said_to_be_missed(
    past: Past, tell: Notifying, discord: FakeDiscord, tmp_path: Path, notifier_bus: NotifierBus
) -> None:
    behind(past, tell, discord, tmp_path / "archive")
    gone, left = past.bus.archived(), past.whole().events
    assert gone is not None
    assert gone.kept_from == left[0].id
    past.client.xtrim(past.bus.keys.events, minid=str(left[5].id), approximate=False)
    with tell(archive=tmp_path / "archive", stale_seconds=10**6, driven=True) as notifier:
        until_noted(notifier_bus)
        assert f"The events from {gone.kept_from} up to " in notifier.says("Alerts missed")["why"]


@pytest.mark.usefixtures("coordinated")
def test_what_was_trimmed_by_hand_before_it_was_told_is_said_to_be_missed(
    live: Live, discord: FakeDiscord, tell: Notifying, notifier_bus: NotifierBus
) -> None:
    with tell():
        halts(live, "one")
        until_told(discord, "one")
        until_noted(notifier_bus)
    before = notifier_bus.last_event()
    halts(live, "two", "three")
    live.client.xtrim(notifier_bus.keys.events, maxlen=1, approximate=False)
    with tell() as notifier:
        until_told(discord, "one", "three")
        assert "trimmed" in notifier.says("Alerts missed")["why"]
    assert f"ALERTS MISSED, perhaps: events after {before} up to " in discord.texts[1]
    assert "\nWhy: trimmed from the server, and into no archive\n" in discord.texts[1]
    assert len([text for text in discord.texts if "MISSED" in text]) == 1


@pytest.mark.usefixtures("coordinated")
def test_what_was_trimmed_by_hand_once_it_was_told_is_not_missed(
    live: Live, discord: FakeDiscord, tell: Notifying, notifier_bus: NotifierBus
) -> None:
    with tell():
        halts(live, "one", "two")
        until_told(discord, "one", "two")
        until_noted(notifier_bus)
    live.client.xtrim(notifier_bus.keys.events, maxlen=1, approximate=False)
    with tell():
        halts(live, "three")
        until_told(discord, "one", "two", "three")
    assert "MISSED" not in "".join(discord.texts)


# --- the secret -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinated")
def test_the_address_is_found_nowhere(
    live: Live, discord: FakeDiscord, notifiers: Notifiers, client: Any, portfolio: str, tmp_path: Path
) -> None:
    discord.next(*(manner for manner in NOT_TAKING if manner not in ("hang", "drip")))
    notifier = notifiers.start()
    halts(live, "one")
    notifier.says("Alerts do not get through")
    until(lambda: len(discord.attempts) >= 2, "some attempts")
    notifier.stop()
    assert HIDDEN not in notifiers.written
    keys = client.keys(f"portfolio:{{{portfolio}}}*")
    dumped = [client.execute_command("DUMP", key, NEVER_DECODE=True) for key in keys]
    assert len(keys) >= 4
    assert HIDDEN.encode() not in b"".join(dumped)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if HIDDEN in path.read_text(errors="replace")] == []
