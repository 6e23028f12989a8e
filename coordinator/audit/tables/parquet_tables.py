"""Tables as Parquet: files of a bounded number of rows, with columns of times, numbers and texts.

Its library comes with the extra `research` and is imported when the first row is written.
"""

from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from portfold.coordinator.audit.record.columns import Cells, Columns, Kind
from portfold.coordinator.audit.record.record import RecordError
from portfold.exchange_time import milliseconds_of
from portfold.installing import install_command

if TYPE_CHECKING:
    import polars

ROWS_A_FILE = 20_000


def parquet(columns: Columns, rows: list[Cells]) -> bytes:
    """Returns the file of these rows. Raises RecordError where the library is missing."""
    content = BytesIO()
    frame(columns, rows).write_parquet(content, compression="zstd")
    return content.getvalue()


def frame(columns: Columns, rows: list[Cells]) -> "polars.DataFrame":
    """Returns the rows as a table of typed columns. Raises RecordError where the library is missing."""
    library = parquet_library()
    types: dict[Kind, Any] = {"whole": library.Int64, "amount": library.Float64, "time": library.Int64}
    schema = {name: types.get(kind, library.String) for name, kind in columns.items()}
    each = {name: [_value(kind, row.get(name)) for row in rows] for name, kind in columns.items()}
    made: polars.DataFrame = library.DataFrame(each, schema=schema)
    times = [library.col(name) for name, kind in columns.items() if kind == "time"]
    return made.with_columns(time.cast(library.Datetime("ms", "UTC")) for time in times)


def _value(kind: Kind, text: str | None) -> object:
    if text is None:
        return None
    if kind == "time":
        return milliseconds_of(datetime.fromisoformat(text))
    return int(text) if kind == "whole" else float(text) if kind == "amount" else text


def parquet_library() -> Any:
    """Returns the library. Raises RecordError where it is missing."""
    try:
        import polars  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as missing:
        raise RecordError(
            f"Parquet needs polars, which is not installed: {install_command('research')}. JSON lines and "
            "CSV need nothing."
        ) from missing
    return polars
