"""Snapshots: the state at an event, written down to start fast. A cache, never the truth.

A snapshot that is missing, damaged or of another fold is passed over, and the log read from further back. A
whole one still has to lead, by the events after it, to the head's chain (`Follower.prove`).
"""

import hashlib

import msgspec
from msgspec import Struct

from portfold.coordinator.fold.fold import FOLD_VERSION, GOES_ON_FROM
from portfold.coordinator.fold.state import State
from portfold.events.chain import GENESIS
from portfold.events.stream_id import ORIGIN, StreamId


class Checkpoint(Struct):
    """A point of the log: the state, the last event in it and the chain up to there."""

    state: State
    cursor: StreamId
    chain: str


class _Written(Struct):
    fold: int
    cursor: str
    chain: str
    state: msgspec.Raw
    sha256: str


def beginning() -> Checkpoint:
    """Returns the checkpoint before the first event."""
    return Checkpoint(State(), ORIGIN, GENESIS)


def snapshot_text(checkpoint: Checkpoint) -> str:
    """Returns the checkpoint as text, with a checksum over all of it."""
    state = msgspec.json.encode(checkpoint.state)
    checksum = _checksum(FOLD_VERSION, str(checkpoint.cursor), checkpoint.chain, state)
    written = _Written(FOLD_VERSION, str(checkpoint.cursor), checkpoint.chain, msgspec.Raw(state), checksum)
    return msgspec.json.encode(written).decode()


def read_snapshot(text: str | None) -> Checkpoint | None:
    """Returns the checkpoint in a snapshot, or None when it is missing, damaged or of another fold."""
    if text is None:
        return None
    try:
        written = msgspec.json.decode(text.encode("utf-8", "surrogateescape"), type=_Written)
        state = msgspec.json.decode(written.state, type=State)
        cursor = StreamId.parse(written.cursor)
    except (msgspec.MsgspecError, ValueError):
        return None
    expected = _checksum(written.fold, written.cursor, written.chain, bytes(written.state))
    if written.fold not in GOES_ON_FROM or written.sha256 != expected:
        return None
    return Checkpoint(state, cursor, written.chain)


def _checksum(fold: int, cursor: str, chain: str, state: bytes) -> str:
    return hashlib.sha256(f"{fold} {cursor} {chain} ".encode() + state).hexdigest()
