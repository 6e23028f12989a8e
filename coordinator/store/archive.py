"""An archive: a folder of segments that continue each other, and archive.json, which lists them.

archive.json names each segment's file, its hash and what it holds; its own hash is in it. That of an archiver
is written anew, whole, whenever a segment has joined, and keeps the state at the end, so that archiving and
restarting cost no reading of old files. Beside each segment lies the state after it, for whoever asks about
what comes next. That of a copy is written once, at the end, and keeps in place of the
state, as nothing was decided for it, the head of the log it was made of. Whatever is missing, cut off,
exchanged or altered is an ArchiveError that names the file.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.store.checkpoints import (
    Checkpoints,
    Kept,
    content_of,
    kept_at_the_beginning,
    read_content,
)
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.store.segment import (
    FORMAT,
    NOTHING_BEFORE,
    ArchiveError,
    Closing,
    Opening,
    open_segment,
)
from portfold.coordinator.store.snapshot import Checkpoint, beginning, read_snapshot, snapshot_text
from portfold.events.chain import GENESIS
from portfold.events.fields import Digest, PortfolioName
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.whole_files import sha256_of, write_durably

LISTING = "archive.json"
SEGMENT_EVENTS = 10_000
"""Events in a segment, and so trimmed at once: that holds the server up for some 2 ms. Whoever asks about a
late event folds so many at the most."""


class Segment(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A segment as archive.json lists it: `chain` is the log's after it, `sha256` and `bytes` the file's.

    `checkpoint` is the SHA-256 of the file with the state after it; empty where none was written.
    """

    file: str
    first: str
    last: str
    events: int
    decisions: int
    fold: int
    chain: Digest
    bytes: int
    sha256: str
    checkpoint: str = ""


