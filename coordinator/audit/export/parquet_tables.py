"""Tables as Parquet: files of a bounded number of rows, with columns of times, numbers and texts.

Its library comes with the extra `research` and is imported when the first row is written or read. It never
reads a file whose hash is not the one that was listed, so what is damaged is found before it gets there.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from portfold.coordinator.audit.record.columns import NAMED, Kind, Row, Table, cells, columns
from portfold.coordinator.audit.record.record import RecordError
from portfold.coordinator.store.entry_json import read_words, words_json
from portfold.events.stream_id import StreamId

if TYPE_CHECKING:
    import polars

ROWS_A_FILE = 20_000


def parquet(table: Table, rows: list[Row]) -> bytes:
    """The file of these rows. Raises RecordError where the library is missing."""
    content = BytesIO()
    _frame(table, rows).write_parquet(content, compression="zstd")
    return content.getvalue()


def read_parquet(table: Table, content: bytes) -> Iterator[Row]:
    """The rows of such a file. Raises ValueError, naming the row, at one that is not as it was written."""
    frame = _polars().read_parquet(content)
    if tuple(frame.columns) != columns(table):
        raise ValueError("its columns are not those of an export")
    rows = [
        Row(StreamId.parse(at), read_words(fields.encode()), chain if table == "events" else "")
        for at, chain, fields in frame.select("id", "chain", "fields").iter_rows()
    ]
    again = _frame(table, rows)
    if not again.equals(frame):
        same = (was == should for was, should in zip(frame.iter_rows(), again.iter_rows(), strict=True))
        number = next((number for number, alike in enumerate(same, start=1) if not alike), 1)
        raise ValueError(f"row {number}: its columns do not follow from its fields")
    yield from rows


def _frame(table: Table, rows: list[Row]) -> "polars.DataFrame":
    """The rows as a table of typed columns."""
    library, named = _polars(), NAMED[table]
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
    frame: polars.DataFrame = library.DataFrame(each, schema=schema)
    return frame.with_columns(library.col("time").cast(library.Datetime("ms", "UTC")))


def _value(kind: str, text: str | None) -> object:
    if text is None:
        return None
    return int(text) if kind == "whole" else float(text) if kind == "amount" else text


def _polars() -> Any:
    try:
        import polars  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as missing:
        raise RecordError(
            "Parquet needs polars, which is not installed: pip install 'portfold[research]'. JSON lines and "
            "CSV need nothing."
        ) from missing
    return polars
