"""The archiver: moves verified history from the server to an archive.

In this order, so that it may be killed anywhere and the log is whole: every event is decided again and
compared with what is on record; the segment goes to the disk under another name, is read back and checked,
and gets its name; archive.json lists it; the rest is decided again as far as the snapshot, which has to be of
this log; only then are the streams trimmed, both by one script. The next run goes on where one was ended.

A segment ends with an event that was decided on, as only decisions carry the chain: so each is proved.

A lock on the folder keeps a second archiver out. It is the operating system's: it ends with its process
however that ends, and a process that was paused still has it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from portfold.coordinator.store.archive import SEGMENT_EVENTS, Archive, Segment
from portfold.coordinator.store.follower import Follower, LogDiffers, moved_away
from portfold.coordinator.store.log_reader import LogReader
from portfold.coordinator.store.recorded import Difference, Recorded, difference
from portfold.coordinator.store.segment import ArchiveError, Closing, Opening, open_segment, write_segment
from portfold.coordinator.store.snapshot import Checkpoint, read_snapshot
from portfold.coordinator.store.verification import not_what_was_decided
from portfold.errors import PortfoldError
from portfold.events.codec import decode_event
from portfold.events.incoming import CoordinatorStarted
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.archiver_bus import ArchiverBus

_DAY_MS = 86_400_000


class NotArchived(PortfoldError):
    """Why history cannot be archived now. Nothing was trimmed after that."""


class Keep(Struct, frozen=True):
    """What stays on the server: so many events before the snapshot, or those of so many days before it."""

    events: int = 10_000
    days: int | None = None


class Archived(Struct):
    """What a run did, or would do: entries archived and trimmed, and the first event that stays.

    `decided` counts the events that were decided again: those archived, and those kept.
    """

    events: int = 0
    decisions: int = 0
    segments: int = 0
    trimmed_events: int = 0
    trimmed_decisions: int = 0
    first_kept: StreamId = ORIGIN
    decided: int = 0


def archive_history(
    bus: ArchiverBus,
    folder: Path,
    keep: Keep,
    *,
    on_progress: Callable[[Segment], object] | None = None,
    segment_events: int = SEGMENT_EVENTS,
) -> Archived:
    """Archives into `folder` what need not be kept, and trims it; shows `on_progress` each segment once it is
    listed.

    Raises NotArchived, LogDiffers, ArchiveError, BusError.
    """
    with _held(folder):
        run = _Run(bus, folder, keep)
        for segment in run.write(segment_events):
            if on_progress is not None:
                on_progress(segment)
        run.trim()
    return run.done


def outlook(bus: ArchiverBus, folder: Path, keep: Keep) -> Archived:
    """Returns what `archive_history` would do: decides all of it again, and writes nothing."""
    run = _Run(bus, folder, keep)
    run.count()
    return run.done


class _Run:
    """One run. `done` is what it has done so far."""

    def __init__(self, bus: ArchiverBus, folder: Path, keep: Keep) -> None:
        self._bus = bus
        self._archive = Archive.open_or_begin(folder, bus.keys.name)
        self._keep = keep
        self._follower = Follower(self._archive.checkpoint)
        self._leader = _leader_at_the_end(self._archive)
        self.done = Archived()

    def write(self, segment_events: int) -> Iterator[Segment]:
        """Lists what an earlier run left unlisted, then writes segment by segment, and proves it all."""
        while (path := self._archive.next_path()).exists():
            yield self._adopt(path)
        self._archive.check_complete()
        snapshot = self._snapshot()
        if last := self._last_to_go(snapshot.cursor):
            log = LogReader(self._bus, self._archive.end).on_streams(last)
            while first := next(log, None):
                yield self._write_segment(first, log, segment_events)
            self._prove(snapshot)

    def count(self) -> None:
        """Goes through what `write` would write."""
        snapshot = self._snapshot()
        if last := self._last_to_go(snapshot.cursor):
            for recorded in LogReader(self._bus, self._archive.end).on_streams(last):
                self._decide(recorded)
                self.done.events += 1
                self.done.decisions += len(recorded.decisions)
            self._prove(snapshot)

    def trim(self) -> None:
        """Takes off the server what is archived and need not stay, a segment at a time."""
        for segment in self._archive.segments:
            first, last = self._bus.first_event(), StreamId.parse(segment.last)
            if first is not None and first <= last and first < self.done.first_kept:
                self._archive.check(segment)
                following = self._bus.events_after(last, count=1)[0].id
                self._trim_before(min(self.done.first_kept, following))

    # --- what to archive ---------------------------------------------------------------------------------

    def _snapshot(self) -> Checkpoint:
        """Returns the snapshot: nothing before it is needed to start. Raises NotArchived, LogDiffers."""
        name, gone = self._bus.keys.name, self._bus.archived()
        if gone is not None and gone.up_to > self._archive.end:
            raise moved_away(self._bus)
        snapshot, head = read_snapshot(self._bus.snapshot()), self._bus.head()
        if head is None:
            raise NotArchived(f"No coordinator has ever run for portfolio {name}: there is no history.")
        if snapshot is None or snapshot.cursor > head.cursor:
            raise NotArchived(
                f"Portfolio {name} has no snapshot that can be used. A coordinator writes one within a "
                "minute, and when it is stopped."
            )
        if snapshot.cursor <= self._archive.end:
            raise NotArchived(
                f"The snapshot of portfolio {name}, at {snapshot.cursor}, is older than the end of the "
                f"archive, {self._archive.end}. Start a coordinator and stop it: that writes a new one."
            )
        return snapshot

    def _last_to_go(self, up_to: StreamId) -> StreamId | None:
        """Returns the last event that is decided on and need not stay; None when all is to stay.

        Also the last decision stays, so that neither stream is ever emptied.
        """
        if self._keep.days is None:
            stays = self._bus.nth_last_event(up_to, self._keep.events)
        else:
            stays = self._bus.first_event_since(up_to.ms - self._keep.days * _DAY_MS)
        decided = self._bus.last_decided()
        if stays is None or decided is None:
            return None
        last = self._bus.last_decided(before=min(stays, decided))
        if last is not None:
            self.done.first_kept = self._bus.events_after(last, count=1)[0].id
        return last

    # --- proving -----------------------------------------------------------------------------------------

    def _decide(self, recorded: Recorded) -> None:
        """Decides the next event again. Raises LogDiffers unless it comes to what is on record."""
        unlike = self._difference(recorded)
        if unlike is not None:
            raise LogDiffers(f"{unlike.sentence} Nothing is archived from there on, and nothing was trimmed.")

    def _difference(self, recorded: Recorded) -> Difference | None:
        self.done.decided += 1
        decided = self._follower.again(recorded)
        if isinstance(decided.event, CoordinatorStarted):
            self._leader = decided.event.leader
        return difference(decided, recorded, self._archive.end)

    def _prove(self, snapshot: Checkpoint) -> None:
        """Goes on to the snapshot. Raises LogDiffers unless it is of this log."""
        for recorded in LogReader(self._bus, self._follower.cursor).on_streams(snapshot.cursor):
            self._decide(recorded)
        if (self._follower.cursor, self._follower.chain) != (snapshot.cursor, snapshot.chain):
            raise LogDiffers(
                f"The log, decided again up to {self._follower.cursor}, does not lead to the snapshot at "
                f"{snapshot.cursor}: entries are missing, or it is of another log. Nothing was trimmed."
            )

    # --- writing -----------------------------------------------------------------------------------------

    def _write_segment(self, first: Recorded, log: Iterator[Recorded], least: int) -> Segment:
        """Writes `first` and what follows, at least so many events, to the next that was decided on."""
        path, opening = self._archive.next_path(), self._archive.next_opening(str(first.event.id))
        with _writing(path):
            stretch = self._decided(_segment_of(first, log, least))
            closing = write_segment(path, opening, stretch, lambda: self._follower.chain)
        return self._list(opening, closing)

    def _decided(self, log: Iterator[Recorded]) -> Iterator[Recorded]:
        for recorded in log:
            self._decide(recorded)
            yield recorded

    def _adopt(self, path: Path) -> Segment:
        """Lists a segment that is there already, as if written now: every event decided again."""
        with open_segment(path) as reader:
            reader.expect(self._archive.next_opening(reader.opening.first))
            for recorded in reader:
                unlike = self._difference(recorded)
                if unlike is not None:
                    raise not_what_was_decided(path, unlike)
        if reader.closing is None or reader.closing.chain != self._follower.chain:
            raise ArchiveError(path, "this segment's last chain is not that of its entries. Restore it.")
        return self._list(reader.opening, reader.closing)

    def _list(self, opening: Opening, closing: Closing) -> Segment:
        with _writing(self._archive.folder):
            segment = self._archive.list_next(opening, closing, self._follower.checkpoint, self._leader)
        self.done.segments += 1
        self.done.events += segment.events
        self.done.decisions += segment.decisions
        return segment

    # --- trimming ----------------------------------------------------------------------------------------

    def _trim_before(self, keep_from: StreamId) -> None:
        trimmed = self._bus.trim(keep_from, str(self._archive.folder.absolute()))
        if trimmed.outcome != "done":
            raise NotArchived(
                f"The log changed meanwhile, and was not trimmed before event {keep_from}: that is no longer "
                f"decided, is gone, or no decision would be left ({trimmed.outcome}). Run it again."
            )
        self.done.trimmed_events += trimmed.events
        self.done.trimmed_decisions += trimmed.decisions


def _leader_at_the_end(archive: Archive) -> str:
    """Returns who led at the archive's end; reads back to where it is said, as older ones do not keep it."""
    for number in range(len(archive.segments), 0, -1):
        kept = archive.kept_after(number)
        if kept is not None:
            return kept.leader
        started = [decode_event(one.event.fields) for one in archive.recorded_in(number) if _is_start(one)]
        leaders = [event.leader for event in started if isinstance(event, CoordinatorStarted)]
        if leaders:
            return leaders[-1]
    return ""


def _is_start(recorded: Recorded) -> bool:
    return CoordinatorStarted.__name__ in recorded.event.fields


def _segment_of(first: Recorded, log: Iterator[Recorded], least: int) -> Iterator[Recorded]:
    yield first
    recorded, count = first, 1
    while count < least or not recorded.decisions:
        following = next(log, None)
        if following is None:
            return
        yield following
        recorded, count = following, count + 1


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Makes a NotArchived of what the operating system will not do."""
    try:
        yield
    except OSError as error:
        raise NotArchived(f"{path} cannot be written: {error.strerror or error}.") from error


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keeps other archivers out of the folder within the block; makes it if need be. Raises NotArchived."""
    import fcntl  # noqa: PLC0415 - absent on Windows, where archives can only be read

    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "archive.lock").open("ab")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotArchived(f"Another archiver is at work in {folder}.") from None
        yield
