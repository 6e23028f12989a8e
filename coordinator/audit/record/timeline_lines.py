"""The timeline as lines: for people, as JSON, as CSV."""

from typing import Any

import msgspec

from portfold.coordinator.audit.record.columns import NUMBERS, cells
from portfold.coordinator.audit.record.line_tables import csv_line, harmless
from portfold.coordinator.audit.record.timeline import Item
from portfold.coordinator.store.entry_json import shown_json, words_json

COLUMNS = (
    "id", "time", "stream", "type", "event", "worker", "symbol", "side", "size", "price", "pnl", "code",
    "reason", "text",
)  # fmt: skip


def text_line(item: Item) -> str:
    """`2025-01-15 08:32:07.123-06:00  1736951527123-4  EntryRequested  …`; decisions are indented."""
    ms = item.row.id.ms
    at = item.exchange.local(ms)
    offset = f"{at:%z}"
    time = f"{at:%Y-%m-%d %H:%M:%S}.{ms % 1000:03}{offset[:3]}:{offset[3:]}"
    kind = cells(item.table, item.row).get("type", "")
    arrow = "  → " if item.table == "decisions" else ""
    return f"{time}  {item.row.id!s:<18} {arrow + kind:<22} {item.text}"


def json_line(item: Item) -> str:
    """Returns the line of a table, with the stream, the cause and the sentence."""
    found: dict[str, Any] = {**_cells(item)}
    for name in NUMBERS[item.table].intersection(found):
        found[name] = msgspec.Raw(found[name].encode())
    found.pop("chain", None)
    found["fields"] = msgspec.Raw(words_json(item.row.fields))
    return shown_json(found)


def csv_header() -> str:
    """Returns the names of the columns."""
    return csv_line(COLUMNS).decode().rstrip("\n")


def csv_row(item: Item) -> str:
    """Returns the columns of a table that matter most, and the sentence."""
    found, numbers = _cells(item), NUMBERS[item.table]
    texts = [found.get(name, "") for name in COLUMNS]
    safe = [text if name in numbers else harmless(text) for name, text in zip(COLUMNS, texts, strict=True)]
    return csv_line(safe).decode().rstrip("\n")


def _cells(item: Item) -> dict[str, str]:
    stream = {"stream": item.table.removesuffix("s")}
    return cells(item.table, item.row) | stream | {"event": str(item.event), "text": item.text}
