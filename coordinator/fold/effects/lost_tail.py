"""What follows where the log lost its end, as when a backup was restored or a replica took over.

The lost events may include fills, so nobody knows what is open: entries are denied until somebody has looked
and acknowledges the loss. Exits go on.
"""

from portfold.coordinator.fold.state import Acknowledged, State, TailMissing
from portfold.events.decisions import Decision
from portfold.events.incoming import LogTailMissing, LossAcknowledged
from portfold.events.stream_id import LARGEST_SEEN, StreamId


def missing(state: State, at: StreamId, event: LogTailMissing) -> list[Decision]:
    """Denies entries from here on, and remembers the first worker that reports the loss.

    An acknowledgement already on the log came after all that was lost before it, so it covers a worker that
    finds out later.
    """
    known = state.acknowledged
    if known is not None and _is_known(StreamId.parse(event.saw), known):
        return []
    if state.tail_missing is None:
        state.tail_missing = TailMissing(worker=event.worker, saw=event.saw, since=str(at))
    return []


def _is_known(saw: StreamId, known: Acknowledged) -> bool:
    """Returns whether the event came before the acknowledgement, or was taken off the log with it."""
    return saw < StreamId.parse(known.at) or is_taken_off(saw, known)


def is_taken_off(saw: StreamId, known: Acknowledged) -> bool:
    """Returns whether the event was taken off the log, on record."""
    if not known.removed:
        return False
    first, last = map(_as_seen, known.removed.split(" "))
    return first <= (saw.ms, saw.seq) <= last


def _as_seen(event: str) -> tuple[int, int]:
    """Returns the ID in numbers, no larger than a worker can say that it saw."""
    ms, seq = event.split("-")
    return min(int(ms), LARGEST_SEEN), min(int(seq), LARGEST_SEEN)


def acknowledged(state: State, at: StreamId, event: LossAcknowledged) -> list[Decision]:
    """Allows entries again, and remembers who answered for it."""
    state.tail_missing = None
    state.acknowledged = Acknowledged(event.by, event.reason, event.detail, str(at), event.removed)
    return []
