"""Verifying an archive on several processors: its segments in pieces, each in a process of its own.

Each piece begins at the state that is kept before it, and counts only where the piece before has come to that
very state, to the last byte: so all together prove what one process proves that goes from end to end. Of what
is wrong nothing is said here. Where a piece is not right in every respect, whoever verifies goes on by itself
from where that one begins, comes to whatever it is in the order of the log, and has the same words for it.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path
from typing import NamedTuple

from portfold.coordinator.audit.record.anchor import Anchor
from portfold.coordinator.audit.record.record import ArchivedRecord, Record, archive_of
from portfold.coordinator.audit.record.verify import Proved, Verified, go_through, verify
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.checkpoints import content_of, read_content
from portfold.coordinator.store.segment import ArchiveError
from portfold.coordinator.store.snapshot import beginning
from portfold.errors import PortfoldError
from portfold.events.stream_id import StreamId

_FOR_EACH_PROCESS = 8
"""Pieces, so that none waits long for the last one."""


class _Piece(NamedTuple):
    """The segments from `first` to `last`, counted from 1, behind the state that `begins` has in words."""

    folder: Path
    portfolio: str
    first: int
    last: int
    begins: bytes
    anchors: tuple[Anchor, ...]


class _Come(NamedTuple):
    """What a piece that is right has come to: the state in words, and so many events up to there."""

    ends: bytes
    events: int
    decisions: int
    days: int


def verify_in_pieces(
    record: Record,
    pool: Executor,
    jobs: int,
    *,
    anchors: Sequence[Anchor] = (),
    on_progress: Callable[[int], object] = lambda _: None,
) -> Verified:
    """Verifies what is in the archive by `jobs` processes of the pool, and the rest here, as `verify` does.

    Raises what that raises, and ArchiveError where a process ended before it was done with its piece.
    """
    proved, ends = Proved(beginning()), content_of(beginning(), "")
    under_way = [(piece, pool.submit(_verified, piece)) for piece in _pieces(record, jobs, anchors)]
    try:
        for piece, verified in under_way:
            come = _result(piece, verified) if piece.begins == ends else None
            place = read_content(come.ends) if come is not None else None
            if come is None or place is None:
                break
            ends = come.ends
            proved = Proved(
                *place,
                proved.events + come.events,
                proved.decisions + come.decisions,
                proved.days + come.days,
            )
            on_progress(proved.events)
    finally:
        for _, verified in under_way:
            verified.cancel()
    return verify(record, anchors=anchors, on_progress=on_progress, begins=proved)


def _pieces(record: Record, jobs: int, anchors: Sequence[Anchor]) -> Iterator[_Piece]:
    """Yields pieces of about the same length, each of which begins at a state that was kept by this fold."""
    archive = archive_of(record)
    if archive is None:
        return
    there = sum(StreamId.parse(segment.last) <= record.cursor for segment in archive.segments)
    length = -(-there // (jobs * _FOR_EACH_PROCESS))
    first, begins = 1, content_of(beginning(), "")
    for number, content in zip(range(1, there + 1), archive.checkpoints.contents(), strict=False):
        if number == there or (number - first + 1 >= length and _begins_one(archive, number, content)):
            yield _Piece(archive.folder, archive.portfolio, first, number, begins, tuple(anchors))
            first, begins = number + 1, content or b""


def _begins_one(archive: Archive, number: int, content: bytes | None) -> bool:
    return content is not None and archive.segments[number - 1].fold == FOLD_VERSION


def _verified(piece: _Piece) -> _Come | None:
    """Verifies a piece; None where it is not right in every respect, or cannot be judged by itself."""
    place = read_content(piece.begins)
    if place is None:
        return None
    try:
        record = ArchivedRecord(piece.folder, piece.portfolio, segments=piece.last)
        within = [one for one in piece.anchors if StreamId.parse(one.cursor) <= record.cursor]
        run, difference = go_through(record, Proved(*place), anchors=within)
    except PortfoldError:
        return None
    if difference is not None or run.not_decided_from is not None or run.of_another_fold:
        return None
    if run.proven != run.cursor:
        return None  # no decision stands behind its end: what is proved there is less than all of it
    return _Come(content_of(run.checkpoint, run.leader), run.events, run.decisions, run.days)


def _result(piece: _Piece, verified: "Future[_Come | None]") -> _Come | None:
    try:
        return verified.result()
    except BrokenExecutor as error:
        raise ArchiveError(
            piece.folder / f"segment-{piece.first:06}.jsonl.gz",
            f"the process that verified the segments {piece.first} to {piece.last} was ended from outside. "
            "Where memory is short, try it with --jobs 1.",
        ) from error
