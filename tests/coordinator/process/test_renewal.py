"""What no permission forbids, undone: the log goes on from before it, with the facts that came after it."""

import json
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.process.log_cut import NothingToRenew
from portfold.coordinator.process.renewal import ATTEMPTS, planned, renew
from portfold.events.codec import encode_checked
from portfold.events.incoming import (
    ClockTicked,
    EntryRequested,
    FlattenRequested,
    LogTailMissing,
    PositionOpened,
    TradingResumed,
)
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import AcknowledgeReply, Entry
from portfold.events.wire.connection import connect
from portfold.events.wire.importer_bus import RenewerBus
from tests.cli.command_line import Ran, called
from tests.coordinator.process.leaders import Starter
from tests.coordinator.story import code
from tests.live import Live, flat
from tests.processes import NOT_COORDINATING, READY
from tests.server import EmbeddedServer
from tests.waiting import until

FAR = [
    "18446744073709551615-0",
    "18446744073709551615-18446744073709551615",
    "9999999999999-184467440737095517",
]


@pytest.fixture
def renewer(server: EmbeddedServer, portfolio: str) -> Iterator[RenewerBus]:
    with closing(RenewerBus(connect(server.url), portfolio)) as bus:
        yield bus


def renewed(live: Live, server: EmbeddedServer, folder: Path, *words: str) -> Ran:
    place = ("--url", server.url, "--portfolio", live.keys.name)
    return called("renew", "--by", "jane", "--reason", "poison", *words, *place, cwd=folder)


def begun_anew(live: Live) -> Live:
    """The same portfolio, read from its first event, as nobody had seen what was taken off."""
    return Live(live.bus, live.client)


@pytest.mark.parametrize("far", FAR)
def test_after_an_event_from_the_far_future_the_day_goes_on_with_what_was_reported_since(
    start: Starter, live: Live, server: EmbeddedServer, tmp_path: Path, far: str
) -> None:
    leader = start()
    live.enters("ES")
    assert code(live.asks("CL")) == "allowed"
    day = live.state.day.date
    poison = live.by_hand("type", "ClockTicked", at=far)
    can_follow = far != FAR[1]
    if can_follow:
        fill = live.next_of(PositionOpened, "ibs-CL", symbol="CL", side="long", size=1, price=Decimal(70))
        live.publishes(fill)
        live.publishes(live.next_of(EntryRequested, "ibs-SI", symbol="SI", side="long", size=1))
    until(
        lambda: live.status()["halted"] == "true" or NOT_COORDINATING in leader.texts(), "a refusal or a halt"
    )
    done = renewed(live, server, tmp_path)
    assert (done.code, done.err) == (0, "")
    leader.says(READY, times=2)
    again = begun_anew(live)
    again.all_decided()
    now = again.status()
    assert now["open_positions"] == ("CL, ES" if can_follow else "ES")
    assert (again.state.day.date, now["halted"]) == (day, "true")
    assert str(poison) in now["loss_acknowledged"]
    assert again.bus.last_event().ms <= again.bus.now_ms()
    [kept] = tmp_path.glob("portfold-taken-off-*.jsonl")
    assert next(map(json.loads, kept.read_text().splitlines())) == [far, "type", "ClockTicked"]
    assert verify(LiveRecord(again.bus)).difference is None
    again.hears(TradingResumed(by="jane", reason="looked"))
    assert code(again.asks("SI", worker="ibs-SI", session="s2")) == "allowed"


