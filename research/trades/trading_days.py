"""Trading days of the exchange as research counts them, and spans of them.

A trading day is the coordinator's: it ends at the roll, and the weekend belongs to Monday. Every Monday to
Friday is one. There is no calendar of holidays: a day on which the market was closed counts as a day without
P&L, about 3 of 261 a year.
"""

from collections.abc import Iterable
from datetime import date, timedelta

from msgspec import Struct

from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.research.errors import ResearchError
from portfold.research.trades.trade_file import Trade

_DAY = timedelta(days=1)
_SATURDAY = 5


class DaySpan(Struct, frozen=True):
    """Trading days from `first` to `last`, both included; None: without a bound on that side."""

    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ResearchError(f"Expected a last day from {self.first} on, got {self.last}.")

    @property
    def whole(self) -> bool:
        """Returns whether the span has no bounds."""
        return self.first is None and self.last is None

    def holds(self, day: str) -> bool:
        """Returns whether the trading day, as 2025-01-15, lies in the span."""
        first = self.first.isoformat() if self.first else ""
        last = self.last.isoformat() if self.last else "9999-99-99"
        return first <= day <= last


def apart(train: DaySpan, test: DaySpan) -> None:
    """Checks that no day is in both spans. Raises ResearchError."""
    before = train.last is not None and test.first is not None and train.last < test.first
    after = test.last is not None and train.first is not None and test.last < train.first
    if not (before or after):
        raise ResearchError(
            "Expected a train span that ends before the test span begins, as --train-to 2023-12-31 "
            "--test-from 2024-01-01: what was chosen on a day cannot be judged by it."
        )


class Chosen(Struct, frozen=True):
    """The trades of a span, and the trading days from the first of them to the last, in order.

    `straddling` counts the trades left out because only one of their ends lies in the span: a test span must
    not be judged by trades that were known on the train span before it.
    """

    trades: tuple[Trade, ...]
    days: tuple[str, ...]
    straddling: int


def trades_within(trades: Iterable[Trade], span: DaySpan, *, zone: str, roll: str) -> Chosen:
    """Selects the trades that begin and end in `span`, by the trading days of `zone` and `roll`.

    Raises ResearchError where there are none.
    """
    kept: list[Trade] = []
    straddling = 0
    for trade in trades:
        inside = 2
        if not span.whole:
            ends = (trading_day_at(ms, zone, roll).date for ms in (trade.entry_ms, trade.exit_ms))
            inside = sum(1 for day in ends if span.holds(day))
        if inside == 2:
            kept.append(trade)
        elif inside == 1:
            straddling += 1
    if not kept:
        raise ResearchError(
            f"Expected trades from {span.first or 'the first day'} to {span.last or 'the last'}, got none."
        )
    first = trading_day_at(min(trade.entry_ms for trade in kept), zone, roll).date
    last = trading_day_at(max(trade.exit_ms for trade in kept), zone, roll).date
    return Chosen(
        tuple(kept), tuple(days_between(date.fromisoformat(first), date.fromisoformat(last))), straddling
    )


def days_between(first: date, last: date) -> list[str]:
    """Lists every Monday to Friday from `first` to `last`, both included, as 2025-01-15."""
    count = (last - first).days + 1
    dates = (first + number * _DAY for number in range(count))
    return [day.isoformat() for day in dates if day.weekday() < _SATURDAY]
