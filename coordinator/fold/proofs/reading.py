"""Reads an entry of the events stream: refuses what is not proved, and copies of what was.

Whether a proof is right only somebody with the keys can say, and the log holds none. So the leader says it as
the event comes in (`process/entrance.py`): one that is not proved is refused, and that stands on record as
its decision; whoever decides again takes it from there. What needs no key is decided here: from when on
events are to be proved, and that each counts once. Pure.
"""

from portfold.coordinator.fold.proofs.remembered import Signed
from portfold.coordinator.fold.state import SESSIONS_REMEMBERED, State
from portfold.events.codec import Fields, decode_bare
from portfold.events.incoming import CoordinatorStarted, Event, LossAcknowledged, Malformed
from portfold.events.message import WorkerEvent
from portfold.events.proof import Proof, apart, refused, whose
from portfold.events.stream_id import StreamId

SINCE = 10
_COPY = refused("expected one that did not come before, got a copy")
_LATE = refused("expected one signed later than what is forgotten of that name, got an older one")


def read_event(state: State, at: StreamId, fields: Fields, unproved: str) -> Event | Malformed:
    """Reads the entry `fields`, whose ID is `at`; refuses one that is not proved, or that came already.

    `unproved` says why nothing proves whose it is. It counts once a leader with keys has begun.
    """
    own, proof = apart(fields)
    event = decode_bare(own)
    begins = type(event) is CoordinatorStarted and event.fold >= SINCE
    if state.fold_version < SINCE and not begins:
        return event if proof is None else decode_bare(fields)
    if isinstance(event, Malformed):
        return Malformed(unproved, event.type) if unproved and state.keys else event
    asked = state.keys or (type(event) is CoordinatorStarted and event.keys)
    if proof is not None and not unproved and asked:
        unproved = _came_already(state, at, event, proof, whose(own))
    return Malformed(unproved, type(event).__name__) if unproved and state.keys else event


def _came_already(state: State, at: StreamId, event: Event, proof: Proof, name: str) -> str:
    """Says so where the event, which `name` proved, came already, or may have; else remembers it."""
    signed = state.signed.by(name)
    if isinstance(event, WorkerEvent):
        return _numbered(state, at, event, proof, signed)
    if signed.knows(proof):
        return _COPY
    if signed.has_forgotten(proof):
        return _LATE
    signed.remember(proof, at)
    if isinstance(event, LossAcknowledged):  # what was lost with the log's end, or taken off it, nobody knows
        state.signed.forget(proof.signed)
    return ""


def _numbered(state: State, at: StreamId, event: WorkerEvent, proof: Proof, signed: Signed) -> str:
    """Asks only where the event is of no session that is known: there its number tells a copy by itself."""
    worker = state.workers.get(event.worker)
    if worker is None:
        signed.forgotten = signed.latest  # where it was known before, it is forgotten
    if worker is None or event.session not in worker.seqs:
        if signed.has_forgotten(proof):
            return _LATE
        if worker is not None and len(worker.seqs) >= SESSIONS_REMEMBERED:
            signed.forgotten = signed.latest  # for this one the oldest session is forgotten
    signed.note(proof, at)
    return ""
