"""A fill or a close that arrives from a process whose successor has told since what the broker holds.

Its report hung on the way. The successor's count may hold it already, and an operator may have settled that
count, so the book may now count it twice. It is folded all the same, for it is a fact; and as nobody can tell
from the log, entries on the symbol are denied until somebody looks at the broker.

Where the broker names its fills none of this is needed: a name is folded once. And the log knows sessions
only as it saw them: one that it never saw, or has forgotten, is a new process to it, and one that announces
itself anew is the present one again, be it back from the dead.
"""

from collections.abc import Callable
from typing import TypeVar

from portfold.coordinator.fold.repeats import is_of_replaced_session
from portfold.coordinator.fold.rules.positions import note_unsettled
from portfold.coordinator.fold.state import State, Unsettled, leg_of
from portfold.events.decisions import Decision, PositionMismatch
from portfold.events.incoming import PositionClosed, PositionOpened
from portfold.events.stream_id import StreamId

_Fact = TypeVar("_Fact", PositionOpened, PositionClosed)


def doubted_when_late(
    rule: Callable[[State, StreamId, _Fact], list[Decision]],
) -> Callable[[State, StreamId, _Fact], list[Decision]]:
    """The rule for a fact, and a PositionMismatch where a late one changed what the log holds."""

    def folded(state: State, at: StreamId, event: _Fact) -> list[Decision]:
        if not _counted_since(state, event):
            return rule(state, at, event)
        leg = leg_of(event)
        before, difference = _size(state, leg), state.unsettled.get(leg)
        decisions: list[Decision] = rule(state, at, event)
        after = _size(state, leg)
        told = any(isinstance(decision, PositionMismatch) for decision in decisions)
        if after == before or told or _was_missed(difference, event):
            return decisions
        return [*decisions, _doubt(state, at, event, before, after)]

    return folded


def _counted_since(state: State, event: PositionOpened | PositionClosed) -> bool:
    """Whether the owner may have told since what it holds. A flattener closes for those who are gone."""
    if not is_of_replaced_session(state, event):
        return False
    owner = state.workers.get(event.holder)
    return event.worker == event.holder or (owner is not None and owner.presence == "up")


def _was_missed(difference: Unsettled | None, event: PositionOpened | PositionClosed) -> bool:
    """The successor did not find the leg at the broker, and nobody has settled that: this close is why."""
    gone = difference is not None and difference.kind == "gone_at_broker"
    return gone and isinstance(event, PositionClosed)


def _size(state: State, key: str) -> int:
    held = state.positions.get(key)
    return held.size if held is not None else 0


def _doubt(
    state: State, at: StreamId, event: PositionOpened | PositionClosed, before: int, after: int
) -> PositionMismatch:
    kind, twice = ("late_close", " and its P&L counts twice") if after < before else ("late_fill", "")
    if kind == "late_close" or leg_of(event) not in state.unsettled:
        note_unsettled(state, at, leg_of(event), event.symbol, event.holder, kind)
    return PositionMismatch(
        worker=event.holder,
        symbol=event.symbol,
        side=event.side,
        kind=kind,
        log_size=after,
        broker_size=before,
        reason=(
            f"reported by session {event.session} of {event.worker} after its successor had started; if that "
            f"was counted already, the broker holds {before}, not {after}{twice}"
        ),
    )
