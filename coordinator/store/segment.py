"""A segment: one file of an archive, a stretch of the log exactly as it lay in the streams.

Gzip of JSON lines: an opening, then each event and after it its decisions, one line an entry, and a closing.
The opening says what the segment follows on, by the chain and by the hash of the file before it; the closing,
what it holds and the hash of all lines above. The same stretch always gives the same bytes.

Gzip is in Python and on every machine, and will be in ten years; what limits archiving is deciding again, so
a faster compression would gain nothing.
"""

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from portfold.coordinator.store.entry_json import read_words, words_json
from portfold.coordinator.store.recorded import Recorded
from portfold.errors import PortfoldError
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from portfold.whole_files import part_of, put_in_place, to_disk

FORMAT = 1
NOTHING_BEFORE = "0" * 64
"""The hash of the file before the first."""

_COMPRESSION = 6


class ArchiveError(PortfoldError):
    """An archive that is not what it should be. The text names the file."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")


class Opening(Struct, frozen=True, forbid_unknown_fields=True):
    """A segment's first line. `previous` is the hash of the file before, `chain` that of the log up to it."""

    format: int
    portfolio: str
    segment: int
    previous: str
    chain: str
    fold: int
    first: str


class Closing(Struct, frozen=True, forbid_unknown_fields=True):
    """A segment's last line. `chain` is the log's after it, `sha256` the hash of all lines above."""

    last: str
    events: int
    decisions: int
    chain: str
    sha256: str


class SegmentWriter:
    """Writes one segment to an open file, entry by entry."""

    def __init__(self, file: BinaryIO, opening: Opening) -> None:
        # No name and no time go into the file: the bytes are those of the log alone.
        self._gzip = gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0)
        self._digest = hashlib.sha256()
        self._last, self._events, self._decisions = "", 0, 0
        self._write(msgspec.json.encode(opening) + b"\n")

    def add(self, recorded: Recorded) -> None:
        """Adds the next event and its decisions."""
        self._last = str(recorded.event.id)
        self._events += 1
        self._decisions += len(recorded.decisions)
        self._write(_line("event", recorded.event))
        for decision in recorded.decisions:
            self._write(_line("decision", decision))

    def close(self, chain: str) -> Closing:
        """Ends the segment, where the log's chain is `chain`."""
        closing = Closing(self._last, self._events, self._decisions, chain, self._digest.hexdigest())
        self._gzip.write(msgspec.json.encode(closing) + b"\n")
        self._gzip.close()
        return closing

    def _write(self, line: bytes) -> None:
        self._digest.update(line)
        self._gzip.write(line)


def write_segment(path: Path, opening: Opening, log: Iterable[Recorded], chain: Callable[[], str]) -> Closing:
    """Writes a segment of this stretch of the log; it has its name once it is on the disk and was read back.

    `chain` is the log's after the last event. Raises ArchiveError where the disk gives back something
    else, OSError, and what reading the log raises.
    """
    part = part_of(path)
    with part.open("wb") as file:
        writer = SegmentWriter(file, opening)
        for recorded in log:
            writer.add(recorded)
        closing = writer.close(chain())
        to_disk(file)
    _read_back(part, opening, closing)
    put_in_place(path)
    return closing


def _read_back(part: Path, opening: Opening, closing: Closing) -> None:
    """Raises ArchiveError unless the file on the disk is what was meant."""
    with open_segment(part) as reader:
        reader.expect(opening)
        for _ in reader:
            pass
    if reader.closing != closing:
        raise ArchiveError(part, "what was written is not what is read back. Is the disk in order?")


@contextmanager
def open_segment(path: Path) -> Iterator["SegmentReader"]:
    """Yields the segment in the file `path`. Raises ArchiveError, here and while it is read."""
    try:
        lines = gzip.open(path, "rb")  # noqa: SIM115 - only opening it is tried here
    except FileNotFoundError as error:
        raise ArchiveError(path, "this segment is missing. Restore it from a backup.") from error
    except OSError as error:
        raise ArchiveError(path, f"cannot be read: {error.strerror}.") from error
    with lines:
        yield SegmentReader(path, lines)


class SegmentReader:
    """Goes through a segment once. `closing` is there when the end is reached, and all of it was right."""

    def __init__(self, path: Path, lines: Iterator[bytes]) -> None:
        self._path = path
        self._lines = self._readable(lines)
        self._digest = hashlib.sha256()
        self.opening = self._opening()
        self.closing: Closing | None = None

    def expect(self, opening: Opening) -> None:
        """Raises ArchiveError unless the segment begins so."""
        if self.opening != opening:
            raise ArchiveError(self._path, "this segment does not follow on the one before it. Restore it.")

    def __iter__(self) -> Iterator[Recorded]:
        event: Entry | None = None
        decisions: list[Entry] = []
        events = written = 0
        for line in self._lines:
            if line[:1] == b"{":
                break
            self._digest.update(line)
            kind, entry = self._entry(line)
            if kind == "event":
                if event is not None:
                    yield Recorded(event, decisions)
                event, decisions = entry, []
                events += 1
            elif kind == "decision" and event is not None:
                decisions.append(entry)
                written += 1
            else:
                raise self._damaged()
        else:
            raise ArchiveError(self._path, "this segment ends before its closing line: it was cut off.")
        if event is None or next(self._lines, None) is not None:
            raise self._damaged()
        yield Recorded(event, decisions)
        self.closing = self._closing(line, Closing(str(event.id), events, written, "", ""))

    def _opening(self) -> Opening:
        line = next(self._lines, b"")
        self._digest.update(line)
        try:
            opening = msgspec.json.decode(line, type=Opening)
        except (msgspec.MsgspecError, ValueError) as error:
            raise self._damaged() from error
        if opening.format != FORMAT:
            raise ArchiveError(self._path, f"its format is {opening.format}; this portfold reads {FORMAT}.")
        return opening

    def _closing(self, line: bytes, found: Closing) -> Closing:
        """Returns the closing line, if it says what was `found`."""
        try:
            closing = msgspec.json.decode(line, type=Closing)
        except (msgspec.MsgspecError, ValueError) as error:
            raise self._damaged() from error
        expected = msgspec.structs.replace(found, chain=closing.chain, sha256=self._digest.hexdigest())
        if closing != expected:
            raise self._damaged()
        return closing

    def _entry(self, line: bytes) -> tuple[str, Entry]:
        try:
            kind, at, *fields = read_words(line)
            return kind, Entry(StreamId.parse(at), fields)
        except ValueError as error:
            raise self._damaged() from error

    def _readable(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from lines
        except EOFError as error:
            raise ArchiveError(self._path, "this segment is truncated. Restore it from a backup.") from error
        except (zlib.error, gzip.BadGzipFile) as error:
            raise self._damaged() from error
        except OSError as error:
            raise ArchiveError(self._path, f"cannot be read: {error.strerror}.") from error

    def _damaged(self) -> ArchiveError:
        return ArchiveError(self._path, "this segment is damaged. Restore it from a backup.")


def _line(kind: str, entry: Entry) -> bytes:
    return words_json([kind, str(entry.id), *entry.fields]) + b"\n"
