"""Verifying an archive on several processors: its segments in pieces, each by whoever is free.

Each piece begins at the state that is kept before it, and counts only where the piece before has come to that
very state, to the last byte: so all together prove what one process proves that goes from end to end. Of what
is wrong nothing is said here. Where a piece is not right in every respect, whoever verifies goes on by itself
from where that one begins, comes to whatever it is in the order of the log, and has the same words for it.

Nothing large is sent to and fro: whoever has a piece reads the state itself, and answers with hashes.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from portfold.coordinator.audit.record.anchor import Anchor
from portfold.coordinator.audit.record.record import ArchivedRecord, Record, archive_of
from portfold.coordinator.audit.record.verify import Proved, go_through
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
    """The segments from `first` to `last`, counted from 1, after each of which this fold kept a state."""

    folder: Path
    portfolio: str
    first: int
    last: int
    anchors: tuple[Anchor, ...]


class _Come(NamedTuple):
    """What a piece that is right has come to: hashes of the states before and after it, and what is in it."""

    begins: str
    ends: str
    events: int
    decisions: int
    days: int


def prove_in_pieces(
    record: Record,
    pieces: Pieces[object],
    *,
    anchors: Sequence[Anchor] = (),
    on_progress: Callable[[int], object] = lambda _: None,
) -> Proved:
    """Verifies what is in the archive; returns how far it is proved, from where `verify` goes on.

    Raises ClusterUnusable, and ArchiveError where somebody ended before the piece was done.
    """
    archive = archive_of(record)
    if archive is None:
        return Proved(beginning())
    under_way = deque[_Piece]()
    number, ends = 0, _hash(content_of(beginning(), ""))
    events = decisions = days = 0
    for come in _come(pieces, _pieces(archive, record, pieces.width, anchors), under_way):
        piece = under_way.popleft()
        if come is None or come.begins != ends:
            break
        number, ends = piece.last, come.ends
        events, decisions, days = events + come.events, decisions + come.decisions, days + come.days
        on_progress(events)
    content = archive.checkpoints.after(number)
    place = read_content(content) if content is not None and _hash(content) == ends else None
    return Proved(*place, events, decisions, days) if place is not None else Proved(beginning())


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


def _pieces(archive: Archive, record: Record, width: int, anchors: Sequence[Anchor]) -> Iterator[_Piece]:
    """Yields pieces of about the same length, as far as there are states that this fold kept."""
    listed = [segment for segment in archive.segments if StreamId.parse(segment.last) <= record.cursor]
    length, first = -(-len(listed) // (width * _FOR_EACH)), 1
    ends = [at for at, segment in enumerate(listed, 1) if segment.checkpoint and segment.fold == FOLD_VERSION]
    for last in ends:
        if last == ends[-1] or last - first + 1 >= length:
            yield _Piece(archive.folder.absolute(), archive.portfolio, first, last, tuple(anchors))
            first = last + 1


def _verified(_: object, piece: _Piece) -> _Come | None:
    """Verifies a piece; None where it is not right in every respect, or cannot be judged by itself."""
    try:
        record = ArchivedRecord(piece.folder, piece.portfolio, segments=piece.last)
        begins = content_of(beginning(), "")
        if piece.first > 1:
            begins = record.archive.checkpoints.after(piece.first - 1) or b""
        place = read_content(begins)
        if place is None:
            return None
        within = [one for one in piece.anchors if StreamId.parse(one.cursor) <= record.cursor]
        run, difference = go_through(record, Proved(*place), anchors=within)
    except PortfoldError:
        return None
    if difference is not None or run.not_decided_from is not None or run.of_another_fold:
        return None
    if run.proven != run.cursor:
        return None  # no decision stands behind its end: what is proved there is less than all of it
    ends = content_of(run.checkpoint, run.leader)
    return _Come(_hash(begins), _hash(ends), run.events, run.decisions, run.days)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
