"""Tables as Parquet: files of a bounded number of rows, with columns of times, numbers and texts.

Its library comes with the extra `research` and is imported when the first row is written.
"""

from io import BytesIO
from typing import TYPE_CHECKING, Any

from portfold.coordinator.audit.record.columns import NAMED, Kind, Row, Table, cells, columns
from portfold.coordinator.audit.record.record import RecordError
from portfold.coordinator.store.entry_json import words_json
from portfold.installing import install_command

if TYPE_CHECKING:
    import polars

ROWS_A_FILE = 20_000


def parquet(table: Table, rows: list[Row]) -> bytes:
    """The file of these rows. Raises RecordError where the library is missing."""
    content = BytesIO()
    frame(table, rows).write_parquet(content, compression="zstd")
    return content.getvalue()


def frame(table: Table, rows: list[Row]) -> "polars.DataFrame":
    """The rows as a table of typed columns. Raises RecordError where the library is missing."""
    library, named = parquet_library(), NAMED[table]
    types: dict[Kind, Any] = {"text": library.String, "whole": library.Int64, "amount": library.Float64}
    schema = {name: types[named.get(name, "text")] for name in columns(table)}
    schema["time"] = library.Int64
    each: dict[str, list[object]] = {name: [] for name in schema}
    for row in rows:
        found = cells(table, row)
        for name, kind in (("id", "text"), ("type", "text"), *named.items(), ("chain", "text")):
            each[name].append(_value(kind, found.get(name)))
        each["time"].append(row.id.ms if "time" in found else None)
        each["fields"].append(words_json(row.fields).decode())
    made: polars.DataFrame = library.DataFrame(each, schema=schema)
    return made.with_columns(library.col("time").cast(library.Datetime("ms", "UTC")))


def _value(kind: str, text: str | None) -> object:
    if text is None:
        return None
    return int(text) if kind == "whole" else float(text) if kind == "amount" else text


def parquet_library() -> Any:
    """The library. Raises RecordError where it is missing."""
    try:
        import polars  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as missing:
        raise RecordError(
            f"Parquet needs polars, which is not installed: {install_command('research')}. JSON lines and "
            "CSV need nothing."
        ) from missing
    return polars
