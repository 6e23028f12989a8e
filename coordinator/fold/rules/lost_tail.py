"""The log lost its end, as when a backup was restored or a replica took over: what follows from that.

What the worker saw may have been a fill, so what is open is not known: no entries until somebody has looked
and acknowledges the loss. Exits go on.
"""

from portfold.coordinator.fold.state import Acknowledged, State, TailMissing
from portfold.events.decisions import Decision
from portfold.events.incoming import LogTailMissing, LossAcknowledged
from portfold.events.stream_id import StreamId


def missing(state: State, at: StreamId, event: LogTailMissing) -> list[Decision]:
    """Entries are denied from here on; the first to say so is remembered.

    An acknowledgement on the log was put there behind all that had been lost before it, so it covers whoever
    finds out later.
    """
    known = state.acknowledged
    if known is not None and StreamId.parse(event.saw) < StreamId.parse(known.at):
        return []
    if state.tail_missing is None:
        state.tail_missing = TailMissing(worker=event.worker, saw=event.saw, since=str(at))
    return []


def acknowledged(state: State, at: StreamId, event: LossAcknowledged) -> list[Decision]:
    """Entries are allowed again, and who said so is remembered."""
    state.tail_missing = None
    state.acknowledged = Acknowledged(by=event.by, reason=event.reason, detail=event.detail, at=str(at))
    return []
