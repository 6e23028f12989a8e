"""Time as the leader tells it: a driven clock moves with an event alone, and what falls due expires."""

from pathlib import Path
from typing import Any

import pytest

from portfold.events.decisions import EntryAllowed, EntryExpired
from portfold.events.incoming import (
    ClockTicked,
    EntryRequested,
    TradingHalted,
)
from tests.coordinator.process.leaders import Starter
from tests.coordinator.story import HOUR, SECOND, code, each, only
from tests.live import Live, flat, read
from tests.processes import config_folder
from tests.waiting import until

MARCH = 1_583_330_400_000
"""4 March 2020, 08:00 in Chicago: long past, so no clock but the log's can show it."""


def test_where_the_clock_is_driven_the_leader_says_everything_at_the_time_of_the_last_event(
    start: Starter, live: Live
) -> None:
    live.publishes(ClockTicked(), MARCH)
    start(clock="driven")
    live.all_decided()
    assert [(entry.fields[1], entry.id.ms) for entry in live.events()] == [
        ("ClockTicked", MARCH),
        ("CoordinatorStarted", MARCH),
        ("LimitsChanged", MARCH),
    ]
    assert live.status()["current_day"] == "2020-03-04"


def test_where_the_clock_is_driven_nothing_falls_due_until_an_event_brings_the_time(
    start: Starter, live: Live
) -> None:
    live.publishes(ClockTicked(), MARCH)
    start(clock="driven")
    ask = live.next_of(EntryRequested, "ibs-ES", symbol="ES", side="long", size=1)
    [allowed] = live.hears(ask, at=MARCH + SECOND)
    assert isinstance(allowed, EntryAllowed)
    assert allowed.expires_ms == MARCH + 31 * SECOND
    assert live.hears(ClockTicked(), at=MARCH + 31 * SECOND - 1) == []
    assert only(EntryExpired, live.hears(ClockTicked(), at=MARCH + 31 * SECOND)).symbol == "ES"
    assert only_day(live.hears(ClockTicked(), at=MARCH + 9 * HOUR)) == "2020-03-05"
    assert len(live.said("ClockTicked")) == 4  # all of them ours


def only_day(decisions: list[Any]) -> str:
    [started] = decisions
    return str(started.day)


def test_a_driven_clock_stands_still_through_a_restart(start: Starter, live: Live) -> None:
    live.publishes(ClockTicked(), MARCH)
    start(clock="driven")
    start(clock="driven")
    live.all_decided()
    assert {entry.id.ms for entry in live.events()} == {MARCH}


@pytest.mark.parametrize("traffic", [False, True], ids=["nothing else happens", "events come all the time"])
def test_a_reservation_expires_when(*, traffic: bool, start: Starter, live: Live, tmp_path: Path) -> None:
    short = {
        "reservation_seconds": 0.2,
        "answer_seconds": 0.1,
        "heartbeat_seconds": 0.1,
        "worker_lost_seconds": 0.3,
    }
    start(config_folder(tmp_path / "config", runtime=short))
    assert code(live.asks("ES")) == "allowed"

    def is_free() -> bool:
        if traffic:
            live.publishes(TradingHalted(by="ann", reason="again"))
        return live.status()["slots_used"] == "0"

    until(is_free, "the slot to be free again")
    live.all_decided()
    live.agrees()
    [expired] = [entry for entry in live.decisions() if isinstance(read(entry), EntryExpired)]
    [allowed] = each(EntryAllowed, map(read, live.decisions()))
    because = next(entry for entry in live.events() if str(entry.id) == flat(expired)["event"])
    assert because.fields == ["type", "ClockTicked"]
    assert because.id.ms >= allowed.expires_ms
