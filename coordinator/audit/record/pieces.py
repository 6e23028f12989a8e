"""Verifying an archive on several processors: its segments in pieces, each by whoever is free.

Each piece begins at the state that is kept before it, and counts only where the piece before has come to that
very state, to the last byte: so all together prove what one process proves that goes from end to end. Of what
is wrong nothing is said here. Where a piece is not right in every respect, whoever verifies goes on by itself
from where that one begins, comes to whatever it is in the order of the log, and has the same words for it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
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
from portfold.pieces.pieces import Pieces, WorkLost, in_order

_FOR_EACH = 8
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
    pieces: Pieces[object],
    *,
    anchors: Sequence[Anchor] = (),
    on_progress: Callable[[int], object] = lambda _: None,
) -> Verified:
    """Verifies what is in the archive where pieces are done, and the rest here, as `verify` does.

    Raises what that raises, ClusterUnusable, and ArchiveError where somebody ended before the piece was done.
    """
    proved, ends = Proved(beginning()), content_of(beginning(), "")
    under_way = deque[_Piece]()
    for come in _come(pieces, _pieces(record, pieces.width, anchors), under_way):
        if under_way.popleft().begins != ends or come is None or (place := read_content(come.ends)) is None:
            break
        ends = come.ends
        proved = Proved(
            *place, proved.events + come.events, proved.decisions + come.decisions, proved.days + come.days
        )
        on_progress(proved.events)
    return verify(record, anchors=anchors, on_progress=on_progress, begins=proved)


def _come(
    pieces: Pieces[object], there: Iterator[_Piece], under_way: deque[_Piece]
) -> Iterator[_Come | None]:
    """Yields what each piece has come to, in order; `under_way` begins with the next."""

    def noted() -> Iterator[_Piece]:
        for piece in there:
            under_way.append(piece)
            yield piece

    try:
        yield from in_order(pieces, _verified, noted())
    except WorkLost as error:
        first, last = under_way[0].first, under_way[0].last
        raise ArchiveError(
            under_way[0].folder / f"segment-{first:06}.jsonl.gz",
            f"the segments {first} to {last} are not verified. {error} Where memory is short, try it with "
            "--jobs 1.",
        ) from error


def _pieces(record: Record, width: int, anchors: Sequence[Anchor]) -> Iterator[_Piece]:
    """Yields pieces of about the same length, each of which begins at a state that was kept by this fold."""
    archive = archive_of(record)
    if archive is None:
        return
    there = sum(StreamId.parse(segment.last) <= record.cursor for segment in archive.segments)
    length = -(-there // (width * _FOR_EACH))
    first, begins = 1, content_of(beginning(), "")
    for number, content in zip(range(1, there + 1), archive.checkpoints.contents(), strict=False):
        if number == there or (number - first + 1 >= length and _begins_one(archive, number, content)):
            yield _Piece(archive.folder.absolute(), archive.portfolio, first, number, begins, tuple(anchors))
            first, begins = number + 1, content or b""


def _begins_one(archive: Archive, number: int, content: bytes | None) -> bool:
    return content is not None and archive.segments[number - 1].fold == FOLD_VERSION


def _verified(_: object, piece: _Piece) -> _Come | None:
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