class CopiedHead(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a log was said to end when a copy of it was made: its last event, and the chain there."""

    cursor: str
    chain: Digest


class _Listing(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """archive.json. `place` is the state at the end, as a snapshot's text; a copy has its `head` instead."""

    format: int
    portfolio: PortfolioName
    segments: tuple[Segment, ...]
    place: str
    sha256: str
    head: CopiedHead | None = None


class Archive:
    """The archive of one portfolio.

    `checkpoint_text` is the state at its end, as a snapshot's text. A copy has the log's `head` instead.
    """

    def __init__(
        self,
        folder: Path,
        portfolio: str,
        segments: tuple[Segment, ...] = (),
        place: str = "",
        head: CopiedHead | None = None,
    ) -> None:
        self.folder = folder
        self.portfolio = portfolio
        self.segments = segments
        self.checkpoint_text = place
        self.head = head
        self._last_content: bytes | None = None

    @classmethod
    def open(cls, folder: Path, portfolio: str | None = None) -> Self:
        """Returns the archive in `folder`, which must be that of `portfolio` if one is named."""
        path = folder / LISTING
        try:
            text = path.read_bytes()
        except FileNotFoundError as error:
            raise ArchiveError(
                path,
                "there is no such file, so no archive to read. If the folder is the right one and holds "
                "segments, `portfold archive` lists them again.",
            ) from error
        except OSError as error:
            raise ArchiveError(path, f"cannot be read: {error.strerror}.") from error
        listing = _read(path, text)
        if portfolio is not None and listing.portfolio != portfolio:
            raise ArchiveError(
                path, f"this is the archive of portfolio {listing.portfolio}, not of {portfolio}."
            )
        return cls(folder, listing.portfolio, listing.segments, listing.place, listing.head)

    @classmethod
    def open_or_begin(cls, folder: Path, portfolio: str) -> Self:
        """Returns the archive in `folder`, or an empty one if nothing is listed there yet."""
        if cls.is_in(folder):
            return cls.open(folder, portfolio)
        return cls(folder, portfolio, (), snapshot_text(beginning()))

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Returns whether anything is listed in `folder`."""
        try:
            return (folder / LISTING).exists()
        except OSError as error:
            raise ArchiveError(folder / LISTING, f"cannot be read: {error.strerror}.") from error

    @property
    def end(self) -> StreamId:
        """Returns the last event in it."""
        return StreamId.parse(self.segments[-1].last) if self.segments else ORIGIN

    @property
    def chain(self) -> str:
        """Returns the log's chain up to there."""
        return self.segments[-1].chain if self.segments else GENESIS

    @property
    def checkpoint(self) -> Checkpoint:
        """Returns the state at the end, a new object each time. Raises ArchiveError."""
        if self.head is not None:
            raise ArchiveError(
                self.folder / LISTING,
                "this is a copy, made to be read. It keeps no state: nothing can go on from it. Name the "
                "archive that `portfold archive` writes.",
            )
        checkpoint = read_snapshot(self.checkpoint_text)
        if checkpoint is None or (checkpoint.cursor, checkpoint.chain) != (self.end, self.chain):
            raise ArchiveError(
                self.folder / LISTING,
                f"the state in it is of another version of the rules; this portfold has {FOLD_VERSION}.",
            )
        return checkpoint

    def nearest(self, before: StreamId, fits: Callable[[Kept], bool] = lambda _: True) -> Kept:
        """Returns the last checkpoint before the event `before` that `fits`; else the log's beginning."""
        there = sum(StreamId.parse(segment.last) < before for segment in self.segments)
        for number, content in self.checkpoints.backwards(there):
            kept = self._kept(number, content)
            if kept is not None and fits(kept):
                return kept
        return kept_at_the_beginning()

    def kept_after(self, number: int) -> Kept | None:
        """Returns the checkpoint after the segment `number`, or None where there is none that can be used."""
        return self._kept(number, self.checkpoints.after(number))

    def _kept(self, number: int, content: bytes | None) -> Kept | None:
        segment = self.segments[number - 1]
        found = read_content(content) if content is not None else None
        if found is None or (str(found[0].cursor), found[0].chain) != (segment.last, segment.chain):
            return None
        return Kept(*found, sum(one.events for one in self.segments[:number]))

    @property
    def checkpoints(self) -> Checkpoints:
        """Returns the states after its segments."""
        return Checkpoints(self.folder, [segment.checkpoint for segment in self.segments])

    def next_path(self) -> Path:
        """Returns the file of the next segment."""
        return self._path(len(self.segments) + 1)

    def unlisted(self) -> list[Path]:
        """Segments in the folder that are not listed: an archiver was ended before it came to that."""
        listed = {segment.file for segment in self.segments}
        return sorted(path for path in self.folder.glob("segment-*.jsonl.gz") if path.name not in listed)

    def check_complete(self) -> None:
        """Raises ArchiveError where a segment is there and one before it is not."""
        beyond = self.unlisted()
        if beyond:
            raise ArchiveError(
                self.next_path(), f"this segment is missing, though {beyond[0].name} is there. Restore it."
            )

    def next_opening(self, first: str) -> Opening:
        """Returns how a segment begins that follows on the last one, with the event `first`."""
        return self._opening(len(self.segments) + 1, first, FOLD_VERSION)

    def _path(self, number: int) -> Path:
        return self.folder / _file_name(number)

    def _opening(self, number: int, first: str, fold: int) -> Opening:
        if number == 1:
            return Opening(FORMAT, self.portfolio, 1, NOTHING_BEFORE, GENESIS, fold, first)
        before = self.segments[number - 2]
        return Opening(FORMAT, self.portfolio, number, before.sha256, before.chain, fold, first)

    def list_next(self, opening: Opening, closing: Closing, checkpoint: Checkpoint, leader: str) -> Segment:
        """Lists the segment that is there as the next; `checkpoint` is the state after it.

        `leader` led there. Raises OSError.
        """
        content = content_of(checkpoint, leader)
        before = self._last_content or self.checkpoints.after(len(self.segments))
        sha256 = self.checkpoints.write_next(before, content)
        self._last_content = content
        segment = self.add(opening, closing, checkpoint=sha256)
        self.checkpoint_text = snapshot_text(checkpoint)
        self._write_listing()
        return segment

    def list_copy(self, head: CopiedHead) -> None:
        """Lists the segments of a copy, all of which are in place, with the head of the log they are of."""
        self.head = head
        self._write_listing()

    def add(self, opening: Opening, closing: Closing, *, checkpoint: str = "") -> Segment:
        """Takes in the segment that is in place as the next, so far without listing it."""
        path = self._path(opening.segment)
        segment = Segment(
            file=path.name,
            first=opening.first,
            last=closing.last,
            events=closing.events,
            decisions=closing.decisions,
            fold=opening.fold,
            chain=closing.chain,
            bytes=path.stat().st_size,
            sha256=sha256_of(path),
            checkpoint=checkpoint,
        )
        self.segments = (*self.segments, segment)
        return segment

    def _write_listing(self) -> None:
        listing = _Listing(FORMAT, self.portfolio, self.segments, self.checkpoint_text, "", self.head)
        write_durably(self.folder / LISTING, _written(listing))

    def check(self, segment: Segment) -> None:
        """Raises ArchiveError unless the segment's file is, byte for byte, the one that was listed."""
        path = self.folder / segment.file
        try:
            found = sha256_of(path)
        except FileNotFoundError as error:
            raise ArchiveError(path, "this segment is missing. Restore it from a backup.") from error
        except OSError as error:
            raise ArchiveError(path, f"cannot be read: {error.strerror}.") from error
        if found != segment.sha256:
            size = path.stat().st_size
            what = "altered" if size == segment.bytes else f"{size:,} bytes long and not {segment.bytes:,}"
            raise ArchiveError(
                path, f"this segment is not the one that {LISTING} lists: it is {what}. Restore it."
            )

    def recorded_in(self, number: int) -> Iterator[Recorded]:
        """Yields what the listed segment `number` holds, its file checked first."""
        segment = self.segments[number - 1]
        self.check(segment)
        with open_segment(self.folder / segment.file) as reader:
            reader.expect(self._opening(number, segment.first, segment.fold))
            yield from reader

    def recorded_after(self, after: StreamId) -> Iterator[Recorded]:
        """Yields what it holds after the event `after`."""
        for number, segment in enumerate(self.segments, start=1):
            if StreamId.parse(segment.last) > after:
                for recorded in self.recorded_in(number):
                    if recorded.event.id > after:
                        yield recorded


def _file_name(number: int) -> str:
    return f"segment-{number:06}.jsonl.gz"


def _written(listing: _Listing) -> bytes:
    """Returns the listing's text, with its own hash in it."""
    bare = msgspec.json.encode(msgspec.structs.replace(listing, sha256=""))
    sealed = msgspec.structs.replace(listing, sha256=hashlib.sha256(bare).hexdigest())
    return msgspec.json.format(msgspec.json.encode(sealed), indent=1) + b"\n"


def _read(path: Path, text: bytes) -> _Listing:
    try:
        listing = msgspec.json.decode(text, type=_Listing)
        if listing.head is not None:
            StreamId.parse(listing.head.cursor)
        ends = [StreamId.parse(end) for segment in listing.segments for end in (segment.first, segment.last)]
    except (msgspec.MsgspecError, ValueError) as error:
        raise _damaged(path) from error
    if listing.format != FORMAT:
        raise ArchiveError(path, f"its format is {listing.format}; this portfold reads {FORMAT}.")
    if _written(listing) != text:  # not a blank in it may differ
        raise _damaged(path)
    if (listing.head is None) == (listing.place == ""):
        raise _damaged(path)
    if any(segment.file != _file_name(number) for number, segment in enumerate(listing.segments, start=1)):
        raise _damaged(path)
    if ends != sorted(ends):
        raise _damaged(path)
    return listing


def _damaged(path: Path) -> ArchiveError:
    return ArchiveError(
        path,
        "this file is damaged. Remove it and run `portfold archive`: it lists the segments again, each "
        "verified. If it is that of a copy, make the copy again.",
    )
