"""Tables of one line a row: JSON lines and CSV."""

import csv
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Struct

from portfold.coordinator.audit.record.columns import NUMBERS, Row, Table, cells, columns
from portfold.coordinator.store.entry_json import words_json

_FORMULA = ("=", "+", "-", "@", "'")


class LineFormat(Struct, frozen=True):
    """How rows become lines."""

    header: Callable[[Table], bytes]
    line: Callable[[Table, Row], bytes]


# --- JSON lines -----------------------------------------------------------------------------------------


def _no_header(table: Table) -> bytes:
    return b""


def _json_line(table: Table, row: Row) -> bytes:
    found: dict[str, Any] = cells(table, row)
    for name in NUMBERS[table].intersection(found):
        found[name] = msgspec.Raw(found[name].encode())
    found["fields"] = msgspec.Raw(words_json(row.fields))
    return msgspec.json.encode(found) + b"\n"


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


LINE_FORMATS = {
    "jsonl": LineFormat(_no_header, _json_line),
    "csv": LineFormat(_csv_header, _csv_line),
}
