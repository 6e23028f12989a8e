"""Recognizes repeats: a repeated publish is not folded twice, and a repeated request gets the same answer.

A writer that lost its reply publishes the same (worker, session, seq) again. Numbers only rise within a
session, so a number not above the last one seen was folded, or was overtaken by a later one. Nobody can tell
which, so whatever is older than the last one is refused, never dropped in silence. Another event under the
last number is refused too: two processes use one session, and the second event would be lost.
"""

import hashlib
from itertools import chain

from msgspec import structs

from portfold.coordinator.fold.state import (
    ANSWERS_REMEMBERED,
    SESSIONS_REMEMBERED,
    WORKERS_REMEMBERED,
    State,
    Worker,
    leg_key,
)
from portfold.events.codec import encode
from portfold.events.decisions import Decision, EntryAllowed, EntryDenied, EventRejected
from portfold.events.incoming import EntryRequested
from portfold.events.message import WorkerEvent
from portfold.events.stream_id import StreamId

_SESSIONS_REMEMBERED_BY_1 = 4
_FORGETS_NO_FILLS_SINCE = 10
FLATTENER = "flattener"
"""The name of whoever closes what dead workers left: there is always room for it."""
_DIGEST_BYTES = 8
_ANOTHER = (
    "was used for something else before, so this is not folded: two processes say the same session, perhaps "
    "by a fork. Check what is open, and portfold settle"
)


def known(state: State, event: WorkerEvent) -> bool:
    """Returns whether the event's number, or a later one of its session, was folded. Changes nothing."""
    worker = state.workers.get(event.worker)
    return worker is not None and event.seq <= worker.seqs.get(event.session, -1)


def has_no_room(state: State, event: WorkerEvent) -> bool:
    """Returns whether the event is of a name too many: none of those known may be forgotten for it."""
    for_flattener = 0 if event.worker == FLATTENER else 1  # however many names come, its closes count
    if event.worker in state.workers or len(state.workers) + for_flattener < WORKERS_REMEMBERED:
        return False
    return state.fold_version >= _FORGETS_NO_FILLS_SINCE and _forgettable(state) is None


def no_room(event: WorkerEvent) -> EventRejected:
    """Refuses an event of a name too many, and says how room is made."""
    kind = type(event).__name__
    return EventRejected(
        reason=(
            f"{kind}: {event.worker} is one name too many: {WORKERS_REMEMBERED} workers are known, and what "
            "each reported may come again. Stop whoever makes names up; then portfold retire those that are "
            "lost or stopped, and start this one anew"
        ),
        rejected=kind,
    )


def is_repeat(state: State, event: WorkerEvent) -> bool:
    """Returns whether the event was folded before; if not, remembers that now it is."""
    worker = state.workers.get(event.worker) or _enrol(state, event)
    last = worker.seqs.get(event.session)
    if last is not None and event.seq <= last:
        return True
    if last is None and len(worker.seqs) >= _sessions_remembered(state):
        forgotten = next(name for name in worker.seqs if name != worker.session)
        del worker.seqs[forgotten]
        worker.said.pop(forgotten, None)
    worker.seqs[event.session] = event.seq
    if state.fold_version >= 4:
        worker.said[event.session] = _digest(event)
    return False


def _digest(event: WorkerEvent) -> str:
    text = "\0".join(encode(event)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).hexdigest()


def _sessions_remembered(state: State) -> int:
    """Returns how many sessions the version that leads remembers; before anybody led, as version 1 did."""
    return _SESSIONS_REMEMBERED_BY_1 if state.fold_version < 2 else SESSIONS_REMEMBERED


def is_of_replaced_session(state: State, event: WorkerEvent) -> bool:
    """Returns whether a later process of the worker has announced itself. Versions 1 and 2 did not ask.

    A process that has not announced itself yet is not a replaced one: before it does, it reports what its
    predecessor could not.
    """
    worker = state.workers[event.worker]
    if event.session == worker.session or state.fold_version < 3:
        return False
    sessions = list(worker.seqs)
    return worker.session in sessions[sessions.index(event.session) :]


