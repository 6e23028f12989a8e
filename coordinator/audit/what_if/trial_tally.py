"""What a trial comes to, by trading day and rule: what it saved, what it cost, and what nobody knows.

Dollars are those of trades that have ended on the log: a trade that the trial would have denied has saved
what it lost, or cost what it made; one that a stop of the trial would have ended, the difference to its last
mark there. What is still open is neither yet. What the trial allows and the log denied has no outcome, and
none is made up. Guarantees: the days kept are bounded; those before are one row a rule, under `EARLIER`.
"""

from decimal import Decimal

from msgspec import Struct

from portfold.coordinator.audit.record.moment import Exchange
from portfold.coordinator.audit.what_if.findings import (
    DayOver,
    FilledAnyway,
    Finding,
    StopComes,
    StopGoes,
    TradeEnded,
    TradeGone,
    Turned,
)
from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.dollars import ZERO, shown
from portfold.events.stream_id import StreamId

EARLIER = "earlier"
MOST_DAYS = 260
_UNKNOWN_REMEMBERED = 1024


class RuleRow(Struct):
    """What one rule came to on one trading day.

    `denied` and `stops` are what it would have done and the log did not; `saved` and `cost` what came of
    them, with `open` trades still to end. `unknown` are entries that it denied on the log and the trial would
    have allowed, and trades that a stop would have ended at a price nobody knows; `stops_gone` are its stops
    on the log that would not have been, whose further outcome nobody knows either.
    """

    day: str
    rule: str
    denied: int = 0
    stops: int = 0
    saved: Decimal = ZERO
    cost: Decimal = ZERO
    open: int = 0
    unknown: int = 0
    stops_gone: int = 0

    def add(self, made: Decimal) -> None:
        """Adds what the trial made against the log with one trade."""
        if made > 0:
            self.saved += made
        else:
            self.cost -= made

    def take_in(self, other: "RuleRow") -> None:
        """Adds another row to this one."""
        for name in self.__struct_fields__[2:]:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class DayRow(Struct):
    """A trading day's P&L on the log and in the trial, without the entries of `unknown` outcome."""

    day: str
    recorded: Decimal = ZERO
    trial: Decimal = ZERO
    unknown: int = 0


class TrialTally:
    """Counts the findings of a trial."""

    def __init__(self) -> None:
        self.days: dict[str, DayRow] = {}
        self._rows: dict[tuple[str, str], RuleRow] = {}
        self._unknown: dict[str, RuleRow] = {}
        self._earlier_than = ""

    @property
    def rows(self) -> list[RuleRow]:
        """Returns all rows by day and rule; the earlier ones first."""
        return [self._rows[key] for key in sorted(self._rows, key=lambda key: (key[0] != EARLIER, key))]

    def listed(self) -> dict[str, object]:
        """Returns all of it for programs."""
        return {"what": "TrialTally", "rows": self.rows, "days": list(self.days.values())}

    def __str__(self) -> str:
        """`denied 2, stops 0 (1 fewer), saved $530.00, cost $57.50, still open 0, unknown 5`."""
        total = self.total()
        fewer = f" ({total.stops_gone} fewer)" if total.stops_gone else ""
        return (
            f"denied {total.denied}, stops {total.stops}{fewer}, saved {shown(total.saved)}, "
            f"cost {shown(total.cost)}, still open {total.open}, unknown {total.unknown}"
        )

    def total(self) -> RuleRow:
        """Returns all of it in one row."""
        total = RuleRow("", "")
        for row in self._rows.values():
            total.take_in(row)
        return total

    def add(self, found: Finding, exchange: Exchange) -> None:
        """Adds one more finding; the exchange has the trading days."""
        match found:
            case Turned():
                self._add_turned(found)
            case FilledAnyway() if found.request in self._unknown:
                self._unknown.pop(found.request).unknown -= 1
            case TradeGone():
                row = self._row(_day(found.stop or found.request, exchange), found.why)
                _add_trade(row, -found.pnl, found.closed)
            case TradeEnded():
                row = self._row(_day(found.ended, exchange), found.why)
                if found.pnl_at_stop is None:
                    row.unknown += 1
                else:
                    _add_trade(row, found.pnl_at_stop - found.pnl, found.closed)
            case StopComes():
                self._row(found.day, found.rule).stops += 1
            case StopGoes():
                self._row(found.day, found.rule).stops_gone += not self._stopped(found.day)
            case DayOver():
                self._add_day(found)

    def _stopped(self, day: str) -> bool:
        """Returns whether the trial had stopped that day before, so that nothing of its own was open."""
        return any(row.stops for (of, _), row in self._rows.items() if of == day)

    def _add_turned(self, turned: Turned) -> None:
        if turned.what_if != "allowed":
            self._row(turned.day, turned.what_if).denied += 1
        elif not turned.again:
            row = self._row(turned.day, turned.recorded)
            row.unknown += 1
            if len(self._unknown) >= _UNKNOWN_REMEMBERED:
                del self._unknown[next(iter(self._unknown))]
            self._unknown[turned.at] = row

    def _add_day(self, over: DayOver) -> None:
        day = self._kept(over.day)
        row = self.days.setdefault(day, DayRow(day))
        row.recorded += over.recorded.pnl
        row.trial += over.what_if.pnl
        row.unknown += over.unknown
        if len(self.days) > MOST_DAYS:
            self._let_go(min(name for name in self.days if name != EARLIER))

    def _let_go(self, day: str) -> None:
        """Adds the oldest day to the earlier ones."""
        self._earlier_than = max(self._earlier_than, f"{day}~")
        gone = self.days.pop(day)
        earlier = self.days.setdefault(EARLIER, DayRow(EARLIER))
        earlier.recorded += gone.recorded
        earlier.trial += gone.trial
        earlier.unknown += gone.unknown
        for key in [key for key in self._rows if key[0] != EARLIER and key[0] <= day]:
            self._row(EARLIER, key[1]).take_in(self._rows.pop(key))

    def _kept(self, day: str) -> str:
        return EARLIER if day < self._earlier_than else day

    def _row(self, day: str, rule: str) -> RuleRow:
        key = (self._kept(day), rule)
        return self._rows.setdefault(key, RuleRow(*key))


def _add_trade(row: RuleRow, made: Decimal, closed: str) -> None:
    if closed:
        row.add(made)
    else:
        row.open += 1


def _day(event: str, exchange: Exchange) -> str:
    return trading_day_at(StreamId.parse(event).ms, exchange.zone, exchange.roll).date
