"""A fill or a close that arrives from a process whose successor has told since what the broker holds.

Its report hung on the way. The successor's count may hold it already, and an operator may have settled that
count, so the book may now count it twice. It is folded all the same, for it is a fact; and as nobody can tell
from the log, entries on the symbol are denied until somebody looks at the broker.
"""

from collections.abc import Callable
from typing import TypeVar

from coordinator.positions import note_unsettled
from coordinator.repeats import is_of_replaced_session
from coordinator.state import State, leg_key
from events.decisions import Decision, PositionMismatch
from events.incoming import PositionClosed, PositionOpened
from events.stream_id import StreamId

_Fact = TypeVar("_Fact", PositionOpened, PositionClosed)


def doubted_when_late(
    rule: Callable[[State, StreamId, _Fact], list[Decision]],
) -> Callable[[State, StreamId, _Fact], list[Decision]]:
    """The rule for a fact, and a PositionMismatch where a late one changed what the log holds."""

    def folded(state: State, at: StreamId, event: _Fact) -> list[Decision]:
        if not is_of_replaced_session(state, event):
            return rule(state, at, event)
        before = _size(state, _leg(event))
        decisions: list[Decision] = rule(state, at, event)
        after = _size(state, _leg(event))
        return decisions if after == before else [*decisions, _doubt(state, at, event, before, after)]

    return folded


def _leg(event: PositionOpened | PositionClosed) -> str:
    return leg_key(event.symbol, event.side, _owner(event))


def _owner(event: PositionOpened | PositionClosed) -> str:
    return (event.owner if isinstance(event, PositionClosed) else "") or event.worker


def _size(state: State, key: str) -> int:
    held = state.positions.get(key)
    return held.size if held is not None else 0


def _doubt(
    state: State, at: StreamId, event: PositionOpened | PositionClosed, before: int, after: int
) -> PositionMismatch:
    kind = "late_close" if after < before else "late_fill"
    if kind == "late_close" or _leg(event) not in state.unsettled:
        note_unsettled(state, at, _leg(event), event.symbol, _owner(event), kind)
    return PositionMismatch(
        worker=_owner(event),
        symbol=event.symbol,
        side=event.side,
        kind=kind,
        log_size=after,
        broker_size=before,
        reason=(
            f"session {event.session} of {event.worker} reported it after its successor had started; if that "
            f"counted it already, the broker holds {before}, not {after}"
        ),
    )
