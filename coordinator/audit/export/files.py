"""The files of an export: written so that they are whole or not there, read so that no difference gets by.

Reading holds each line against the row in it, and each file against its hash in export.json. A file of lines
is read as a stream, so that the line can be named, and its hash is known at the end; a Parquet file, whose
insides another library reads, only once its hash is right.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Protocol, Self

from portfold.coordinator.audit.export.manifest import ExportDamaged, File, Format
from portfold.coordinator.audit.export.parquet_tables import ROWS_A_FILE, parquet, read_parquet
from portfold.coordinator.audit.record.columns import Row, Table
from portfold.coordinator.audit.record.line_tables import LINE_FORMATS, LineFormat
from portfold.coordinator.audit.record.record import RecordError
from portfold.whole_files import part_of, put_in_place, to_disk, write_durably


class TableWriter(Protocol):
    """Writes the rows of one table; on leaving the block lets go of what is open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def add(self, row: Row) -> None:
        """The next row."""
        ...

    def finish(self) -> tuple[File, ...]:
        """When it returns, all is on the disk and under its name. Raises OSError."""
        ...


def table_writer(folder: Path, table: Table, form: Format) -> TableWriter:
    """Writes the table to the folder. Raises OSError, here and later."""
    if form == "parquet":
        return _ParquetWriter(folder, table)
    return _LineWriter(folder / f"{table}.{form}", table, LINE_FORMATS[form])


class _LineWriter:
    """One file, a line a row."""

    def __init__(self, path: Path, table: Table, form: LineFormat) -> None:
        self._path, self._table, self._form = path, table, form
        self._digest, self._bytes, self._rows = hashlib.sha256(), 0, 0
        self._file: BinaryIO = part_of(path).open("wb")

    def __enter__(self) -> Self:
        self._write(self._form.header(self._table))
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def add(self, row: Row) -> None:
        self._rows += 1
        self._write(self._form.line(self._table, row))

    def finish(self) -> tuple[File, ...]:
        to_disk(self._file)
        self._file.close()
        put_in_place(self._path)
        return (File(self._path.name, self._table, self._rows, self._bytes, self._digest.hexdigest()),)

    def _write(self, line: bytes) -> None:
        self._file.write(line)
        self._digest.update(line)
        self._bytes += len(line)


class _ParquetWriter:
    """A file for every so many rows; one at least, so that every table can be looked at."""

    def __init__(self, folder: Path, table: Table) -> None:
        self._folder, self._table = folder, table
        self._rows: list[Row] = []
        self._files: list[File] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._rows.clear()

    def add(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) == ROWS_A_FILE:
            self._write()

    def finish(self) -> tuple[File, ...]:
        if self._rows or not self._files:
            self._write()
        return tuple(self._files)

    def _write(self) -> None:
        content = parquet(self._table, self._rows)
        name = f"{self._table}-{len(self._files) + 1:06}.parquet"
        write_durably(self._folder / name, content)
        digest = hashlib.sha256(content).hexdigest()
        self._files.append(File(name, self._table, len(self._rows), len(content), digest))
        self._rows.clear()


# --- reading --------------------------------------------------------------------------------------------


class Placed(NamedTuple):
    """A row, and where it stands: `unit` is line or row."""

    row: Row
    path: Path
    unit: str
    number: int

    @property
    def named(self) -> str:
        """The place within the export."""
        return f"{self.path.name}, {self.unit} {self.number}"

    def damaged(self, what: str) -> ExportDamaged:
        """The error that names the place."""
        return ExportDamaged(self.path, f"{self.unit} {self.number}: {what}.")


def read_rows(folder: Path, file: File, form: Format) -> Iterator[Placed]:
    """The rows of a file, in order. Raises ExportDamaged, RecordError where it cannot be read."""
    path = folder / file.file
    if form == "parquet":
        return _read_parquet(path, file)
    return _read_lines(path, file, LINE_FORMATS[form])


def _read_lines(path: Path, file: File, form: LineFormat) -> Iterator[Placed]:
    digest, size, rows = hashlib.sha256(), 0, 0
    header = form.header(file.table)
    with _readable(path), path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            digest.update(line)
            size += len(line)
            if header and number == 1:
                if line != header:
                    raise ExportDamaged(path, "line 1: these are not the names of the columns.")
                continue
            rows += 1
            yield Placed(_row(path, number, line, file.table, form), path, "line", number)
    _check_rows(path, file, rows)
    _check_hash(path, file, digest.hexdigest(), size)


def _row(path: Path, number: int, line: bytes, table: Table, form: LineFormat) -> Row:
    """The row in a line, if the line is the row's."""
    try:
        row = form.read(table, line)
    except ValueError as error:  # as are those of JSON and of Unicode
        raise ExportDamaged(path, f"line {number}: this is no row: {error}.") from error
    if form.line(table, row) != line:
        raise ExportDamaged(
            path, f"line {number}: its columns do not follow from its fields: one of them was altered."
        )
    return row


def _read_parquet(path: Path, file: File) -> Iterator[Placed]:
    with _readable(path):
        content = path.read_bytes()
    _check_hash(path, file, hashlib.sha256(content).hexdigest(), len(content))
    rows = 0
    try:
        for rows, row in enumerate(read_parquet(file.table, content), start=1):
            yield Placed(row, path, "row", rows)
    except ValueError as error:
        raise ExportDamaged(path, f"{error}.") from error
    _check_rows(path, file, rows)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise RecordError(f"{path}: this file is missing. Restore it, or export again.") from error
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}.") from error


def _check_rows(path: Path, file: File, rows: int) -> None:
    if rows != file.rows:
        raise ExportDamaged(path, f"it has {rows:,} rows where export.json lists {file.rows:,}.")


def _check_hash(path: Path, file: File, found: str, size: int) -> None:
    if size != file.bytes:
        raise ExportDamaged(path, f"it is {size:,} bytes long where export.json lists {file.bytes:,}.")
    if found != file.sha256:
        raise ExportDamaged(path, "it is not the file that export.json lists: something in it was altered.")
