"""The columns of the tables: of each entry what people look for, by itself, and at the end all of it.

`fields` holds every word of the entry as it lies in the stream, so nothing is lost, whatever somebody wrote.
The other columns follow from it and from the ID.
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from portfold.coordinator.store.entry_json import words_json
from portfold.events.codec import Fields
from portfold.events.fields import readable
from portfold.events.stream_id import StreamId
from portfold.exchange_time import LAST_MS, utc

Table = Literal["events", "decisions"]
TABLES: tuple[Table, ...] = ("events", "decisions")
Kind = Literal["text", "whole", "amount", "time", "json"]
"""What a column holds: text, whole numbers, numbers such as prices and dollars, times in UTC, or JSON."""
Columns = Mapping[str, Kind]
"""The columns of a table, in order."""
Cells = dict[str, str]
"""What stands in a row, by column, where there is something; numbers and times as JSON has them."""

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}").fullmatch
_AMOUNT = re.compile(r"-?(?:0|[1-9][0-9]{0,29})(?:\.[0-9]{1,30})?").fullmatch

NAMED: dict[Table, dict[str, Kind]] = {
    "events": {
        "worker": "text",
        "session": "text",
        "seq": "whole",
        "symbol": "text",
        "side": "text",
        "size": "whole",
        "price": "amount",
        "commission": "amount",
        "pnl": "amount",
        "unrealized": "amount",
        "strategy": "text",
        "reason": "text",
        "by": "text",
        "owner": "text",
        "fill": "text",
    },
    "decisions": {
        "event": "text",
        "worker": "text",
        "symbol": "text",
        "side": "text",
        "size": "whole",
        "price": "amount",
        "code": "text",
        "kind": "text",
        "cause": "text",
        "reason": "text",
        "slots": "whole",
        "max_positions": "whole",
        "expires_ms": "whole",
        "daily_pnl": "amount",
        "limit": "amount",
        "episode": "text",
        "deadline_ms": "whole",
        "took_ms": "whole",
        "positions": "text",
        "pending": "text",
        "day": "text",
    },
}
"""The fields that have a column of their own, and what it holds."""
NUMBERS: dict[Table, frozenset[str]] = {
    table: frozenset(name for name, kind in named.items() if kind != "text") for table, named in NAMED.items()
}


COLUMNS: dict[Table, Columns] = {
    table: {"id": "text", "time": "time", "type": "text", **named, "chain": "text", "fields": "json"}
    for table, named in NAMED.items()
}


class Row(NamedTuple):
    """An entry as a line of a table. `chain` is the log's after the event; for a decision, nothing."""

    id: StreamId
    fields: list[str]
    chain: str = ""


def all_cells(table: Table, row: Row) -> Cells:
    """Returns what stands in the columns of the row."""
    return cells(table, row) | {"fields": words_json(row.fields).decode()}


def cells(table: Table, row: Row) -> Cells:
    """Returns what stands in all columns but `fields`."""
    found = {"id": str(row.id), "time": utc_text(row.id.ms)}
    if not found["time"]:
        del found["time"]
    readers = _READERS[table]
    for name, value in by_name(row.fields).items():
        read = readers.get(name)
        if read is not None and (text := read(value)):
            found[name] = text
    if row.chain:
        found["chain"] = row.chain
    return found


def by_name(fields: Fields) -> dict[str, str]:
    """Returns the fields by their names; of a name given twice the last, as the coordinator reads it."""
    each = iter(fields)
    return dict(zip(each, each, strict=False))


def utc_text(ms: int) -> str:
    """Shows a moment as `2025-01-15T14:32:07.123Z`; nothing for what no calendar holds."""
    return f"{utc(ms):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z" if ms <= LAST_MS else ""


def _whole(text: str) -> str:
    return text if _WHOLE(text) else ""


def _amount(text: str) -> str:
    return text if _AMOUNT(text) else ""


_BY_KIND: dict[Kind, Callable[[str], str]] = {"text": readable, "whole": _whole, "amount": _amount}
_READERS: dict[Table, dict[str, Callable[[str], str]]] = {
    table: {"type": readable} | {name: _BY_KIND[kind] for name, kind in named.items()}
    for table, named in NAMED.items()
}
_READERS["decisions"]["chain"] = readable
