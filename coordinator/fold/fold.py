"""The fold: what each event means. Pure and total: `(state, event) -> decisions`.

No clock (time is `at`, the event's ID), no I/O, no randomness, no float. The live coordinator, the audit and
the simulator all decide by this one function, so that what was simulated is what is enforced, and what was
decided can be decided again. However bad the event, it answers; it never raises.
"""

from collections.abc import Callable
from decimal import getcontext, setcontext
from typing import Any, get_args

from portfold.coordinator.fold import repeats
from portfold.coordinator.fold.invariants import InvariantBroken
from portfold.coordinator.fold.rules import entry, lost_tail, operator_orders, positions, presence
from portfold.coordinator.fold.rules.late_report import doubted_when_late
from portfold.coordinator.fold.rules.time_passing import pass_time
from portfold.coordinator.fold.state import State
from portfold.dollars import EXACT
from portfold.events.decisions import Decision, EventRejected
from portfold.events.incoming import (
    ClockTicked,
    CoordinatorStarted,
    EntryRenewed,
    EntryRequested,
    EntryWithdrawn,
    Event,
    FlattenRequested,
    LimitsChanged,
    LogTailMissing,
    LossAcknowledged,
    Malformed,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    PositionSettled,
    TradingHalted,
    TradingResumed,
    WorkerEvent,
    WorkerLost,
    WorkerRetired,
    WorkerStarted,
    WorkerStopped,
)
from portfold.events.stream_id import DECISIONS_PER_EVENT, StreamId

FOLD_VERSION = 6
"""Raised whenever the same events would give other decisions than before.

1 remembered 4 sessions of a worker, 2 remembers 32, so that a delayed event of the fifth is not folded twice.
1 and 2 took a late report as it came, 3 doubts it (`late_report`).
4 counts a close under a new fill name, however many closes the day saw; they took it for a second report. It
keeps the slots of a lost worker; they freed them. Where open P&L begins to count, it lets no open profit of
an earlier day pay for a loss of today. It refuses another event under the number of the last one, a repeat to
them, and remembers the names of 1,024 fills of each worker; they, of 1,024 in all.
5 knows EntryRenewed and WorkerRetired, says of a lost worker what to do about it, and is never followed by
the rules of an earlier one. Where its leader says after how long a silence a worker is lost, a slot whose
time is over, or that a flatten took back, is another's only once its worker would have been counted as lost.
6 lets a slot end at a leader's ClockTicked alone, where it says how long a silence it takes for a death: none
ends with what was written while nobody led, nor with the event by which a new leader says that it leads. In
its sentence about a mismatch it shows a broker's price no finer than any tick, and says where none was given.
It keeps the slots of a worker that stops; they freed them.
It takes no close for a second report of one from before its worker was last granted the symbol. A fill of
another leg or size is another fill under the same name; openings push out no names of closes.
It counts the reminders of a flatten on when another leg joins it; they began anew.
What each decided is decided again alike.
"""

GOES_ON_FROM = (1, 2, 3, 4, 5, FOLD_VERSION)
"""Versions whose spans this one decides as they did, and whose snapshots it goes on from."""


_TYPES = tuple(kind.__name__ for kind in get_args(Event))
_SINCE_5 = (EntryRenewed.__name__, WorkerRetired.__name__)


def fold(state: State, at: StreamId, event: Event | Malformed) -> list[Decision]:
    """Advances `state` by one event and returns what follows from it, in order."""
    callers_arithmetic = getcontext()
    setcontext(EXACT)
    try:
        if type(event) is CoordinatorStarted and event.fold >= 6:
            state.led_since_ms = at.ms  # before time passes: it has watched nobody's signs of life yet
        decisions = pass_time(state, at, ticked=type(event) is ClockTicked)
        decisions += RULES[type(event)](state, at, event)
    finally:
        setcontext(callers_arithmetic)
    for decision in decisions:
        if type(decision) is EventRejected:
            state.stats.events_rejected += 1
    if len(decisions) > DECISIONS_PER_EVENT:
        raise InvariantBroken(
            f"event {at} gave {len(decisions)} decisions, room is for {DECISIONS_PER_EVENT}"
        )
    return decisions


def _entry_requested(state: State, at: StreamId, event: EntryRequested) -> list[Decision]:
    answer = entry.answer(state, at, event)
    repeats.remember_answer(state, at, event, answer)
    return [answer]


def _entry_withdrawn(state: State, at: StreamId, event: EntryWithdrawn) -> list[Decision]:
    return entry.withdraw(state, event)


def _coordinator_started(state: State, at: StreamId, event: CoordinatorStarted) -> list[Decision]:
    # From 5 on the rules never go back: a hand that wrote of an earlier version would loosen them.
    state.fold_version = event.fold if state.fold_version < 5 else max(event.fold, state.fold_version)
    state.epoch = event.epoch
    state.led_since_ms, state.worker_lost_ms = at.ms, event.worker_lost_ms or state.worker_lost_ms
    return []


def _clock_ticked(state: State, at: StreamId, event: ClockTicked) -> list[Decision]:
    return []


def _malformed(state: State, at: StreamId, event: Malformed) -> list[Decision]:
    reason = event.reason
    if state.fold_version < 5:
        unknown = f"type: expected one of {', '.join(_TYPES)}, got '{event.type}'"
        reason = unknown if event.type in _SINCE_5 else reason
        for later in _SINCE_5:
            reason = reason.replace(f"{later}, ", "", 1)  # from the list of the types
    return [EventRejected(reason=reason[: entry.SENTENCE], rejected=event.type[: entry.SENTENCE])]


_Rule = Callable[[State, StreamId, Any], list[Decision]]


def _once(rule: _Rule) -> _Rule:
    """Wraps a rule so that a worker's event is folded once, however often it is published."""

    def folded_once(state: State, at: StreamId, event: WorkerEvent) -> list[Decision]:
        if repeats.is_repeat(state, event):
            return repeats.answer_again(state, event)
        return rule(state, at, event)

    return folded_once


def _since_5(rule: _Rule) -> _Rule:
    """Wraps a rule whose event type the versions before 5 did not know: they refused it as malformed."""

    def unknown_before(state: State, at: StreamId, event: Event) -> list[Decision]:
        if state.fold_version < 5:
            return _malformed(state, at, Malformed("", type(event).__name__))
        return rule(state, at, event)

    return unknown_before


RULES: dict[type, _Rule] = {
    EntryRequested: _once(_entry_requested),
    EntryWithdrawn: _once(_entry_withdrawn),
    EntryRenewed: _since_5(_once(entry.renew)),
    PositionOpened: _once(doubted_when_late(positions.opened)),
    PositionClosed: _once(doubted_when_late(positions.closed)),
    PositionMarked: _once(positions.marked),
    WorkerStarted: _once(presence.started),
    WorkerStopped: _once(presence.stopped),
    LogTailMissing: _once(lost_tail.missing),
    TradingHalted: operator_orders.halted,
    TradingResumed: operator_orders.resumed,
    FlattenRequested: operator_orders.flatten_requested,
    LimitsChanged: operator_orders.limits_changed,
    PositionSettled: operator_orders.settled,
    LossAcknowledged: lost_tail.acknowledged,
    WorkerRetired: _since_5(presence.retired),
    CoordinatorStarted: _coordinator_started,
    ClockTicked: _clock_ticked,
    WorkerLost: presence.lost,
    Malformed: _malformed,
}
