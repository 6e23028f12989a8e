"""From the log to Discord, on real sockets and a real server: nothing lost, in order, whatever goes wrong."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.archiver_bus import ArchiverBus
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import EmbeddedServer
from portfold.events.wire.notifier_bus import NotifierBus, group
from portfold.workers.notify import attempt, outage, service, waiting
from portfold.workers.notify.sinks import discord as discord_sink
from portfold.workers.notify.sinks import http
from tests.archive.past import Past
from tests.fake_discord import HIDDEN, MANNERS, FakeDiscord, Manner
from tests.live import Live
from tests.notifier.notifiers import Notifiers, NotifierThread, notifying
from tests.processes import coordinating
from tests.proxy import Proxy
from tests.waiting import until

Notifying = Callable[..., AbstractContextManager[NotifierThread]]


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


def halts(live: Live, *reasons: str) -> None:
    """Each a short alert of its own, told apart by its reason."""
    for reason in reasons:
        live.by_hand("type", "TradingHalted", "by", "ann", "reason", reason)
    live.all_decided()


def reasons(discord: FakeDiscord) -> list[str]:
    """Of all the halts it was told, in order."""
    return [found for text in discord.texts for found in re.findall(r"halted by ann: (\S+)", text)]


def until_told(discord: FakeDiscord, *expected: str) -> None:
    try:
        until(lambda: reasons(discord) == list(expected), f"{expected}")
    except AssertionError as never:
        raise AssertionError(f"{never}; it was told {reasons(discord)}") from None


def has_told_all(notifier_bus: NotifierBus) -> bool:
    told = notifier_bus.told("discord")
    return told is not None and told.cursor == notifier_bus.last_event()


def until_noted(notifier_bus: NotifierBus) -> None:
    """From here on nothing is on its way, so that nothing can come twice."""
    until(lambda: has_told_all(notifier_bus), "all to be told and noted")


def numbered(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


# --- what Discord does ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinated")
def test_an_outage_delays_alerts_and_loses_none(
    live: Live, discord: FakeDiscord, tell: Notifying, notifier_bus: NotifierBus
) -> None:
    with tell() as notifier:
        halts(live, "before")
        until_told(discord, "before")
        until_noted(notifier_bus)
        discord.vanish()
        halts(live, *numbered(5))
        notifier.says("Alerts do not get through")
        discord.come_back()
        until_told(discord, "before", *numbered(5))
        notifier.says("Alerts get through again")


NOT_TAKING: tuple[Manner, ...] = (
    "error page",
    "refused",
    "limited",
    "limited by a page",
    "hang",
    "reset",
    "nonsense",
    "drip",
)


@pytest.mark.parametrize("manner", NOT_TAKING)
@pytest.mark.usefixtures("coordinated")
def test_what_did_not_get_through_is_told_once_it_does(
    live: Live, discord: FakeDiscord, tell: Notifying, manner: Manner
) -> None:
    discord.next(manner, manner)
    with tell():
        halts(live, "one")
        until_told(discord, "one")
        halts(live, "two")
        until_told(discord, "one", "two")


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.usefixtures("coordinated")
def test_on_a_bad_day_all_comes_in_order_and_twice_only_what_was_taken_without_a_word(
    live: Live, discord: FakeDiscord, tell: Notifying, seed: int
) -> None:
    random = Random(seed)
    manners = random.choices([manner for manner in MANNERS if manner != "drip headers"], k=25)
    discord.next(*manners)
    with tell():
        for number in range(12):
            halts(live, f"n{number}")
            if random.random() < 0.5:
                until(lambda: f"n{number}" in reasons(discord), "the last one")  # noqa: B023 - called at once
        until(lambda: reasons(discord)[-1:] == ["n11"], "the last of all")
        until(lambda: discord.attempts[-1].manner in ("ok", "no content", "ok, last for now"), "a word of it")
    told = reasons(discord)
    assert list(dict.fromkeys(told)) == numbered(12)
    for place, post in enumerate(discord.told):
        if post.content in [other.content for other in discord.told[:place]]:
            assert discord.told[place - 1].manner.startswith("taken")


@pytest.mark.usefixtures("coordinated")
def test_an_attempt_that_never_ends_is_left_behind(
    live: Live, discord: FakeDiscord, tell: Notifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "ATTEMPT_SECONDS", 0.2)
    monkeypatch.setattr(discord_sink, "READ_SECONDS", 30)
    discord.always("drip headers")
    with tell() as notifier:
        halts(live, "one")
        assert notifier.says("Alerts do not get through")["why"] == "no end of it within 0.2 s"
        until(lambda: "earlier attempts still hang" in notifier.written(), "a bound")
        until(lambda: len(discord.attempts) == 3, "three attempts")
        monkeypatch.setattr(attempt, "ATTEMPT_SECONDS", 30)
        discord.always("ok")
        discord.vanish()  # which ends those that hang
        discord.come_back()
        until_told(discord, "one")


@pytest.mark.usefixtures("coordinated")
def test_what_is_too_long_for_a_service_is_told_in_parts(
    live: Live, discord: FakeDiscord, tell: Notifying
) -> None:
    discord.refuses = lambda text: len(text) > 300
    with tell(merge_seconds=1):
        halts(live, *numbered(12))
        until_told(discord, *numbered(12))
        halts(live, "long" + "x" * 450)
        until(lambda: reasons(discord)[-1].startswith("long"), "the beginning of a long one")
        halts(live, "after")
        until(lambda: reasons(discord)[-1] == "after", "what came after")
    assert discord.texts[-2].endswith("x…")
    assert "ALERTS MISSED" not in "".join(discord.texts)


@pytest.mark.usefixtures("coordinated")
def test_one_message_that_is_refused_for_good_keeps_back_no_other(
    live: Live, discord: FakeDiscord, tell: Notifying, notifier_bus: NotifierBus
) -> None:
    discord.refuses = lambda text: "poison" in text
    with tell(merge_seconds=1) as notifier:
        live.enters("CL")
        halts(live, "before", "poison", "after")
        live.closes("CL", pnl="-2600", price="97.40")
        until(lambda: "STOP LOSS HIT" in "".join(discord.texts), "the stop")
        until(lambda: "ALERTS MISSED" in "".join(discord.texts), "what was passed over")
        until_noted(notifier_bus)
        passed_over = notifier.says("An alert is refused for good and passed over")
    assert reasons(discord) == ["before", "after"]
    assert "halted by ann: poison" in passed_over["said"]
    [missed] = [text for text in discord.texts if "ALERTS MISSED" in text]
    assert "An alert was refused here and passed over: Discord answered 400" in missed


@pytest.mark.usefixtures("coordinated")
def test_a_service_that_refuses_everything_makes_no_word_about_a_word(
    live: Live, discord: FakeDiscord, tell: Notifying, notifier_bus: NotifierBus
) -> None:
    discord.refuses = lambda _: True
    with tell() as notifier:
        halts(live, "one", "two")
        until_noted(notifier_bus)
        notifier.says("An alert is refused for good and passed over", times=2)
        discord.refuses = lambda _: False
        halts(live, "three")
        until_told(discord, "three")


@pytest.mark.usefixtures("coordinated")
def test_one_that_hangs_holds_up_no_other(
    server: EmbeddedServer, portfolio: str, live: Live, discord: FakeDiscord, tmp_path: Path
) -> None:
    with FakeDiscord() as other:
        discord.always("hang")
        destinations: dict[str, tuple[FakeDiscord, dict[str, Any]]] = {
            "hanging": (discord, {}),
            "well": (other, {}),
        }
        with notifying(tmp_path / "config", server.url, portfolio, destinations):
            halts(live, "one", "two")
            until_told(other, "one", "two")
            assert reasons(discord) == []


@pytest.mark.usefixtures("coordinated")
def test_after_an_outage_what_is_stale_is_summarized(
    live: Live, discord: FakeDiscord, tell: Notifying, notifier_bus: NotifierBus
) -> None:
    discord.vanish()
    with tell(stale_seconds=0.3):
        live.enters("CL")
        for _ in range(4):
            live.asks("CL", worker="other")
        live.closes("CL", pnl="-2600", price="97.40")
        live.all_decided()
        until(lambda: live.bus.now_ms() - live.bus.last_event().ms > 400, "it to be stale")
        discord.come_back()
        until(lambda: len(discord.texts) == 1, "the summary")
        until_noted(notifier_bus)
    with tell(changed={"kinds": {"startup": False}}):
        halts(live, "fresh")
        until_told(discord, "fresh")
    summary = discord.texts[0].splitlines()
    assert summary[0].startswith("⏳ Not told in time, ")
    assert re.fullmatch(r"\d\d:\d\d:\d\d 🚨 PORTFOLIO STOP LOSS HIT .*Open positions: none", summary[1])
    assert "✅ FLAT" in summary[2]
    assert summary[3:] == [
        "Workers started: 1",
        "Trades opened: 1",
        "Entries denied: 4 (symbol_in_position 4)",
        "Trades closed: 1",
    ]


@pytest.mark.usefixtures("coordinated")
def test_more_than_may_wait_waits_on_the_log(
    live: Live, discord: FakeDiscord, tell: Notifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MOST_EVENTS", 10)
    discord.vanish()
    with tell():
        halts(live, *numbered(60))
        discord.come_back()
        until(lambda: reasons(discord)[-1:] == ["n59"], "the last of all")
    assert reasons(discord) == numbered(60)


# --- what goes where ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinated")
def test_levels_and_kinds_say_what_goes_where(
    server: EmbeddedServer, portfolio: str, live: Live, discord: FakeDiscord, tmp_path: Path
) -> None:
    kinds = {"startup": False, "not_deciding": False}
    with FakeDiscord() as grave:
        destinations: dict[str, tuple[FakeDiscord, dict[str, Any]]] = {
            "all": (discord, {"kinds": kinds | {"trade_opened": False}}),
            "grave": (grave, {"level": "critical", "kinds": kinds | {"trade_closed": True, "flat": False}}),
        }
        with notifying(tmp_path / "config", server.url, portfolio, destinations):
            live.enters("CL")
            live.closes("CL", pnl="-2600", price="97.40")
            halts(live, "end")
            until_told(discord, "end")
            until(lambda: len(grave.texts) == 2, "what is grave")
        assert [text.split(":")[0].split("\n")[0] for text in grave.texts] == [
            "Closed",
            "🚨 PORTFOLIO STOP LOSS HIT",
        ]
        assert "Opened" not in "".join(discord.texts)


@pytest.mark.usefixtures("coordinated")
def test_at_startup_it_says_where_alerts_go_and_which_limits_are_in_force(
    live: Live, discord: FakeDiscord, tell: Notifying, portfolio: str
) -> None:
    halts(live, "lunch")
    with tell(changed={"kinds": {"mark_stale": False}, "level": "warning"}) as notifier:
        halts(live, "fresh")
        until_told(discord, "fresh")
        assert notifier.says("Alerts go to")["wanted"] == "warning and above; without mark_stale"
    with tell(changed={"kinds": {"mark_stale": False}}):
        until(lambda: len(discord.texts) == 2, "the greeting")
    assert discord.texts[1] == (
        f"Alerts of portfolio {portfolio} are told here: everything; without mark_stale\n"
        "Limits in force: max_positions=4, max_contracts=4, daily_stop_loss=$2,500, "
        "symbols=6A, 6B, 6C, 6N, 6S, CL, ES, PL, RTY, SI | HALTED by ann: fresh"
    )


def test_nobody_coordinating_is_told_once(
    live: Live,
    discord: FakeDiscord,
    tell: Notifying,
    monkeypatch: pytest.MonkeyPatch,
    server: EmbeddedServer,
    portfolio: str,
) -> None:
    monkeypatch.setattr(outage, "PATIENCE_SECONDS", 0.3)
    with tell(changed={"kinds": {"startup": False}}):
        until(lambda: len(discord.texts) == 1, "an alert")
        assert discord.texts[0].startswith("🚨 NOBODY COORDINATES: no entry is answered")
        with coordinating(server.url, portfolio):
            halts(live, "back")
            until_told(discord, "back")
        until(lambda: len([text for text in discord.texts if "NOBODY" in text]) == 2, "another alert")


def test_nothing_is_told_before_it_is_decided(
    server: EmbeddedServer, portfolio: str, live: Live, discord: FakeDiscord, tell: Notifying
) -> None:
    with tell():
        live.by_hand("type", "TradingHalted", "by", "ann", "reason", "undecided")
        waits = NotifierBus(connect(server.url), portfolio)
        until(lambda: live.client.xpending(waits.keys.events, group("discord"))["pending"], "it to be read")
        assert discord.attempts == []
        with coordinating(server.url, portfolio):
            until_told(discord, "undecided")
        waits.close()


# --- two of them ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinated")
def test_of_two_notifiers_one_tells_and_when_it_dies_the_other_goes_on(
    live: Live, discord: FakeDiscord, notifiers: Notifiers, notifier_bus: NotifierBus
) -> None:
    first = notifiers.start()
    second = notifiers.start(ready=False)
    second.says("Standing by")
    halts(live, "one", "two")
    until_noted(notifier_bus)
    first.kill()
    halts(live, "three")
    until_told(discord, "one", "two", "three")
    second.says("Alerts go here")
    assert second.stop() == 0


@pytest.mark.usefixtures("coordinated")
def test_a_notifier_that_was_paused_and_replaced_tells_nothing_more_and_takes_nothing_away(
    live: Live, discord: FakeDiscord, notifiers: Notifiers, notifier_bus: NotifierBus
) -> None:
    first = notifiers.start()
    halts(live, "one")
    until_noted(notifier_bus)
    first.pause()
    second = notifiers.start()
    first.wake()
    halts(live, "two", "three")
    until_told(discord, "one", "two", "three")
    first.says("Another notifier has taken over")
    until_noted(notifier_bus)
    second.kill()
    halts(live, "four")
    until_told(discord, "one", "two", "three", "four")


# --- stopping -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinated")
def test_told_to_stop_it_ends_in_good_order_and_leaves_the_rest_for_the_next(
    live: Live, discord: FakeDiscord, notifiers: Notifiers
) -> None:
    notifier = notifiers.start()
    halts(live, "one")
    until_told(discord, "one")
    discord.always("hang")
    halts(live, "two")
    until(lambda: len(discord.attempts) == 2, "an attempt")
    begun = time.monotonic()
    assert notifier.stop() == 0
    assert time.monotonic() - begun < 10
    assert notifier.texts()[-1] == "Notifier stopped"
    discord.always("ok")
    notifiers.start()
    until_told(discord, "one", "two")


# --- a place that somebody overwrote --------------------------------------------------------------------


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("how", ["another type", "no cursor", "no term", "no part"])
@pytest.mark.usefixtures("coordinated")
def test_a_place_that_somebody_overwrote_is_said_and_ends_no_notifier(
    live: Live, discord: FakeDiscord, tell: Notifying, notifier_bus: NotifierBus, how: str, running: bool
) -> None:
    place = notifier_bus.keys.notifier("discord")

    def overwrite() -> None:
        until_noted(notifier_bus)
        if how == "another type":
            live.client.set(place, "gone")
        else:
            live.client.hset(place, how.removeprefix("no "), "99999999999999999999999-x")

    with tell():
        halts(live, "one")
        until_told(discord, "one")
        if running:
            overwrite()
            if how == "another type":
                until(lambda: "ALERTS MISSED" in "".join(discord.texts), "a word of it")
            halts(live, "two")
            until_told(discord, "one", "two")
    if not running:
        overwrite()
        with tell():
            halts(live, "two")
            until_told(discord, "one", "two")
        lost = how in ("another type", "no cursor")
        assert ("ALERTS MISSED, perhaps" in "".join(discord.texts)) == lost


# --- the bus --------------------------------------------------------------------------------------------


@pytest.fixture
def proxy(server: EmbeddedServer) -> Iterator[Proxy]:
    between = Proxy(server.port)
    yield between
    between.close()


@pytest.mark.parametrize("what", ["answer", "command"])
@pytest.mark.parametrize(
    "word", [b'"trades"', b"$1\r\n>\r\n", b"XRANGE"], ids=["noting", "reading events", "reading decisions"]
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
        bus = NotifierBus(connect(server.url), "main")
        live = Live(bus, bus._client)
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
        f"🚨 ALERTS MISSED: events after the beginning up to {gone.up_to} were"
    )
    assert len([text for text in discord.texts if "MISSED" in text]) == 1


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
