"""Reads what `portfold audit export` wrote before evidence was an archive.

Such folders lie on disks and stay readable; nothing writes them any more. Each line is held against itself.
Errors name the file and the line of a column that does not follow from the entry, of an entry that the chain
over the log was not made of, of a line too many or too few, and a file whose hash is not the one in
export.json. A file of lines is read as a stream; a Parquet file, whose insides another library reads, only
once its hash is right.

All that is known of the format is here, but for its columns, which are those that tables still have: whoever
changes these leaves the old ones here.
"""

import csv
import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from portfold.coordinator.audit.record.columns import COLUMNS, Row, Table, all_cells
from portfold.coordinator.audit.record.line_tables import LINE_FORMATS
from portfold.coordinator.audit.record.record import RecordError
from portfold.coordinator.audit.tables.parquet_tables import frame, parquet_library
from portfold.coordinator.store.entry_json import decoded, read_words
from portfold.coordinator.store.follower import LogDiffers
from portfold.coordinator.store.recorded import Recorded, chain_after
from portfold.events.chain import GENESIS
from portfold.events.fields import Digest, PortfolioName
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Entry

LISTING = "export.json"
_VERSION = 1


class ExportDamaged(LogDiffers):
    """An export that is not as it was written. The text names the file and, where it can, the line."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")


class EarlierExport:
    """The export in `folder`, as a record. Raises RecordError where none can be read, ExportDamaged."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._manifest = _read_manifest(folder / LISTING)
        self.portfolio = self._manifest.portfolio
        self.shown = f"{self.portfolio} in the export {folder}"
        self.cursor = StreamId.parse(self._manifest.cursor)
        self.chain = self._manifest.chain
        self.events: int | None = self._manifest.events

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Returns whether there is one in `folder`."""
        return (folder / LISTING).exists()

    def recorded(self) -> Iterator[Recorded]:
        """Yields every event with its decisions. Raises ExportDamaged at what is not as it was written."""
        decisions = _Decisions(self._placed("decisions"))
        chain = GENESIS
        for event in self._placed("events"):
            at, fields, expected = event.row
            recorded = Recorded(Entry(at, fields), decisions.up_to(at))
            chain = chain_after(chain, recorded)
            if chain != expected:
                raise event.damaged(
                    f"event {at}{decisions.named_last} is not as it was exported: the chain over it differs"
                )
            yield recorded
        decisions.end()

    def _placed(self, table: Table) -> Iterator["_Placed"]:
        """Yields the rows of a table, in order."""
        last = ORIGIN
        read = _read_parquet if self._manifest.format == "parquet" else _read_lines
        for file in self._manifest.files:
            if file.table != table:
                continue
            for placed in read(self._folder / file.file, file, self._manifest.format):
                if placed.row.id <= last:
                    raise placed.damaged(f"{placed.row.id} comes after {last}, out of order")
                last = placed.row.id
                yield placed


class _Decisions:
    """The decisions, read in step with the events. `named_last` says where those handed out last stand."""

    def __init__(self, rows: Iterator["_Placed"]) -> None:
        self._rows = rows
        self._next = next(rows, None)
        self.named_last = ""

    def up_to(self, event: StreamId) -> list[Entry]:
        """Returns the next decisions, up to the last of `event`."""
        last, found = event.after_decisions(), list[Entry]()
        first = self._next
        while self._next is not None and self._next.row.id <= last:
            found.append(Entry(self._next.row.id, self._next.row.fields))
            self._next = next(self._rows, None)
        self.named_last = f", or a decision of it ({first.named} on)," if first and found else ""
        return found

    def end(self) -> None:
        """Raises ExportDamaged unless all were handed out."""
        if self._next is not None:
            raise self._next.damaged(f"decision {self._next.row.id} comes after the last event's")


# --- export.json ----------------------------------------------------------------------------------------


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the export, and how many rows of which table it holds."""

    file: str
    table: Table
    rows: int
    bytes: int
    sha256: str