def answer_again(state: State, event: WorkerEvent) -> list[Decision]:
    """Answers a repeat: a request as before, the last fact with nothing, anything older by a refusal."""
    worker = state.workers[event.worker]
    if isinstance(event, EntryRequested):
        known = worker.answers.get(_name(event))
        if known is not None:
            return [_same_answer(state, event, *known)]
    elif event.seq == worker.seqs[event.session]:
        if worker.said.get(event.session, "") in ("", _digest(event)):
            return []
        return [_refused(event, _ANOTHER)]
    return [_refused(event, "came after a later one; if it was not folded before, publish it anew")]


def _same_answer(
    state: State, event: EntryRequested, first: str, answer: EntryAllowed | EntryDenied
) -> EntryAllowed | EntryDenied | EventRejected:
    """Gives the first answer again. A slot that is no longer reserved is not promised a second time."""
    if (answer.symbol, answer.side, answer.size) != (event.symbol, event.side, event.size):
        return _refused(event, f"was another request, {answer.symbol} {answer.side} {answer.size}, before")
    if isinstance(answer, EntryDenied) or _still_reserved(state, first, answer):
        return structs.replace(answer, repeats=first)
    return EntryDenied(
        worker=answer.worker,
        symbol=answer.symbol,
        side=answer.side,
        size=answer.size,
        code="reservation_over",
        reason=f"The slot that {first} was allowed is filled, given back, expired or taken back by now",
        repeats=first,
    )


def _still_reserved(state: State, first: str, answer: EntryAllowed) -> bool:
    reserved = state.reservations.get(leg_key(answer.symbol, answer.side, answer.worker))
    if reserved is None or reserved.kept or reserved.revoked:
        return False
    return (reserved.request, reserved.size) == (first, answer.size)


def _refused(event: WorkerEvent, why: str) -> EventRejected:
    kind = type(event).__name__
    reason = f"{kind}: number {event.seq} of session {event.session} {why}"
    return EventRejected(reason=reason, rejected=kind)


def remember_answer(
    state: State, at: StreamId, event: EntryRequested, answer: EntryAllowed | EntryDenied
) -> None:
    """Keeps the answer for a repeat of the request; only the latest few of each worker."""
    answers = state.workers[event.worker].answers
    if len(answers) >= ANSWERS_REMEMBERED:
        del answers[next(iter(answers))]
    answers[_name(event)] = (str(at), answer)


def _name(event: WorkerEvent) -> str:
    return f"{event.session}:{event.seq}"


def _enrol(state: State, event: WorkerEvent) -> Worker:
    for_flattener = 1 if state.fold_version >= _FORGETS_NO_FILLS_SINCE and event.worker != FLATTENER else 0
    if len(state.workers) + for_flattener >= WORKERS_REMEMBERED:
        _forget_one(state)
    worker = state.workers[event.worker] = Worker(session=event.session)
    return worker


def _forget_one(state: State) -> None:
    """Forgets one worker to make room."""
    since_10 = state.fold_version >= _FORGETS_NO_FILLS_SINCE
    name = _forgettable(state) if since_10 else _forgettable_until_9(state)
    if name is None:
        return  # asked before: `has_no_room`
    del state.workers[name]
    if name in state.lost:
        state.lost.remove(name)


def _forgettable(state: State) -> str | None:
    """Returns a worker of which nothing can come again that would be counted twice, if there is one.

    That is one that has no more at stake and never reported a fill, or one that a person retired.
    One that is up is not forgotten: its numbers tell a repeat.
    """
    busy = _busy(state)
    for name, worker in state.workers.items():
        if name in busy or worker.presence == "up":
            continue
        if worker.presence == "retired" or not _has_reported(worker):
            return name
    return None


def _busy(state: State) -> set[str]:
    busy = {held.worker for held in state.positions.values()}
    busy |= {reservation.worker for reservation in state.reservations.values()}
    return busy.union(state.lost)


def _forgettable_until_9(state: State) -> str:
    """Returns one with nothing at stake, preferably one that is not up.

    Prefers one that reported no fill, as the names of its fills are forgotten with it.
    """
    busy = _busy(state)
    idle = [name for name in state.workers if name not in busy]
    away = [name for name in idle if state.workers[name].presence != "up"]
    unfilled = [name for name in (*away, *idle) if not _has_reported(state.workers[name])]
    return next(chain(unfilled, away, idle, state.workers))


def _has_reported(worker: Worker) -> bool:
    return bool(worker.fills or worker.openings)
