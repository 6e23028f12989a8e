"""Verifying a record: everything decided again up to its end, and held against anchors kept elsewhere.

The states that an archive keeps after its segments are held against what the fold comes to there.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from portfold.coordinator.audit.record.anchor import Anchor
from portfold.coordinator.audit.record.record import ArchivedRecord, LiveRecord, Record, archive_of
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.archive import LISTING, Archive
from portfold.coordinator.store.checkpoints import content_of
from portfold.coordinator.store.recorded import Difference, Recorded
from portfold.coordinator.store.segment import ArchiveError
from portfold.coordinator.store.snapshot import Checkpoint, beginning
from portfold.coordinator.store.verification import See, Verification, check_checkpoint
from portfold.events.stream_id import ORIGIN, StreamId

_TOLD_EVERY = 1000
_NEVER = StreamId(2**64, 0)


class Verified(Struct, frozen=True):
    """What came of it: so many `events` and `decisions` of so many trading `days` are right.

    `difference` is the first that is not, where it ended; None when all up to `cursor` is right, where the
    chain is `chain`. `by_chain_alone` counts those of the events that were not decided again, from
    `not_decided_from` on, as another version of the rules had made other decisions. `undecided` events lie
    behind `cursor`. `state` is what the events come to.
    """

    events: int
    decisions: int
    days: int
    cursor: StreamId
    chain: str
    state: State
    difference: Difference | None = None
    by_chain_alone: int = 0
    not_decided_from: StreamId | None = None
    undecided: int = 0


class Proved(Struct, frozen=True):
    """A place on the record up to which all is right: the state there, who led, and what lies before it."""

    checkpoint: Checkpoint
    leader: str = ""
    events: int = 0
    decisions: int = 0
    days: int = 0


def verify(
    record: Record,
    *,
    anchors: Sequence[Anchor] = (),
    observe: See | None = None,
    on_progress: Callable[[int], object] = lambda _: None,
    begins: Proved | None = None,
) -> Verified:
    """Verifies all of the record, and that it is the one the `anchors` were made of, by their place on it.

    Shows `observe` each event that was decided again, and `on_progress` now and then how many are done.
    It `begins` where everything before is proved, at the end of a segment. Raises what reading the record
    raises, and ArchiveError for a state kept beside a segment that is not what the fold comes to there.
    """
    run, difference = go_through(
        record, begins or Proved(beginning()), anchors=anchors, observe=observe, on_progress=on_progress
    )
    return Verified(
        run.events,
        run.decisions,
        run.days,
        run.cursor,
        run.chain,
        run.state,
        difference,
        run.by_chain_alone,
        run.not_decided_from,
        record.undecided() if isinstance(record, LiveRecord) and difference is None else 0,
    )


def go_through(
    record: Record,
    begins: Proved,
    *,
    anchors: Sequence[Anchor] = (),
    observe: See | None = None,
    on_progress: Callable[[int], object] = lambda _: None,
) -> tuple[Verification, Difference | None]:
    """Goes through the record for `verify`; returns how far it came, and the first difference."""
    run = _begun(begins, observe)
    difference: Difference | None = None
    archive = archive_of(record)
    held, kept = _AnchorCheck(anchors, run.cursor), _KeptCheck(archive, begins) if archive else None
    for recorded in _entries(record, run, begins.checkpoint):
        difference = run.go_on(recorded)
        if difference is None and held.due:
            difference = held.at(recorded.event.id, run)
        if difference is not None:
            break
        if kept is not None and recorded.event.id >= kept.due:
            kept.check(run)
        if run.events % _TOLD_EVERY == 0:
            on_progress(run.events)
    return run, difference or held.at_end(run) or _at_end(record, run)


def _begun(begins: Proved, observe: See | None) -> Verification:
    run = Verification(observe, begins.checkpoint)
    run.leader = begins.leader
    run.events, run.decisions, run.days = begins.events, begins.decisions, begins.days
    return run


def _entries(record: Record, run: Verification, begins: Checkpoint) -> Iterator[Recorded]:
    after = begins if begins.cursor != ORIGIN else None
    if isinstance(record, ArchivedRecord):
        return record.recorded(lambda: run.chain, begins=after)
    return record.recorded(begins=after) if isinstance(record, LiveRecord) else record.recorded()


def _at_end(record: Record, run: Verification) -> Difference | None:
    wrong = run.wrong_end(record.cursor, record.chain)
    stray = record.stray() if wrong is None and isinstance(record, LiveRecord) else None
    if stray is None:
        return wrong
    event = stray.id.event()
    sentence = f"Decision {stray.id} is on record, and event {event} is not decided, or is not there."
    return Difference(event, run.cursor, sentence, stray, None)


class _AnchorCheck:
    """Anchors, of which those are still `due` whose events are to come after the event `begins`."""

    def __init__(self, anchors: Sequence[Anchor], begins: StreamId) -> None:
        each = ((StreamId.parse(anchor.cursor), anchor) for anchor in anchors)
        self.due = deque((due, anchor) for due, anchor in each if due > begins or begins == ORIGIN)

    def at(self, event: StreamId, run: Verification) -> Difference | None:
        """Says why the history up to this event is not that of an anchor which was made at it."""
        while self.due and event >= self.due[0][0]:
            due, anchor = self.due.popleft()
            if event > due:
                sentence = f"Event {due}, at which the anchor of {anchor.made} was made, is not on record."
                return Difference(due, run.proven, sentence)
            if run.chain != anchor.chain:
                sentence = (
                    f"The history up to event {event} adds up, but is another than when the anchor of "
                    f"{anchor.made} was made: the chain was {anchor.chain} then and is {run.chain} now."
                )
                return Difference(due, ORIGIN, sentence)
        return None

    def at_end(self, run: Verification) -> Difference | None:
        """Says why the record ends before an anchor, if it does."""
        if not self.due:
            return None
        due, anchor = self.due[0]
        sentence = (
            f"The record ends at event {run.cursor}, before event {due}, at which the anchor of "
            f"{anchor.made} was made: its end is missing."
        )
        return Difference(due, run.cursor, sentence)


class _KeptCheck:
    """The states kept after segments, from `begins` on; the next of these ends with the event `due`."""

    def __init__(self, archive: Archive, begins: Proved) -> None:
        self._archive = archive
        self._lasts = [StreamId.parse(one.last) for one in archive.segments]
        self._done = bisect_right(self._lasts, begins.checkpoint.cursor)
        before = content_of(begins.checkpoint, begins.leader) if self._done else b""
        self._contents = archive.checkpoints.contents(self._done, before)
        self.due = self._next()

    def _next(self) -> StreamId:
        return self._lasts[self._done] if self._done < len(self._lasts) else _NEVER

    def check(self, run: Verification) -> None:
        """Checks the state kept after the segment that was due. Raises ArchiveError."""
        if run.cursor != self.due:
            raise ArchiveError(
                self._archive.folder / LISTING,
                f"event {self.due}, by it the last of a segment, is not there.",
            )
        self._done += 1
        check_checkpoint(self._archive, self._done, next(self._contents), run)
        self.due = self._next()
