"""The names of fills: a fill that a broker has named is folded once, whoever reports it.

Each broker names its own fills, and each may count from 1. So from version 6 on, a fill of another leg or
size under a known name is no repeat. Its price does not matter: two who report one fill may believe two
prices. Only the latest names of each worker are remembered, openings apart from closes: of closes as many as
a broker keeps unconfirmed for one owner.
"""

import hashlib
from collections.abc import Iterable, Mapping

from portfold.coordinator.fold.state import FILLS_REMEMBERED, State, leg_of
from portfold.events.decisions import EventRejected
from portfold.events.incoming import PositionClosed, PositionOpened
from portfold.events.stream_id import StreamId

_Fill = PositionOpened | PositionClosed
_DIGEST_BYTES = 8
ALREADY_REPORTED = "was already reported at"
"""What the refusal of a repeat says: the log holds that very fill."""


def reported_before(state: State, event: _Fill) -> EventRejected | None:
    """Refuses a fill that was folded before; returns None for a new one."""
    first = _first_report(state, event) if event.fill else None
    if first is None:
        return None
    kind = type(event).__name__
    return EventRejected(reason=f"{kind}: fill {event.fill} {ALREADY_REPORTED} {first}", rejected=kind)


def _first_report(state: State, event: _Fill) -> str | None:
    """Returns the event that first reported the fill. Older versions keep fills in the state itself."""
    name = _name(event)
    if name in state.fills or state.fold_version < 4:
        return state.fills.get(name)
    workers = state.workers.values()
    fills = [worker.fills for worker in workers]
    since_6 = [worker.openings for worker in workers] if isinstance(event, PositionOpened) else fills
    return _found(name, fills) or _found(_name_and_content(event), since_6)


def _found(name: str, of_workers: Iterable[Mapping[str, str]]) -> str | None:
    return next((names[name] for names in of_workers if name in names), None)


def remember_fill(state: State, at: StreamId, event: _Fill) -> None:
    """Remembers the fill's name. Only the latest of each worker are kept: a flood pushes out only its own."""
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
