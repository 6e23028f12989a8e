"""The log as alerts need it: each event once it is decided, with its decisions, in order, none left out.

How things stand is asked in the notifier's term before anything is read, so one that was replaced reads no
further. What left the server before it was read comes from the archive, if that is to be found here; what
nobody can read any more is said, and so is that the log's end was taken off, beyond which it goes on.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from portfold.coordinator.store.follower import MovedAway
from portfold.coordinator.store.log_reader import LogReader, RemovedByHand
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.store.segment import ArchiveError
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Extent, trimmed_away
from portfold.events.wire.notifier_bus import LogStanding, NotifierBus

READ_AT_ONCE = 200


class Missed(NamedTuple):
    """Events after `after` and up to `up_to` that can no longer be read; `why` says what was tried.

    `perhaps`: of those that are gone nobody can tell whether one came after `after`. Where `up_to` lies
    before `after`, the log's end was taken off, and it goes on behind `up_to`.
    """

    after: StreamId
    up_to: StreamId
    why: str
    perhaps: bool = False


Read = Recorded | Missed


class Reading:
    """Reads for one destination, in the term `term`, from the event after `cursor` on.

    `term` is the present one; `leader` and `now_ms` are as at the last look.
    """

    def __init__(
        self, bus: NotifierBus, destination: str, term: int, cursor: StreamId, archive: Path | None
    ) -> None:
        self._bus = bus
        self._destination = destination
        self.term = term
        self._reader = LogReader(bus, cursor, archive=archive, at_once=READ_AT_ONCE)
        self._begun: Iterator[Recorded] | None = None
        self._seen = self._in_time = cursor
        self.leader = ""
        self.now_ms = 0

    @property
    def last(self) -> StreamId:
        """Returns the last event that was handed out."""
        return self._reader.cursor

    @property
    def waits_for_decision(self) -> bool:
        """Returns whether an event was seen that nobody has decided on yet."""
        return self._seen > self.last

    def wait(self, block_ms: int) -> None:
        """Waits, at most `block_ms`, for an event behind the last one, decided or not. Raises BusError."""
        self._seen = self._reader.next_event(block_ms) or self._seen

    def more(self) -> Iterator[Read]:
        """Yields what comes next, at most a batch, perhaps nothing. Raises TermOver, BusError."""
        extent = self._bus.extent()  # asked first: of what an archiver took by then, the look knows
        look = self._bus.look(self._destination, self.term)
        self.leader, self.now_ms = look.leader, look.now_ms
        begun, self._begun = self._begun, None
        if (back := self._taken_off(extent, look)) is not None:
            begun, self._seen = None, back
            yield self._missed(back, "the end of the log was taken off", perhaps=True)
        if begun is None:
            if (gone := self._trimmed(extent, look)) is not None:
                # What lies right before the first one left need be no event: all that went may be delivered.
                perhaps = extent.length > 0 and gone < look.decided
                yield self._missed(gone, "trimmed from the server, and into no archive", perhaps=perhaps)
            begun = self._reader.up_to(look.decided)
        read = 0
        try:
            for recorded in islice(begun, READ_AT_ONCE):
                read += 1
                if recorded.event.id.ms <= self.now_ms:
                    self._in_time = recorded.event.id
                yield recorded
        except RemovedByHand as error:
            yield self._missed(error.up_to, str(error))
        except (MovedAway, ArchiveError) as error:
            archived = self._bus.archived()
            gone = archived.up_to if archived else look.archived
            if gone > self._reader.cursor:  # otherwise the streams still have what the archive does not give
                yield self._missed(gone, str(error))
        if read == READ_AT_ONCE:
            self._begun = begun

    def _missed(self, up_to: StreamId, why: str, *, perhaps: bool = False) -> Missed:
        """Moves the cursor behind what can no longer be read, and returns that gap."""
        after, self._reader.cursor = self._reader.cursor, up_to
        return Missed(after, up_to, why, perhaps)

    def _taken_off(self, extent: Extent, look: LogStanding) -> StreamId | None:
        """Returns from where to go on where the log ends before the cursor, as after a renewal; else None.

        That is the last event that was read and not ahead of the clock, as all that was put on again lies
        behind it; or, where that is gone too, how far the log is decided. Only a head that was set back, or
        a log that is gone altogether and may be put back, is no reason.
        """
        cursor = self._reader.cursor
        if extent.last == ORIGIN or max(extent.last, look.archived, look.decided) >= cursor:
            return None
        return self._in_time if self._in_time <= extent.last else look.decided

    def _trimmed(self, extent: Extent, look: LogStanding) -> StreamId | None:
        """Returns up to where the next events may be gone, though no archiver took them; None for none."""
        cursor = self._reader.cursor
        an_archiver_was_here = look.archived != ORIGIN and look.archived >= cursor
        if an_archiver_was_here or not trimmed_away(cursor, extent):
            return None
        gone = min(extent.first.before() if extent.length else extent.last, look.decided)
        return gone if gone > cursor else None