def test_who_missed_what_was_taken_off_alarms_nobody_and_who_misses_more_does(
    led: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    poison = led.by_hand("type", "ClockTicked", at=FAR[0])
    led.all_decided()
    assert renewed(led, server, tmp_path).code == 0
    again = begun_anew(led)
    until(lambda: again.status()["loss_acknowledged"], "the record")
    again.hears(LogTailMissing("w", "s", 1, poison.as_seen))
    assert again.status()["log_incomplete"] == "false"
    later = StreamId(again.bus.now_ms() + 1, 0)
    again.hears(LogTailMissing("w", "s", 2, str(later)))
    assert again.status()["log_incomplete"] == "true"


def test_names_made_up_are_taken_off_from_the_first_and_no_fact_of_others_with_them(
    led: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    led.enters("ES")
    first = led.by_hand("type", "WorkerStarted", "worker", "made-up-0", "session", "s", "seq", "1")
    led.all_decided()
    led.fills("CL")
    forged = led.by_hand(
        *("type", "PositionOpened", "worker", "ibs-SI", "session", "s1", "seq", "99", "symbol", "SI"),
        *("side", "long", "size", "1", "price", "30"),
    )
    led.all_decided()
    done = renewed(led, server, tmp_path, "--since", str(first), "--without", str(forged))
    assert done.code == 0
    again = begun_anew(led)
    until(lambda: again.status()["loss_acknowledged"], "the record")
    again.all_decided()
    assert again.status()["open_positions"] == "CL, ES"
    assert "made-up-0" not in again.state.workers
    assert "ibs-SI" not in again.state.workers


def test_what_was_ordered_closed_once_is_not_ordered_closed_again(
    led: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    """Since each order all was closed, trading resumed, and more opened, which nobody ordered closed."""
    led.enters("ES")
    led.hears(FlattenRequested(by="jane", reason="before it"))
    led.closes("ES", "10")
    first = led.by_hand("type", "Garbage")
    led.hears(TradingResumed(by="jane", reason="over"))
    led.enters("SI")
    order = led.publishes(FlattenRequested(by="jane", reason="exchange outage"))
    led.closes("SI", "120")
    led.hears(TradingResumed(by="jane", reason="over"))
    led.enters("CL")
    look = renewed(led, server, tmp_path, "--dry-run", "--since", str(first))
    assert f"Put on again: FlattenRequested by jane, event {order}: as TradingHalted." in look.out
    assert "its net P&L, $120.00, falls on today" in look.out
    assert renewed(led, server, tmp_path, "--since", str(first)).code == 0
    again = begun_anew(led)
    again.all_decided()
    now = again.status()
    assert (now["open_positions"], now["halted"]) == ("CL", "true")
    assert [one["reason"] for one in again.said("FlattenRequested")] == ["before it"]
    since = [flat(one)["type"] for one in again.decisions() if one.id.event() > first]
    assert [kind for kind in since if "Flatten" in kind] == []
    assert verify(LiveRecord(again.bus)).difference is None


def test_an_order_to_flatten_that_nobody_decided_yet_closes_what_is_open_behind_the_halt(
    start: Starter, live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    leader = start()
    live.enters("ES")
    first = live.by_hand("type", "Garbage")
    live.enters("CL")
    live.all_decided()
    leader.stop()
    live.publishes(FlattenRequested(by="jane", reason="exchange outage"))
    assert renewed(live, server, tmp_path, "--since", str(first)).code == 0
    assert [flat(one)["type"] for one in live.events()][-2:] == ["TradingHalted", "FlattenRequested"]
    start()
    again = begun_anew(live)
    again.all_decided()
    [order] = [flat(one) for one in again.decisions() if flat(one)["type"] == "FlattenOrdered"]
    assert order["positions"] == "CL:long:1:ibs-CL ES:long:1:ibs-ES"


def test_a_first_event_ahead_of_the_clock_is_not_lost_where_it_is_a_fact_unless_somebody_says_so(
    led: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    fill = led.next_of(PositionOpened, "ibs-CL", symbol="CL", side="long", size=1, price=Decimal(70))
    at = led.by_hand(*encode_checked(fill), at=FAR[0])
    led.all_decided()
    look = renewed(led, server, tmp_path, "--dry-run", "--without", str(at))
    assert f"The first event, {at}, is a fact, PositionOpened by ibs-CL: it is not put on again" in look.out
    assert renewed(led, server, tmp_path).code == 0
    again = begun_anew(led)
    again.all_decided()
    assert again.status()["open_positions"] == "CL"


def test_a_log_renewed_from_its_first_event_is_led_again(
    led: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    led.enters("ES")
    led.all_decided()
    assert renewed(led, server, tmp_path, "--since", str(led.events()[0].id)).code == 0
    again = begun_anew(led)
    again.all_decided()
    now = again.status()
    assert (now["open_positions"], now["halted"]) == ("ES", "true")
    assert now["loss_acknowledged"].startswith("by jane at "), "no rule refused the record"
    assert verify(LiveRecord(again.bus)).difference is None


def test_a_look_changes_nothing_and_says_what_would_go(
    led: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    led.enters("ES")
    first = led.events()[-1].id
    done = renewed(led, server, tmp_path, "--dry-run", "--since", str(first))
    assert "Would be taken off: event" in done.out
    assert "1 PositionOpened" in done.out
    assert list(tmp_path.glob("*.jsonl")) == []
    led.all_decided()
    assert code(led.asks("ES", worker="other")) == "symbol_in_position"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "No event is ahead of the server's clock"),
        (("--since", "5-0"), "expected an event of the log, and 5-0 is none"),
        (("--since", "yesterday"), "expected a stream ID such as"),
    ],
)
def test_a_log_that_needs_no_renewal_is_left_alone(
    led: Live, server: EmbeddedServer, tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    led.enters("ES")
    before = led.events()
    done = renewed(led, server, tmp_path, *words)
    assert done.code != 0
    assert why in done.err
    assert led.events() == before


def test_what_is_archived_stays(led: Live, renewer: RenewerBus, client: Any) -> None:
    led.enters("ES")
    first = led.events()[-1].id
    client.hset(led.keys.archive, mapping={"up_to": str(first), "folder": "/a", "kept_from": "9-9"})
    with pytest.raises(NothingToRenew, match="what is archived stays"):
        planned(renewer, by="jane", since=first)


class Busy(RenewerBus):
    """Where somebody writes between the look at the log and the cut: so often as `writes` says."""

    writes = 0

    def take_off(self, *told: Any, **more: Any) -> AcknowledgeReply:
        if self.writes:
            self.writes -= 1
            self.append(encode_checked(ClockTicked()))
        return super().take_off(*told, **more)


def test_a_log_that_goes_on_meanwhile_is_renewed_with_what_came_since(
    led: Live, server: EmbeddedServer, portfolio: str
) -> None:
    led.enters("ES")
    first = led.by_hand("type", "Garbage")
    led.all_decided()
    kept: list[Entry] = []
    with closing(Busy(connect(server.url), portfolio)) as busy:
        plan = planned(busy, by="jane", since=first)
        fill = led.next_of(PositionOpened, "ibs-CL", symbol="CL", side="long", size=1, price=Decimal(70))
        at = led.publishes(fill)
        busy.writes = ATTEMPTS - 1
        renew(busy, plan, reason="x", keep=kept.extend)
    again = begun_anew(led)
    again.all_decided()
    assert again.status()["open_positions"] == "CL, ES"
    assert [entry.id for entry in kept][:2] == [first, at]
    assert kept == plan.removed
    assert len(kept) == ATTEMPTS + 1


def test_a_log_that_goes_on_at_each_attempt_is_left_as_it_is(
    led: Live, server: EmbeddedServer, portfolio: str
) -> None:
    led.enters("ES")
    first = led.by_hand("type", "Garbage")
    with closing(Busy(connect(server.url), portfolio)) as busy:
        plan = planned(busy, by="jane", since=first)
        busy.writes = ATTEMPTS
        with pytest.raises(NothingToRenew, match="has gone on meanwhile, 20 times in a row"):
            renew(busy, plan, reason="x", keep=len)
    led.all_decided()
    assert first in [entry.id for entry in led.events()]


def test_a_leader_of_before_writes_nothing_behind_a_renewal(led: Live, renewer: RenewerBus) -> None:
    led.enters("ES")
    found = until(led.bus.head, "a head")
    plan = planned(renewer, by="jane", since=led.events()[-1].id)
    renew(renewer, plan, reason="x", keep=len)
    reply = led.bus.lead_append(["type", "ClockTicked"], "*", epoch=found.epoch)
    assert reply.outcome == "epoch"


# --- what is trimmed as it is added ---------------------------------------------------------------------


def test_a_log_that_was_emptied_can_be_gone_on_from_as_its_leader_wrote_down_what_it_came_to(
    start: Starter, live: Live, client: Any, server: EmbeddedServer, tmp_path: Path
) -> None:
    leader = start()
    live.enters("ES")
    client.execute_command("XADD", live.keys.events, "MAXLEN", "0", "*", "type", "ClockTicked")
    assert "Events vanished before anybody decided on them: 1" in leader.says(NOT_COORDINATING)["why"]
    place = ("--url", server.url, "--portfolio", live.keys.name)
    done = called("acknowledge", "--by", "jane", "--reason", "emptied", *place, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    leader.says(READY, times=2)
    asked = live.publishes(live.next_of(EntryRequested, "other", symbol="ES", side="long", size=1))
    until(lambda: live.has_decided(asked), "an answer")
    assert [flat(entry)["code"] for entry in live.bus.decisions_of(asked)] == ["symbol_in_position"]


def test_history_that_somebody_trims_is_told_once_and_nobody_is_stopped(
    start: Starter, live: Live, client: Any
) -> None:
    leader = start()
    live.enters("ES")
    client.execute_command("XADD", live.keys.events, "MAXLEN", "1", "*", "type", "ClockTicked")
    told = "HISTORY IS GONE: 5 decided events were removed, and not by an archiver"
    leader.says(told)
    asked = live.publishes(live.next_of(EntryRequested, "other", symbol="CL", side="long", size=1))
    until(lambda: live.has_decided(asked), "an answer")
    assert leader.texts().count(told) == 1
