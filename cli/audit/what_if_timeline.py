"""The changed decisions of a what-if as a timeline: by trading day, each entry with the end of its trade.

Only as many rows are kept as are to be shown; the others are counted.
"""

from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from portfold.coordinator.audit.what_if.findings import (
    FilledAnyway,
    Finding,
    LimitsOverridden,
    StopComes,
    StopGoes,
    TradeEnded,
    TradeGone,
    Turned,
)
from portfold.dollars import ZERO, shown, shown_limit
from portfold.events.legs import parse_legs
from portfold.events.stream_id import StreamId
from portfold.exchange_time import local_time

_HEADING = f"  {'time':<8}  {'entry':<22}{'recorded → what if':<30}{'its trade':>11}"
_INDENT = " " * 12


class _Row(Struct):
    """A row: an event, its text, and the lines below it."""

    at: str
    day: str
    text: str
    outcome: str = ""
    pnl: Decimal = ZERO
    asked: int = 1
    below: list[str] = field(default_factory=list)


class TurnedRows:
    """Keeps the first `most` rows of changed decisions and stops; `left_out` counts the others."""

    def __init__(self, most: int) -> None:
        self.left_out = 0
        self._most = most
        self._zone = "UTC"
        self._rows: list[_Row] = []
        self._entries: dict[str, _Row] = {}
        self._askers: dict[tuple[str, str], _Row] = {}
        self._stops: dict[str, _Row] = {}

    def add(self, found: Finding) -> None:
        """Takes the next finding."""
        match found:
            case LimitsOverridden():
                self._zone = found.zone
            case Turned():
                self._add_turned(found)
            case TradeGone():
                self._add_gone(found)
            case FilledAnyway() if found.request in self._entries:
                self._entries[found.request].outcome = "filled anyway"
            case StopComes() | StopGoes():
                self._add_stop(found)
            case TradeEnded() if found.ended in self._stops:
                self._stops[found.ended].below.append(_ended(found))

    def lines(self) -> Iterator[str]:
        """Yields the rows, with a heading for each trading day; nothing where nothing changed."""
        if self._rows:
            yield f"Times of {self._zone}; a trading day may begin the evening before."
            yield _HEADING
        day = ""
        for row in self._rows:
            if row.day != day:
                day = row.day
                yield day
            times = f" x{row.asked}" if row.asked > 1 else ""
            yield f"  {_clock(row.at, self._zone)}  {row.text}{row.outcome}{times}"
            yield from (f"{_INDENT}{line}" for line in row.below)

    def _add(self, row: _Row) -> bool:
        if len(self._rows) >= self._most:
            self.left_out += 1
            return False
        self._rows.append(row)
        return True

    def _add_turned(self, turned: Turned) -> None:
        asker = (turned.worker, turned.symbol)
        if turned.again:
            if asker in self._askers:
                self._askers[asker].asked += 1
            return
        entry = f"{turned.symbol} {turned.side} {turned.size} {turned.worker}"
        text = f"{entry:<22}{f'{turned.recorded} → {turned.what_if}':<30}"
        allowed = turned.what_if == "allowed"
        row = _Row(turned.at, turned.day, text, f"{'unknown' if allowed else 'not filled':>11}")
        self._askers.pop(asker, None)
        if self._add(row):
            self._entries[turned.at] = row
            if allowed:
                self._askers[asker] = row

    def _add_gone(self, gone: TradeGone) -> None:
        if gone.stop in self._stops:
            self._stops[gone.stop].below.append(_taken_back(gone))
        row = self._entries.get(gone.request)
        if row is not None:
            row.pnl += gone.pnl + gone.open_pnl
            row.outcome = f"{shown(row.pnl):>11} {'gone' if gone.closed else 'open'}"

    def _add_stop(self, stop: StopComes | StopGoes) -> None:
        count = len(parse_legs(stop.positions))
        limit = -stop.limit if stop.rule == "stopped_out" else stop.limit
        at = f"{shown(stop.daily_pnl)} of {shown_limit(limit)}"
        if stop.rule != "stopped_out":
            at = f"{stop.rule} {at}"
        row = _Row(stop.at, stop.day, f"STOP comes, at {at}, and closes {count} open")
        if isinstance(stop, StopGoes):
            row.text = f"STOP goes, recorded at {at}, that closed {count} open"
        if self._add(row) and isinstance(stop, StopComes):
            self._stops[stop.at] = row


def _taken_back(gone: TradeGone) -> str:
    entry = f"{gone.symbol} {gone.side} {gone.contracts} {gone.worker}"
    return f"{entry:<22}{'not filled':>12} at the stop, recorded {_recorded(gone)}"


def _ended(ended: TradeEnded) -> str:
    at_stop = "never marked" if ended.pnl_at_stop is None else shown(ended.pnl_at_stop)
    entry = f"{ended.symbol} {ended.side} {ended.contracts} {ended.worker}"
    return f"{entry:<22}{at_stop:>12} at the stop, recorded {_recorded(ended)}"


def _recorded(trade: TradeGone | TradeEnded) -> str:
    return f"{shown(trade.pnl + trade.open_pnl)}{'' if trade.closed else ', open'}"


def _clock(at: str, zone: str) -> str:
    return f"{local_time(StreamId.parse(at).ms, ZoneInfo(zone)):%H:%M:%S}"
