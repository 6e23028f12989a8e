"""The files of tables: each whole, on the disk and under its name, or not there."""

from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Protocol, Self, get_args

from portfold.coordinator.audit.record.columns import Cells, Columns
from portfold.coordinator.audit.record.line_tables import LINE_FORMATS, LineFormat
from portfold.coordinator.audit.tables.parquet_tables import ROWS_A_FILE, parquet
from portfold.whole_files import part_of, put_in_place, to_disk, write_durably

Format = Literal["jsonl", "csv", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)


class TableWriter(Protocol):
    """Writes the rows of one table; on leaving the block lets go of what is open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def add(self, cells: Cells) -> None:
        """Writes the next row."""
        ...

    def finish(self) -> tuple[str, ...]:
        """Returns the names of the files; all is on the disk by then. Raises OSError."""
        ...


def table_writer(folder: Path, table: str, columns: Columns, form: Format) -> TableWriter:
    """Returns what writes the table to the folder. Raises OSError, here and later."""
    if form == "parquet":
        return _ParquetWriter(folder, table, columns)
    return _LineWriter(folder / f"{table}.{form}", columns, LINE_FORMATS[form])


class _LineWriter:
    """One file, a line a row."""

    def __init__(self, path: Path, columns: Columns, form: LineFormat) -> None:
        self._path, self._columns, self._form = path, columns, form
        self._file: BinaryIO = part_of(path).open("wb")

    def __enter__(self) -> Self:
        self._file.write(self._form.header(self._columns))
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def add(self, cells: Cells) -> None:
        self._file.write(self._form.line(self._columns, cells))

    def finish(self) -> tuple[str, ...]:
        to_disk(self._file)
        self._file.close()
        put_in_place(self._path)
        return (self._path.name,)


class _ParquetWriter:
    """A file for every so many rows; one at least, so that every table can be looked at."""

    def __init__(self, folder: Path, table: str, columns: Columns) -> None:
        self._folder, self._table, self._columns = folder, table, columns
        self._rows: list[Cells] = []
        self._files: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._rows.clear()

    def add(self, cells: Cells) -> None:
        self._rows.append(cells)
        if len(self._rows) == ROWS_A_FILE:
            self._write()

    def finish(self) -> tuple[str, ...]:
        if self._rows or not self._files:
            self._write()
        return tuple(self._files)

    def _write(self) -> None:
        name = f"{self._table}-{len(self._files) + 1:06}.parquet"
        write_durably(self._folder / name, parquet(self._columns, self._rows))
        self._files.append(name)
        self._rows.clear()
