"""The names of fills: a fill that a broker has named is folded once, whoever reports it.

Each broker names its own fills, and each may count from 1. So from version 6 on, a fill of another leg or
size under a known name is no repeat. Its price does not matter: two who report one fill may believe two
prices. Only the latest names of each worker are remembered, openings apart from closes: of closes as many as
a broker keeps unconfirmed for one owner. From version 10 on, of a day's names eight times as many; where even
more come, so that some are pushed out, whatever fill of that worker comes in the next day is doubted, and
whatever close where it closes for others: see `late_report`.
"""

import hashlib

from portfold.coordinator.fold.state import FILLS_OF_A_DAY, FILLS_REMEMBERED, State, Worker, leg_of
from portfold.events.decisions import EventRejected
from portfold.events.incoming import PositionClosed, PositionOpened
from portfold.events.stream_id import StreamId

_Fill = PositionOpened | PositionClosed
_DIGEST_BYTES = 8
_A_DAY_SINCE = 10
A_DAY_MS = 86_400_000
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
    for worker in state.workers.values():
        if name in worker.fills:
            return worker.fills[name]
    name_since_6, opens = _name_and_content(event), isinstance(event, PositionOpened)
    for worker in state.workers.values():
        names = worker.openings if opens else worker.fills
        if name_since_6 in names:
            return names[name_since_6]
    return None


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
    if state.fold_version >= _A_DAY_SINCE:
        worker = state.workers[event.worker]
        worker.closes_for_others |= event.holder != event.worker
        _make_room(worker, fills, at)
    elif len(fills) >= FILLS_REMEMBERED:
        del fills[next(iter(fills))]
    fills[_name(event) if state.fold_version < 6 else _name_and_content(event)] = str(at)


def _make_room(worker: Worker, fills: dict[str, str], at: StreamId) -> None:
    """Forgets the oldest of too many, those of the last day only where there are too many of them alone."""
    for _ in range(2):  # one more goes than comes: so after a busy day there are soon as few as ever
        if len(fills) < FILLS_REMEMBERED:
            return
        oldest = next(iter(fills))
        lately = at.ms - StreamId.parse(fills[oldest]).ms < A_DAY_MS
        if lately and len(fills) < FILLS_OF_A_DAY:
            return
        del fills[oldest]
        if lately:
            worker.forgot_ms = at.ms
            return


def may_have_been_forgotten(state: State, at: StreamId, event: _Fill) -> bool:
    """Returns whether this fill may have been reported before under a name that a flood pushed out."""
    if not event.fill or state.fold_version < _A_DAY_SINCE:
        return False
    own, closes = (event.worker, event.holder), isinstance(event, PositionClosed)
    return any(
        worker.forgot_ms and at.ms - worker.forgot_ms < A_DAY_MS
        for name, worker in state.workers.items()
        if name in own or (closes and worker.closes_for_others)
    )


def _name(event: _Fill) -> str:
    return f"{type(event).__name__} {event.fill}"  # one fill that reverses a position closes and opens


def _name_and_content(event: _Fill) -> str:
    content = f"{leg_of(event)} {event.size}"
    digest = hashlib.blake2b(content.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{_name(event)} {digest}"