class _Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What export.json says.

    `cursor` and `chain` are where the record was said to end; `epoch` and `rules` are those that the last
    CoordinatorStarted on it names; `sha256` is the hash of this with nothing in its place.
    """

    version: int
    format: Literal["jsonl", "csv", "parquet"]
    portfolio: PortfolioName
    cursor: str
    chain: Digest
    events: int
    decisions: int
    epoch: int
    rules: int
    files: tuple[_File, ...]
    sha256: str = ""


class _Version(Struct):
    version: int


def _read_manifest(path: Path) -> _Manifest:
    with _readable(path):
        text = path.read_bytes()
    try:
        version = msgspec.json.decode(text, type=_Version).version
        if version != _VERSION:
            raise RecordError(f"{path}: its version is {version}; this portfold reads {_VERSION}.")
        manifest = msgspec.json.decode(text, type=_Manifest)
        StreamId.parse(manifest.cursor)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _altered(path) from error
    bare = msgspec.json.encode(replace(manifest, sha256=""))
    sealed = replace(manifest, sha256=hashlib.sha256(bare).hexdigest())
    if msgspec.json.format(msgspec.json.encode(sealed), indent=1) + b"\n" != text:  # not a blank may differ
        raise _altered(path)
    return manifest


def _altered(path: Path) -> ExportDamaged:
    return ExportDamaged(path, "this file is not as it was written. Restore it.")


# --- the files ------------------------------------------------------------------------------------------


class _Placed(NamedTuple):
    """A row, and where it stands: `unit` is line or row."""

    row: Row
    path: Path
    unit: str
    number: int

    @property
    def named(self) -> str:
        """Names the place within the export."""
        return f"{self.path.name}, {self.unit} {self.number}"

    def damaged(self, what: str) -> ExportDamaged:
        """Returns the error that names the place."""
        return ExportDamaged(self.path, f"{self.unit} {self.number}: {what}.")


def _read_lines(path: Path, file: _File, form: str) -> Iterator[_Placed]:
    digest, size, rows = hashlib.sha256(), 0, 0
    header = LINE_FORMATS[form].header(COLUMNS[file.table])
    with _readable(path), path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            digest.update(line)
            size += len(line)
            if header and number == 1:
                if line != header:
                    raise ExportDamaged(path, "line 1: these are not the names of the columns.")
                continue
            rows += 1
            yield _Placed(_row(path, number, line, file.table, form), path, "line", number)
    _check_rows(path, file, rows)
    _check_hash(path, file, digest.hexdigest(), size)


def _row(path: Path, number: int, line: bytes, table: Table, form: str) -> Row:
    """Returns the row in a line, if the line is the row's."""
    try:
        row = _READ[form](table, line)
    except ValueError as error:  # as are those of JSON and of Unicode
        raise ExportDamaged(path, f"line {number}: this is no row: {error}.") from error
    if LINE_FORMATS[form].line(COLUMNS[table], all_cells(table, row)) != line:
        raise ExportDamaged(
            path, f"line {number}: its columns do not follow from its fields: one of them was altered."
        )
    return row


class _Essence(Struct):
    """What of a line the row is made of; the rest follows from it."""

    id: str
    fields: list[str]
    chain: str = ""


_ESSENCE = msgspec.json.Decoder(_Essence)


def _row_of_json(table: Table, line: bytes) -> Row:
    found = decoded(line, _ESSENCE)
    return Row(StreamId.parse(found.id), found.fields, found.chain if table == "events" else "")


def _row_of_csv(table: Table, line: bytes) -> Row:
    limit = csv.field_size_limit(sys.maxsize)  # an entry may be as long as somebody made it
    try:
        found, *more = csv.reader([line.decode()], strict=True)
    except csv.Error as error:
        raise ValueError(str(error)) from None
    finally:
        csv.field_size_limit(limit)  # it is the whole process's
    if more or len(found) != len(COLUMNS[table]):
        raise ValueError("expected one row")
    chain = found[-2] if table == "events" else ""
    return Row(StreamId.parse(found[0]), read_words(found[-1].encode()), chain)


_READ: dict[str, Callable[[Table, bytes], Row]] = {"jsonl": _row_of_json, "csv": _row_of_csv}


def _read_parquet(path: Path, file: _File, _form: str) -> Iterator[_Placed]:
    with _readable(path):
        content = path.read_bytes()
    _check_hash(path, file, hashlib.sha256(content).hexdigest(), len(content))
    rows = 0
    try:
        for rows, row in enumerate(_rows_of_parquet(file.table, content), start=1):
            yield _Placed(row, path, "row", rows)
    except ValueError as error:
        raise ExportDamaged(path, f"{error}.") from error
    _check_rows(path, file, rows)


def _rows_of_parquet(table: Table, content: bytes) -> Iterator[Row]:
    found = parquet_library().read_parquet(content)
    if tuple(found.columns) != tuple(COLUMNS[table]):
        raise ValueError("its columns are not those of an export")
    rows = [
        Row(StreamId.parse(at), read_words(fields.encode()), chain if table == "events" else "")
        for at, chain, fields in found.select("id", "chain", "fields").iter_rows()
    ]
    again = frame(COLUMNS[table], [all_cells(table, row) for row in rows])
    if not again.equals(found):
        same = (was == should for was, should in zip(found.iter_rows(), again.iter_rows(), strict=True))
        number = next((number for number, alike in enumerate(same, start=1) if not alike), 1)
        raise ValueError(f"row {number}: its columns do not follow from its fields")
    yield from rows


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise RecordError(f"{path}: this file is missing. Restore it.") from error
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}.") from error


def _check_rows(path: Path, file: _File, rows: int) -> None:
    if rows != file.rows:
        raise ExportDamaged(path, f"it has {rows:,} rows where export.json lists {file.rows:,}.")


def _check_hash(path: Path, file: _File, found: str, size: int) -> None:
    if size != file.bytes:
        raise ExportDamaged(path, f"it is {size:,} bytes long where export.json lists {file.bytes:,}.")
    if found != file.sha256:
        raise ExportDamaged(path, "it is not the file that export.json lists: something in it was altered.")
