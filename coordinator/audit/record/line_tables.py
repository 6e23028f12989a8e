"""Tables of one line a row: JSON lines and CSV."""

import csv
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Struct

from portfold.coordinator.audit.record.columns import Cells, Columns

_AS_IT_IS = ("whole", "amount", "json")
_FORMULA = ("=", "+", "-", "@", "'")


class LineFormat(Struct, frozen=True):
    """How rows become lines."""

    header: Callable[[Columns], bytes]
    line: Callable[[Columns, Cells], bytes]


# --- JSON lines -----------------------------------------------------------------------------------------


def _no_header(columns: Columns) -> bytes:
    return b""


def _json_line(columns: Columns, cells: Cells) -> bytes:
    found = {
        name: msgspec.Raw(text.encode()) if columns[name] in _AS_IT_IS else text
        for name, text in cells.items()
    }
    return msgspec.json.encode(found) + b"\n"


# --- CSV ------------------------------------------------------------------------------------------------


def _csv_header(columns: Columns) -> bytes:
    return csv_line(columns)


def _csv_line(columns: Columns, cells: Cells) -> bytes:
    each = ((kind, cells.get(name, "")) for name, kind in columns.items())
    return csv_line(text if kind in _AS_IT_IS else harmless(text) for kind, text in each)


def harmless(text: str) -> str:
    """Puts an apostrophe before what begins like a formula, so that a spreadsheet does not compute it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


class _Echo:
    """Returns from `writerow` what is written to it."""

    def write(self, text: str) -> str:
        return text


_WRITER: Any = csv.writer(_Echo(), lineterminator="\n")


def csv_line(texts: Iterable[str]) -> bytes:
    """Returns the texts as one line of CSV."""
    line: str = _WRITER.writerow(texts)
    return line.encode()


LINE_FORMATS = {
    "jsonl": LineFormat(_no_header, _json_line),
    "csv": LineFormat(_csv_header, _csv_line),
}
