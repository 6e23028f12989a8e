"""What follows where the log lost its end, as when a backup was restored or a replica took over.

The lost events may include fills, so nobody knows what is open: entries are denied until somebody has looked
and acknowledges the loss. Exits go on.
"""

from portfold.coordinator.fold.state import Acknowledged, State, TailMissing
from portfold.events.decisions import Decision
from portfold.events.incoming import LogTailMissing, LossAcknowledged
from portfold.events.stream_id import StreamId


def missing(state: State, at: StreamId, event: LogTailMissing) -> list[Decision]:
    """Denies entries from here on, and remembers the first worker that reports the loss.

    An acknowledgement already on the log came after all that was lost before it, so it covers a worker that
    finds out later.
    """
    known = state.acknowledged
    if known is not None and StreamId.parse(event.saw) < StreamId.parse(known.at):
        return []
    if state.tail_missing is None:
        state.tail_missing = TailMissing(worker=event.worker, saw=event.saw, since=str(at))
    return []


def acknowledged(state: State, at: StreamId, event: LossAcknowledged) -> list[Decision]:
    """Allows entries again, and remembers who answered for it."""
    state.tail_missing = None
    state.acknowledged = Acknowledged(by=event.by, reason=event.reason, detail=event.detail, at=str(at))
    return []
