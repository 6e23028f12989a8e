"""The words of the log: what operators grep for, for everything that can be decided."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, get_args

import pytest

from portfold.coordinator.fold.state import State
from portfold.coordinator.store.ledger import decide
from portfold.coordinator.views.narration import Line, narrate
from portfold.events.calendar import SessionsPublished, WindowsPublished
from portfold.events.chain import GENESIS
from portfold.events.codec import encode
from portfold.events.decisions import Decision
from portfold.events.incoming import (
    Event,
    LockoutOrdered,
    Malformed,
    PositionClosed,
    PositionMarked,
    WorkerStopped,
)
from portfold.events.stream_id import StreamId
from tests.coordinator.story import MINUTE, SECOND, Story, chicago


class Told(Story):
    """A story, with the lines an operator would have read."""

    def __init__(self, **changed_limits: Any) -> None:
        self.lines: list[Line] = []
        self.decided: set[type] = set()
        super().__init__(**changed_limits)

    def hears(self, event: Event | Malformed, at: int | None = None) -> list[Decision]:
        assert not isinstance(event, Malformed)
        self.ms = self.ms + 1 if at is None else at
        return self.reads(encode(event))

    def reads(self, fields: list[str]) -> list[Decision]:
        """An entry of the log as it lies there."""
        decided = decide(self.state, GENESIS, StreamId(self.ms, 0), fields)
        self.lines = narrate(self.state, decided)
        self.decided |= {type(decision) for decision in decided.decisions}
        return decided.decisions

    def told(self) -> list[tuple[str, str]]:
        """Levels and texts of the lines for the last event."""
        return [(line.level, line.text) for line in self.lines]


NQ_TOO = "6A 6B 6C 6N 6S CL ES NQ PL RTY SI"


@pytest.fixture
def story() -> Told:
    return Told(symbols=NQ_TOO)


def test_an_entry_that_finds_no_slot(story: Told) -> None:
    story.enters("6A", "CL", "NQ", "SI")
    story.asks("ES")
    assert story.told() == [
        ("info", "⛔ ES ENTRY BLOCKED BY PORTFOLIO: Max positions (4) reached. Open: 6A, CL, NQ, SI | ibs-ES")
    ]


def test_an_entry_that_finds_slots_reserved(story: Told) -> None:
    story.enters("6A", "CL")
    for symbol in ("SI", "NQ", "ES"):
        story.asks(symbol)
    assert story.told() == [
        (
            "info",
            "⛔ ES ENTRY BLOCKED BY PORTFOLIO: Max positions (4) reached. Open: 6A, CL | Reserved: NQ, SI "
            "| ibs-ES",
        )
    ]


def test_an_entry_allowed(story: Told) -> None:
    story.enters("CL")
    story.asks("ES", side="short")
    assert story.told() == [("info", "ES entry allowed: short 1 | Slots: 2/4 | ibs-ES")]


def test_a_position_opened(story: Told) -> None:
    story.enters("CL", "SI")
    story.asks("6A")
    story.fills("6A")
    assert story.told() == [("info", "Opened: 6A long 1 @ 100 | ibs-6A | Open positions: 3/4")]


def test_a_position_closed(story: Told) -> None:
    story.enters("CL", "SI", "6A", "ES")
    story.closes("CL", pnl="200")
    story.closes("6A", pnl="125")
    assert story.told() == [
        ("info", "Closed: 6A long 1 @ 100 | P&L: $125.00 | ibs-6A | Daily P&L: $325.00 | Open positions: 2/4")
    ]


def test_the_stop(story: Told) -> None:
    story.enters("CL", "SI", "6A")
    story.closes("CL", pnl="-2512.5")
    assert ("critical", THE_STOP) in story.told()


THE_STOP = "🚨 PORTFOLIO STOP LOSS TRIGGERED 🚨 | Daily P&L: $-2,512.50 | Limit: $2,500 | Open positions: 2"


FRIDAY = ("2025-01-17", "2025-01-20", "2025-01-17=2025-01-16T23:00Z..2025-01-17T22:00Z")


def of_the_calendar(story: Told) -> Iterator[list[Decision]]:
    """A window that closes everything, and what may be published."""
    yield story.change_limits(windows="thu/15:00..15:10=flatten", by="ann", reason="not over the close")
    yield story.at(chicago(2025, 1, 16, 15))
    yield story.closes("SI", pnl="5")
    yield story.at(chicago(2025, 1, 16, 15, 10))
    yield story.hears(SessionsPublished("ann", "holidays", "by hand", *FRIDAY))
    yield story.hears(WindowsPublished("ann", "news", "news.csv"))
    yield story.hears(LockoutOrdered("ann", "two bad weeks", chicago(2025, 1, 16, 16)))
    yield story.at(chicago(2025, 1, 16, 16))


def test_everything_that_can_be_decided_has_its_line() -> None:
    story = Told(symbols=NQ_TOO, mark_stale_ms=MINUTE, point_values="RTY=50")
    said: list[str] = []

    def then(_decisions: object) -> None:
        said.extend(f"{level:8} {text}" for level, text in story.told())

    then(story.starts("ibs-ES", symbols="ES CL", positions="ES:long:1:100"))
    then(story.starts("ibs-ES", session="s2", positions="ES:long:1:100"))
    then(story.asks("SI"))
    then(story.after(30 * SECOND))
    then(story.marks("ES", "-2000", price="60"))
    then(story.after(MINUTE))
    then(story.loses_worker("ibs-ES", session="s2"))
    then(story.asks("ES", session="s2"))
    then(story.flatten())
    then(story.after(10 * SECOND))
    then(story.closes("ES", pnl="-1900", price="62", session="s2"))
    then(story.settle("CL", 1))
    then(story.settle("CL", 0, pnl="-1"))
    then(story.resume())
    then(story.halt())
    then(story.resume())
    then(story.fills("RTY"))
    then(story.closes("RTY", pnl="25", price="87.9", commission="5"))
    then(story.resume())
    then(story.resume(force=True))
    then(story.stops("ibs-RTY"))
    then(
        story.change_limits(
            max_positions=2,
            daily_stop_loss=Decimal("900.5"),
            by="ann",
            reason="careful",
            second="joe",
        )
    )
    then(story.at(chicago(2025, 1, 15, 17)))
    watch: dict[str, Any] = {"account": "DU1", "account_grace_ms": 10 * SECOND}
    watch |= {"symbols": NQ_TOO, "account_silent_ms": 30 * SECOND}
    then(story.change_limits(by="ann", second="joe", reason="watched", **watch))
    then(story.account_says("50000"))
    then(story.account_says("49000", "ES:long:1:100"))
    then(story.account_says("49000", "ES:long:1:100", after=10 * SECOND))
    then(story.account_says("50000"))
    then(story.fills("ES", worker="ibs-CL"))
    then(story.flatten())
    then(story.closes("ES", pnl="5", worker="ibs-CL"))
    then(story.after(10 * SECOND))
    then(story.settle_account())
    then(story.after(30 * SECOND))
    then(story.account_says("50005"))
    then(story.change_limits(weekly_loss=Decimal(1), by="ann", reason="enough"))
    then(story.change_limits(mark_jumps="SI=5", mark_confirm_seconds=10, by="ann", reason="ticks"))
    then(story.fills("SI"))
    then(story.marks("SI", "-500", price="90"))
    then(story.orders(max_positions=5))
    then(story.orders())
    for decided in of_the_calendar(story):
        then(decided)
    assert said == EVERYTHING.splitlines()
    assert story.decided == set(get_args(Decision))


EVERYTHING = """\
info     Worker started: ibs-ES | Symbols: ES CL
error    POSITION MISMATCH (unknown_to_us): ES of ibs-ES: the log holds 0, the broker 1 at 100; \
the larger counts
info     Worker started: ibs-ES | Symbols: none
info     Position adopted: ES long 1 by ibs-ES
info     SI entry allowed: long 1 | Slots: 2/4 | ibs-SI
warning  SI entry expired, its slot is free again: not filled in time | ibs-SI
warning  Daily loss at 80 % of the limit | Daily P&L: $-2,000.00 | Limit: $2,500
warning  Mark of ES is 1 m 00 s old (ibs-ES)
error    Worker lost: ibs-ES | Silent for 5.0 s
info     ⛔ ES ENTRY BLOCKED BY PORTFOLIO: Worker ibs-ES, which trades ES, is lost | ibs-ES
critical Flatten ordered by ann: going home
critical Flatten: ES long 1 (ibs-ES) | ordered by ann
critical Flatten handed over to the flattener: ES long 1 (ibs-ES)
critical FLATTEN OVERDUE by 0 ms | Still open: ES long 1 (ibs-ES)
critical Flatten handed over to the flattener: ES long 1 (ibs-ES)
info     Closed: ES long 1 @ 62 | P&L: $-1,900.00 | ibs-ES | Daily P&L: $-1,900.00 | Open positions: 0/4
warning  Flat after 10 s | ordered by ann
warning  Position settled by ann: CL of ibs-CL is long 1 | P&L: $0.00 | as the broker says
critical Flatten: CL long 1 (ibs-CL) | CL settled open after the order to flatten
critical Flatten handed over to the flattener: CL long 1 (ibs-CL)
warning  Position settled by ann: CL of ibs-CL is long 0 | P&L: $-1.00 | as the broker says
warning  Flat after 1 ms | CL settled open after the order to flatten
warning  Trading resumed by ann: calm again
warning  Trading halted by ann: news
warning  Trading resumed by ann: calm again
info     Opened: RTY long 1 @ 100 | ibs-RTY | Open positions: 1/4
error    LIMIT BREACHED (ungranted) by ibs-RTY: 1 filled where 0 were granted
info     Closed: RTY long 1 @ 87.9 | P&L: $25.00 | ibs-RTY | Daily P&L: $-2,511.00 | Open positions: 0/4
error    P&L DISPUTED: RTY of ibs-RTY | Reported: $25.00 | Computed: $-610.00 | Counted: $-610.00
critical 🚨 PORTFOLIO STOP LOSS TRIGGERED 🚨 | Daily P&L: $-2,511.00 | Limit: $2,500 | Open positions: 0
warning  Flat after 0 ms | daily stop loss
error    Event rejected: TradingResumed: stopped out on 2025-01-15; force=true lifts the stop, on record
warning  Trading resumed by ann: calm again (the day's stop lifted by force)
info     Worker stopped: ibs-RTY | end of the day
warning  Limits ordered: max_positions=2, max_contracts=4, daily_stop_loss=$900.50 | By ann, \
second joe: careful
info     Trading day 2025-01-16 | 2025-01-15 before it: Daily P&L: $-2,511.00 | \
Entries allowed: 1, blocked: 1 | Stops: 1
warning  Limits ordered: max_positions=4, max_contracts=4, daily_stop_loss=$2,500 | By ann, \
second joe: watched
error    ACCOUNT DIFFERS in ES: the log says flat, the account long 1, for 10 s | Entries \
in ES are denied
error    ACCOUNT DIFFERS in equity: the log says $50,000.00, the account $49,000.00, for \
10 s | All entries are denied
info     Account agrees again in ES, after 11 s
info     Account agrees again in equity, after 11 s
info     Opened: ES long 1 @ 100 | ibs-CL | Open positions: 1/4
error    LIMIT BREACHED (ungranted) by ibs-CL: 1 filled where 0 were granted
critical Flatten ordered by ann: going home
critical Flatten: ES long 1 (ibs-CL) | ordered by ann
critical Flatten handed over to the flattener: ES long 1 (ibs-CL)
info     Closed: ES long 1 @ 100 | P&L: $5.00 | ibs-CL | Daily P&L: $0.00 | Open positions: 0/4
critical NOT CONFIRMED FLAT: all is reported closed, but account DU1 has not been \
reported since the last close
warning  Account DU1 settled by ann: as the broker says
warning  Flat after 10 s | ordered by ann
error    ACCOUNT NOT REPORTED: nothing of DU1 for 40 s
info     Account DU1 is reported again, after 41 s
warning  Limits ordered: max_positions=4, max_contracts=4, daily_stop_loss=$2,500, weekly_loss=1 | By ann, \
second a second person: enough
critical LIMIT REACHED (weekly_loss): P&L $-2,506.00 of the week from 2025-01-13 reached the limit $-1.00 | \
Everything is closed, and entries are denied until 2025-01-20
critical Flatten: nothing open | weekly_loss reached
warning  Flat after 0 ms | weekly_loss reached
warning  Limits ordered: max_positions=4, max_contracts=4, daily_stop_loss=$2,500, mark_jumps=SI=5, \
mark_confirm_seconds=10 | By ann, second a second person: ticks
info     Opened: SI long 1 @ 100 | ibs-SI | Open positions: 1/4
error    LIMIT BREACHED (ungranted) by ibs-SI: 1 filled where 0 were granted
critical Flatten: SI long 1 (ibs-SI) | SI filled after the order to flatten
critical Flatten handed over to the flattener: SI long 1 (ibs-SI)
warning  Mark of SI jumped from 100 to 90 (ibs-SI)
warning  Limits ordered: max_positions=5, max_contracts=4, daily_stop_loss=$2,500 | By ann: as ordered
warning  Limits that loosen count from 2025-01-17: max_positions=5 (now 4); mark_jumps=none (now SI=5); \
mark_confirm_seconds=0 (now 10) | by ann | at once only with the name of a second person
warning  Limits ordered: max_positions=4, max_contracts=4, daily_stop_loss=$2,500 | By ann: as ordered
warning  Limits that loosen wait no more: a newer order has replaced them: max_positions=5 (now 4); \
mark_jumps=none (now SI=5); mark_confirm_seconds=0 (now 10) | by ann
warning  Limits that loosen count from 2025-01-17: mark_jumps=none (now SI=5); mark_confirm_seconds=0 \
(now 10) | by ann | at once only with the name of a second person
warning  Limits ordered: max_positions=4, max_contracts=4, daily_stop_loss=$2,500, \
windows=thu/15:00..15:10=flatten | By ann, second a second person: not over the close
warning  Limits that loosen wait no more: a newer order has replaced them: mark_jumps=none (now SI=5); \
mark_confirm_seconds=0 (now 10) | by ann
warning  Window thu/15:00..15:10=flatten is open until 2025-01-16 21:10:00 UTC: everything is closed, \
no entries
critical Flatten: SI long 1 (ibs-SI) | window thu/15:00..15:10=flatten
critical Flatten handed over to the flattener: SI long 1 (ibs-SI)
critical FLATTEN OVERDUE by 21 h 58 m | Still open: SI long 1 (ibs-SI)
critical Flatten handed over to the flattener: SI long 1 (ibs-SI)
info     Closed: SI long 1 @ 100 | P&L: $5.00 | ibs-SI | Daily P&L: $10.00 | Open positions: 0/4
warning  Flat after 21 h 59 m | SI filled after the order to flatten
info     Window thu/15:00..15:10=flatten is over
info     Sessions published by ann: 1 from 2025-01-17 to 2025-01-20 | by hand
info     Windows published by ann: 0 | news.csv
warning  Locked out by ann until 2025-01-16 22:00:00 UTC, and nobody lifts it before: two bad weeks
info     The lockout by ann is over: it lasted until 2025-01-16 22:00:00 UTC
"""


@pytest.mark.parametrize("kind", [PositionClosed, PositionMarked])
def test_a_fact_that_is_refused_is_not_told_as_if_it_had_happened(story: Told, kind: Any) -> None:
    if kind is PositionMarked:
        story.marks("ES", "-1")
    else:
        story.enters("ES")
        story.closes("ES")
        story.closes("ES")
    [(level, text)] = story.told()
    assert level == "error"
    assert text.startswith(f"Event rejected: {kind.__name__}: ")


def test_who_stops_with_a_slot_is_asked_about_it() -> None:
    story = Told()
    story.asks("ES", worker="mine")
    story.stops("mine")
    assert story.told() == [
        ("info", "Worker stopped: mine | end of the day"),
        ("warning", "Its slot stays taken, for it may be filled: ES of mine"),
    ]


def test_a_strategy_that_failed_is_no_plain_goodbye() -> None:
    story = Told()
    story.says(WorkerStopped, "mine", "s1", reason="strategy failed: mine.py:Mine raised KeyError")
    assert story.told() == [
        ("critical", "Worker stopped: mine | strategy failed: mine.py:Mine raised KeyError")
    ]


def test_before_any_limits_a_position_is_told_without_one() -> None:
    story = Told()
    story.state = State()
    story.fills("ES")
    assert story.told()[0] == ("info", "Opened: ES long 1 @ 100 | ibs-ES | Open positions: 1")
