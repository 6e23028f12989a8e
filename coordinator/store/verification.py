"""The verification: every event decided again, and compared with what is on record.

What it proves: the decisions on record are, byte for byte and with nothing more and nothing less, what this
version of the fold makes of the events, and so is the chain. It holds nothing but the state.

What another version of the fold has decided may come out otherwise. From the first event that does, there is
no state to decide with: the rest is held to its chain alone, and counted as such.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from portfold.coordinator.fold.fold import FOLD_VERSION, GOES_ON_FROM
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.archive import LISTING, Archive, Segment
from portfold.coordinator.store.checkpoints import content_of
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.ledger import Decided
from portfold.coordinator.store.recorded import Difference, Recorded, bound_otherwise, chain_after, difference
from portfold.coordinator.store.segment import ArchiveError
from portfold.coordinator.store.snapshot import Checkpoint, beginning, snapshot_text
from portfold.events.incoming import CoordinatorStarted
from portfold.events.stream_id import StreamId

_DAY = "TradingDayStarted"
_RENEWED = f"Restore it, or remove {LISTING} and run `portfold archive`: it lists and keeps all again."

See = Callable[[Decided, State], object]
"""Shown each event that was decided again, with the state right after it."""


class Verification:
    """Goes along a log, event by event, from its beginning or from a checkpoint.

    `leader` is who led last, where the events say so. `events` and `decisions` are those found right so far,
    of `days` trading days; up to `proven`, the last that a chain on record stands behind. `by_chain_alone`
    counts those from `not_decided_from` on. `of_another_fold`: a version decided that this one does not know.
    """

    def __init__(self, observe: See | None = None, begins_at: Checkpoint | None = None) -> None:
        checkpoint = begins_at or beginning()
        self._see = observe
        self._follower = Follower(checkpoint)
        self.of_another_fold = False
        self.cursor, self.chain, self.proven = checkpoint.cursor, checkpoint.chain, checkpoint.cursor
        self.events = self.decisions = self.days = self.by_chain_alone = 0
        self.not_decided_from: StreamId | None = None
        self.leader = ""

    @property
    def state(self) -> State:
        """Returns what the events that were decided again come to."""
        return self._follower.state

    @property
    def checkpoint(self) -> Checkpoint:
        """Returns state, cursor and chain."""
        return self._follower.checkpoint

    def go_on(self, recorded: Recorded) -> Difference | None:
        """Takes the next event; what is not right about it, or None. After that it cannot go on."""
        unlike = self._by_chain(recorded) if self.not_decided_from else self._decided_again(recorded)
        if unlike is None:
            self.events += 1
            self.cursor = recorded.event.id
            if recorded.decisions:
                self.proven = self.cursor
                self.decisions += len(recorded.decisions)
                self.days += sum(1 for entry in recorded.decisions if entry.fields[1] == _DAY)
        return unlike

    def _decided_again(self, recorded: Recorded) -> Difference | None:
        event = recorded.event
        decided = self._follower.again(recorded)
        if type(decided.event) is CoordinatorStarted:
            self.of_another_fold = decided.event.fold not in GOES_ON_FROM
            self.leader = decided.event.leader
        if decided.entries != recorded.decisions:
            if self.of_another_fold:
                self.not_decided_from = event.id
                return self._by_chain(recorded)
            return difference(decided, recorded, self.proven)
        self.chain = decided.chain
        if self._see is not None:
            self._see(decided, self._follower.state)
        return None

    def _by_chain(self, recorded: Recorded) -> Difference | None:
        self.chain = chain_after(self.chain, recorded)
        self.by_chain_alone += 1
        return bound_otherwise(self.chain, recorded, self.proven)

    def wrong_end(self, cursor: StreamId, chain: str) -> Difference | None:
        """Says what is not right where the log ends, which should be at `cursor` with this chain."""
        if self.cursor != cursor:
            return Difference(
                cursor,
                self.proven,
                f"The log ends at {self.cursor}, before the head at {cursor}: its end is missing.",
            )
        if self.chain != chain:
            return Difference(
                cursor,
                self.proven,
                f"The chain of the log up to {cursor} is not the head's, {chain}: it comes to {self.chain}.",
            )
        return None


def not_what_was_decided(segment: Path, unlike: Difference) -> ArchiveError:
    """Says that a segment is whole, and yet holds something else than was decided."""
    return ArchiveError(segment, f"this segment is not what was decided. {unlike.sentence} Restore it.")


class VerifiedArchive(Struct):
    """What was found right. `by_chain_alone` counts events of another version of the fold."""

    portfolio: str
    segments: int = 0
    events: int = 0
    decisions: int = 0
    by_chain_alone: int = 0
    unlisted: int = 0


def verify_archive(folder: Path, on_progress: Callable[[Segment], object] | None = None) -> VerifiedArchive:
    """Verifies the archive in `folder`, file by file, and the state, or of a copy the head, in archive.json.

    Shows `on_progress` each segment that is right. Raises ArchiveError, which names the file.
    """
    archive = Archive.open(folder)
    run, contents = Verification(), archive.checkpoints.contents()
    for number, segment in enumerate(archive.segments, start=1):
        for recorded in archive.recorded_in(number):
            unlike = run.go_on(recorded)
            if unlike is not None:
                raise not_what_was_decided(folder / segment.file, unlike)
        if run.chain != segment.chain:
            raise ArchiveError(
                folder / segment.file, "this segment's last chain is not that of its entries. Restore it."
            )
        check_checkpoint(archive, number, next(contents), run)
        if on_progress is not None:
            on_progress(segment)
    _check_end(archive, run)
    return VerifiedArchive(
        archive.portfolio,
        segments=len(archive.segments),
        events=run.events,
        decisions=run.decisions,
        by_chain_alone=run.by_chain_alone,
        unlisted=len(archive.unlisted()),
    )


def check_checkpoint(archive: Archive, number: int, content: bytes | None, run: Verification) -> None:
    """Raises ArchiveError where the state kept after the segment is not what the run has come to.

    `content` is what its files lead to. One that another version of the fold kept is held to its hash alone.
    """
    path, segment = archive.checkpoints.path(number), archive.segments[number - 1]
    if segment.checkpoint and not archive.checkpoints.is_whole(number):
        what = "altered" if path.exists() else "missing"
        raise ArchiveError(path, f"the state kept here is {what}. {_RENEWED}")
    if segment.checkpoint and _is_of_now(segment, run) and content != content_of(run.checkpoint, run.leader):
        raise ArchiveError(path, f"the state kept here is not the one that the segments lead to. {_RENEWED}")


def _is_of_now(segment: Segment, run: Verification) -> bool:
    """Returns whether the state after the segment was kept by this fold, and is to be the very same."""
    return segment.fold == FOLD_VERSION and run.not_decided_from is None


def _check_end(archive: Archive, run: Verification) -> None:
    """Raises ArchiveError unless archive.json names what the segments lead to."""
    listing, head = archive.folder / LISTING, archive.head
    if head is not None:
        wrong = run.wrong_end(StreamId.parse(head.cursor), head.chain)
        if wrong is not None:
            raise ArchiveError(listing, f"the head in it is not the one of its segments. {wrong.sentence}")
    elif archive.segments and not _is_of_now(archive.segments[-1], run):
        return
    elif snapshot_text(run.checkpoint) != archive.checkpoint_text:
        raise ArchiveError(listing, "the state in it is not the one that its segments lead to.")
