"""The names of fills: one that a broker has named is folded once, whoever reports it.

A name is the broker's own, and brokers are many: each may count from 1. So from version 6 on another fill
under a known name, by its leg or size, is no repeat; its price may be believed otherwise by each who reports
it. Only the latest names of each worker are remembered, openings apart from closes: of these as many as a
broker keeps of one owner that nobody has confirmed.
"""

import hashlib

from portfold.coordinator.fold.state import FILLS_REMEMBERED, State, leg_of
from portfold.events.decisions import EventRejected
from portfold.events.incoming import PositionClosed, PositionOpened
from portfold.events.stream_id import StreamId

_Fill = PositionOpened | PositionClosed
_DIGEST_BYTES = 8
ALREADY_REPORTED = "was already reported at"
"""What the refusal of a repeat says: the log holds that very fill."""


def reported_before(state: State, event: _Fill) -> EventRejected | None:
    """The refusal of a fill that was folded before, or nothing."""
    first = _first_report(state, event) if event.fill else None
    if first is None:
        return None
    kind = type(event).__name__
    return EventRejected(reason=f"{kind}: fill {event.fill} {ALREADY_REPORTED} {first}", rejected=kind)


def _first_report(state: State, event: _Fill) -> str | None:
    """The event that reported the fill, by whichever worker; those with the state are of older versions."""
    name = _name(event)
    if name in state.fills or state.fold_version < 4:
        return state.fills.get(name)
    workers = state.workers.values()
    of_before_6 = next((one.fills[name] for one in workers if name in one.fills), None)
    if of_before_6 is not None or state.fold_version < 6:
        return of_before_6
    name = _name_and_content(event)
    if isinstance(event, PositionOpened):
        return next((one.openings[name] for one in workers if name in one.openings), None)
    return next((one.fills[name] for one in workers if name in one.fills), None)


def remember_fill(state: State, at: StreamId, event: _Fill) -> None:
    """Only the latest of each worker are remembered: one that floods pushes out none but its own."""
    if not event.fill:
        return
    if state.fold_version < 4:
        fills = state.fills
    elif state.fold_version >= 6 and isinstance(event, PositionOpened):
        fills = state.workers[event.worker].openings
    else:
        fills = state.workers[event.worker].fills
    if len(fills) >= FILLS_REMEMBERED:
        del fills[next(iter(fills))]
    fills[_name(event) if state.fold_version < 6 else _name_and_content(event)] = str(at)


def _name(event: _Fill) -> str:
    return f"{type(event).__name__} {event.fill}"  # one fill that reverses a position closes and opens


def _name_and_content(event: _Fill) -> str:
    content = f"{leg_of(event)} {event.size}"
    digest = hashlib.blake2b(content.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{_name(event)} {digest}"
