"""The record an audit reads: all events of a portfolio with the decisions on them, wherever they lie.

It lies on a server, in an archive, or in both: whoever reads a `Record` does not see which, and never holds
more of it than a batch. It is read only.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from portfold.coordinator.audit.record.walk import Walk
from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.log_integrity import count_between
from portfold.coordinator.store.log_reader import READ_AT_ONCE, history
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.store.segment import ArchiveError
from portfold.coordinator.store.snapshot import Checkpoint
from portfold.errors import UNUSABLE, PortfoldError
from portfold.events.chain import GENESIS
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry


class RecordError(PortfoldError):
    """The record cannot be read; a sentence that says why and what to do."""

    exit_code = UNUSABLE


class Record(Protocol):
    """One portfolio's past up to `cursor`, where the chain is said to be `chain`.

    `shown` names the place for people. Reading may raise RecordError, LogDiffers, ArchiveError, BusError.
    """

    @property
    def portfolio(self) -> str: ...

    @property
    def shown(self) -> str: ...

    @property
    def cursor(self) -> StreamId: ...

    @property
    def chain(self) -> str: ...

    @property
    def events(self) -> int | None:
        """Returns how many events there are, where that is known beforehand: for progress alone."""
        ...

    def recorded(self) -> Iterator[Recorded]:
        """Yields every event up to `cursor`, from the first, each with its decisions."""
        ...


class LiveRecord:
    """What is on a server up to its head of this moment; `archive` is the folder of what was moved away."""

    def __init__(
        self, bus: Bus, archive: Path | None = None, shown: str = "", *, at_once: int = READ_AT_ONCE
    ) -> None:
        head = bus.head()
        self.portfolio = bus.keys.name
        self.shown = shown or bus.keys.name
        self.cursor = head.cursor if head else ORIGIN
        self.chain = head.chain if head and head.cursor != ORIGIN else GENESIS
        self.events: int | None = head.folded if head else 0
        self._bus = bus
        self._archive = archive
        self._at_once = at_once

    def recorded(self, *, begins: Checkpoint | None = None) -> Iterator[Recorded]:
        """Reads archive and streams as one log; behind the checkpoint `begins`, where one is named."""
        return history(self._bus, self._archive, up_to=self.cursor, at_once=self._at_once, begins=begins)

    @property
    def archive(self) -> Archive | None:
        """Returns what was moved away, as far as it is at hand. Raises ArchiveError."""
        return Archive.open(self._archive, self.portfolio) if self._archive is not None else None

    def undecided(self) -> int:
        """Returns how many events lie behind `cursor`."""
        return count_between(self._bus.events_after, self.cursor, self._bus.last_event())

    def stray(self) -> Entry | None:
        """Returns a decision on an event that is not decided: nobody but a coordinator may write there."""
        beyond = self._bus.decisions_after(self.cursor.after_decisions(), count=1)
        head = self._bus.head()  # asked last: whatever was committed meanwhile, it has come as far
        if beyond and (head is None or beyond[0].id.event() > head.cursor):
            return beyond[0]
        return None


class ArchivedRecord:
    """What an archive holds, that of `portfolio` if one is named; without a server.

    With `segments` it is as if it ended with that many.
    """

    def __init__(self, folder: Path, portfolio: str | None = None, *, segments: int | None = None) -> None:
        whole = Archive.open(folder, portfolio)
        self.archive = (
            whole if segments is None else Archive(folder, whole.portfolio, whole.segments[:segments])
        )
        self.portfolio = self.archive.portfolio
        self.shown = f"{self.portfolio} in the archive {folder}"
        head = self.archive.head
        self.cursor = StreamId.parse(head.cursor) if head else self.archive.end
        self.chain = head.chain if head else self.archive.chain
        self.events: int | None = sum(segment.events for segment in self.archive.segments)

    def recorded(
        self, chain: Callable[[], str] | None = None, *, begins: Checkpoint | None = None
    ) -> Iterator[Recorded]:
        """Yields what each segment holds, checked against its hash first, against its chain once it is read.

        It begins with the segment behind the checkpoint `begins`, where one is named.

        Whoever decides each entry again has it before that, and the better words for what is wrong with it.
        Such a one has the `chain` over all that was handed out as well: it is not made twice.
        """
        walk = Walk(begins.cursor, begins.chain) if begins is not None else Walk()
        for number, segment in enumerate(self.archive.segments, start=1):
            if begins is not None and StreamId.parse(segment.last) <= begins.cursor:
                continue
            for recorded in self.archive.recorded_in(number):
                yield recorded
                walk.past(recorded, chain() if chain else None)
            if walk.chain != segment.chain:
                raise ArchiveError(
                    self.archive.folder / segment.file,
                    "this segment's last chain is not that of its entries. Restore it.",
                )


def archive_of(record: Record) -> Archive | None:
    """Returns the archive in which the record begins, where it does. Raises ArchiveError."""
    return record.archive if isinstance(record, LiveRecord | ArchivedRecord) else None
