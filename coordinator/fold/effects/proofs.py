"""Whose an event is: what of its proof the fold sees to, and what it is told.

Whether a proof is right only somebody with the keys can say, and the log holds none. So the leader says it as
the event comes in (`process/entrance.py`): one that is not proved is refused, and that stands on record as
its decision; whoever decides again takes it from there. What needs no key is decided here: from when on
events are to be proved, and that an order counts once. Pure.
"""

from portfold.coordinator.fold.state import State
from portfold.events.codec import Fields, decode_bare
from portfold.events.incoming import CoordinatorStarted, Event, Malformed
from portfold.events.message import WorkerEvent
from portfold.events.proof import COORDINATOR, Proof, apart, refused, whose

SINCE = 10
_MOST_KEYS = 1_000


def read_event(state: State, fields: Fields, unproved: str) -> Event | Malformed:
    """Reads an entry of the events stream; refuses one that is not proved, or an order that came already.

    `unproved` says why nothing proves whose it is. It counts once a leader with keys has begun.
    """
    own, proof = apart(fields)
    event = decode_bare(own)
    if state.fold_version < SINCE and not (type(event) is CoordinatorStarted and event.fold >= SINCE):
        return event if proof is None else decode_bare(fields)
    if isinstance(event, Malformed):
        return Malformed(unproved, event.type) if unproved and state.keys else event
    if not state.keys:
        return event
    if not unproved and proof is not None and not isinstance(event, WorkerEvent):
        unproved = _again(state, proof) if whose(own) != COORDINATOR else ""
    return Malformed(unproved, type(event).__name__) if unproved else event


def _again(state: State, proof: Proof) -> str:
    """Says so where one that was signed no earlier came under this key: a copy. Else remembers this one."""
    signed = state.orders_signed
    if proof.signed_ms <= signed.get(proof.key, 0):
        return refused("expected an order later than the last by this key, got a copy")
    signed.pop(proof.key, None)  # the key that was used last stands last
    signed[proof.key] = proof.signed_ms
    if len(signed) > _MOST_KEYS:
        del signed[next(iter(signed))]
    return ""
