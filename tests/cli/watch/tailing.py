"""What tests of `portfold tail` have in common: what to show, what came of it, what the audit says."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from portfold.coordinator.audit.record.following import Note
from portfold.coordinator.audit.record.moment import Exchange
from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.span import Span
from portfold.coordinator.audit.record.tail import Choice, Tail, TailLine
from portfold.coordinator.audit.record.timeline import Item, Wanted, timeline
from tests.archive.past import Past

CHICAGO = Exchange("America/Chicago", "17:00")
TICK: list[str | bytes] = ["type", "ClockTicked"]
HALT: list[str | bytes] = ["type", "TradingHalted", "by", "jane", "reason", "news"]


def choice(*, everything: bool = False, **wanted: str) -> Choice:
    return Choice(
        Wanted(**{name: frozenset(values.split()) for name, values in wanted.items()}), everything, CHICAGO
    )


def told_by(lines: Iterator[TailLine]) -> list[tuple[str, str, str]]:
    return [(one.item.table, str(one.item.row.id), one.item.text) for one in lines]


def whole_timeline(past: Past, archive: Path | None = None, **wanted: str) -> list[tuple[str, str, str]]:
    """All of it as the audit shows it."""
    record = LiveRecord(past.bus, archive, "here")
    chosen = Wanted(**{name: frozenset(values.split()) for name, values in wanted.items()})
    items: Iterator[Item] = timeline(record, Span(record, None, None), chosen, lambda _: None)
    return [(item.table, str(item.row.id), item.text) for item in items]


def following(end: Tail, count: int) -> list[TailLine | Note]:
    """The next so many."""
    return list(islice(end.follow(lambda _seconds: None), count))


def texts(told: list[TailLine | Note]) -> list[str]:
    return [one.text if isinstance(one, Note) else one.item.text for one in told]
