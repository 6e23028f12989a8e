"""Tables of one line a row: JSON lines and CSV. A row has exactly one line, and a line at most one row."""

import csv
import sys
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Struct

from portfold.coordinator.audit.record.columns import NUMBERS, Row, Table, cells, columns
from portfold.coordinator.store.entry_json import decoded, read_words, words_json
from portfold.events.stream_id import StreamId

_FORMULA = ("=", "+", "-", "@", "'")


class LineFormat(Struct, frozen=True):
    """How rows become lines. `read` raises ValueError where there is no row."""

    header: Callable[[Table], bytes]
    line: Callable[[Table, Row], bytes]
    read: Callable[[Table, bytes], Row]


# --- JSON lines -----------------------------------------------------------------------------------------


class _Essence(Struct):
    """What of a line the row is made of; the rest follows from it."""

    id: str
    fields: list[str]
    chain: str = ""


_ESSENCE = msgspec.json.Decoder(_Essence)


def _no_header(table: Table) -> bytes:
    return b""


def _json_line(table: Table, row: Row) -> bytes:
    found: dict[str, Any] = cells(table, row)
    for name in NUMBERS[table].intersection(found):
        found[name] = msgspec.Raw(found[name].encode())
    found["fields"] = msgspec.Raw(words_json(row.fields))
    return msgspec.json.encode(found) + b"\n"


def _read_json(table: Table, line: bytes) -> Row:
    found = decoded(line, _ESSENCE)
    return Row(StreamId.parse(found.id), found.fields, found.chain if table == "events" else "")


# --- CSV ------------------------------------------------------------------------------------------------


def _csv_header(table: Table) -> bytes:
    return csv_line(columns(table))


def _csv_line(table: Table, row: Row) -> bytes:
    found, numbers = cells(table, row), NUMBERS[table]
    texts = [
        text if name in numbers else harmless(text)
        for name in columns(table)[:-1]
        for text in (found.get(name, ""),)
    ]
    return csv_line([*texts, words_json(row.fields).decode()])


def harmless(text: str) -> str:
    """A spreadsheet would compute what begins like a formula; behind an apostrophe it does not."""
    return f"'{text}" if text.startswith(_FORMULA) else text


class _Echo:
    """What is written to it comes back from `writerow`."""

    def write(self, text: str) -> str:
        return text


_WRITER: Any = csv.writer(_Echo(), lineterminator="\n")


def csv_line(texts: Iterable[str]) -> bytes:
    """One line of CSV."""
    line: str = _WRITER.writerow(texts)
    return line.encode()


def _read_csv(table: Table, line: bytes) -> Row:
    limit = csv.field_size_limit(sys.maxsize)  # an entry may be as long as somebody made it
    try:
        found, *more = csv.reader([line.decode()], strict=True)
    except csv.Error as error:
        raise ValueError(str(error)) from None
    finally:
        csv.field_size_limit(limit)  # it is the whole process's
    if more or len(found) != len(columns(table)):
        raise ValueError("expected one row")
    chain = found[-2] if table == "events" else ""
    return Row(StreamId.parse(found[0]), read_words(found[-1].encode()), chain)


LINE_FORMATS = {
    "jsonl": LineFormat(_no_header, _json_line, _read_json),
    "csv": LineFormat(_csv_header, _csv_line, _read_csv),
}
