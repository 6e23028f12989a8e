"""Late reports: a fill or a close from a process whose successor has reported since what the broker holds.

The report was delayed on its way. The successor's holdings may include it already, and an operator may have
settled those, so the book may now count it twice. It is folded all the same, for it is a fact. Nobody can
tell from the log which is true, so entries on the symbol are denied until somebody looks at the broker.

Where the broker names its fills none of this is needed: a name is folded once, unless so many came within a
day that it is forgotten: then a fill of that day or the next is doubted alike. The log knows only the
sessions that it saw: one that it never saw, or has forgotten, counts as a new process; a replaced one that
announces itself anew is the present one again.
"""

from collections.abc import Callable
from typing import TypeVar

from portfold.coordinator.fold.effects.positions import note_unsettled
from portfold.coordinator.fold.fill_names import may_have_been_forgotten
from portfold.coordinator.fold.repeats import is_of_replaced_session
from portfold.coordinator.fold.state import State, Unsettled, leg_of
from portfold.events.decisions import Decision, PositionMismatch
from portfold.events.incoming import PositionClosed, PositionOpened
from portfold.events.stream_id import StreamId

_Fact = TypeVar("_Fact", PositionOpened, PositionClosed)


def doubted_when_late(
    rule: Callable[[State, StreamId, _Fact], list[Decision]], state: State, at: StreamId, event: _Fact
) -> list[Decision]:
    """Folds a fact by its `rule`; adds a PositionMismatch where a late report changed what the log holds."""
    if may_have_been_forgotten(state, at, event):
        why = "and so many fills were reported within a day that names of some were forgotten"
    elif _counted_since(state, event):
        why = "after its successor had started"
    else:
        return rule(state, at, event)
    leg = leg_of(event)
    before, difference = _size(state, leg), state.unsettled.get(leg)
    decisions: list[Decision] = rule(state, at, event)
    after = _size(state, leg)
    reported = any(isinstance(decision, PositionMismatch) for decision in decisions)
    if after == before or reported or _was_missed(difference, event):
        return decisions
    return [*decisions, _doubt(state, at, event, (before, after), why)]


def _counted_since(state: State, event: PositionOpened | PositionClosed) -> bool:
    """Returns whether the owner may have reported its holdings since; of a flattener's close, if it is up."""
    if not is_of_replaced_session(state, event):
        return False
    owner = state.workers.get(event.holder)
    return event.worker == event.holder or (owner is not None and owner.presence == "up")


def _was_missed(difference: Unsettled | None, event: PositionOpened | PositionClosed) -> bool:
    """Returns whether the successor missed the leg at its broker, unsettled so far, and this close is why."""
    gone = difference is not None and difference.kind == "gone_at_broker"
    return gone and isinstance(event, PositionClosed)


def _size(state: State, key: str) -> int:
    held = state.positions.get(key)
    return held.size if held is not None else 0


def _doubt(
    state: State, at: StreamId, event: PositionOpened | PositionClosed, sizes: tuple[int, int], why: str
) -> PositionMismatch:
    before, after = sizes
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
            f"reported by session {event.session} of {event.worker} {why}; if that "
            f"was counted already, the broker holds {before}, not {after}{twice}"
        ),
    )
