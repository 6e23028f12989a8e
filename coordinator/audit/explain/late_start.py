"""Where reading a record begins for whoever asks about one event of it: as late as it can.

An archive keeps the state after each of its segments. So the cost of an answer does not grow with what lies
before the segment it is about. Where no state is kept it begins with the first event.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from portfold.coordinator.audit.record.record import ArchivedRecord, LiveRecord, Record, archive_of
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.checkpoints import Kept, kept_at_the_beginning
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.store.snapshot import Checkpoint
from portfold.events.stream_id import ORIGIN, StreamId

_END = StreamId(2**64 - 1, 2**64 - 1)


class LateStart(NamedTuple):
    """What was known where it begins, and the events from there on."""

    kept: Kept
    recorded: Iterator[Recorded]


def late_start(
    record: Record, before: StreamId = _END, fits: Callable[[Kept], bool] = lambda _: True
) -> LateStart:
    """Begins at the last state kept before the event `before` that `fits`. Raises what reading raises."""
    if isinstance(record, LiveRecord | ArchivedRecord) and (archive := record.archive) is not None:
        kept = archive.nearest(min(before, _after(record.cursor)), fits)
        if kept.events:
            return LateStart(kept, record.recorded(begins=kept.checkpoint))
    return LateStart(kept_at_the_beginning(), record.recorded())


def unfolded_from(record: Record, before: StreamId) -> tuple[StreamId, int, Iterator[Recorded]]:
    """Returns where reading begins for who folds nothing, how many events lie up to there, and those after.

    That is with the last segment that begins before the event `before`. Raises what reading raises.
    """
    archive = archive_of(record)
    ended = [one for one in archive.segments if StreamId.parse(one.last) < before] if archive else []
    if not ended or not isinstance(record, LiveRecord | ArchivedRecord):
        return ORIGIN, 0, record.recorded()
    begins = Checkpoint(State(), StreamId.parse(ended[-1].last), ended[-1].chain)
    return begins.cursor, sum(one.events for one in ended), record.recorded(begins=begins)


def backwards(record: Record) -> Iterator[Iterator[Recorded]]:
    """Yields the stretches of the record, the last first, each from its first event on.

    Raises what reading raises.
    """
    archive = archive_of(record)
    if archive is None or not archive.segments:
        yield record.recorded()
        return
    if isinstance(record, LiveRecord):
        yield record.recorded(begins=Checkpoint(State(), archive.end, archive.chain))
    for number in range(len(archive.segments), 0, -1):
        yield archive.recorded_in(number)


def _after(cursor: StreamId) -> StreamId:
    return StreamId(cursor.ms, cursor.seq + 1)
