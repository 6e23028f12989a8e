"""Counts the totals of a whole log, event by event, while it is replayed."""

from collections import Counter
from decimal import Decimal

from msgspec import Struct, field

from portfold.coordinator.fold.state import State, daily_pnl
from portfold.coordinator.store.ledger import Decided
from portfold.dollars import ZERO
from portfold.events.decisions import (
    EntryAllowed,
    EntryDenied,
    LimitBreached,
    StopLossTriggered,
    TradingDayStarted,
)
from portfold.events.incoming import PositionClosed, PositionOpened


class StopDay(Struct):
    """A day with a stop: the P&L that triggered it, and what the day ended with.

    `decision` is the ID of the StopLossTriggered; `resumed_day` the trading day of the first entry allowed
    after it, empty while there is none.
    """

    day: str
    decision: str
    triggered_pnl: Decimal
    final_pnl: Decimal | None = None
    resumed_day: str = ""


class LogTotals(Struct):
    """Counts and dollars of the log so far.

    `pnl` is that of the finished days, `last_day_pnl` that of the current day. `crossed` counts fills that
    were granted and on their way when a stop took the slot back, `breaches` all other facts that broke a
    limit, by code. `contracts` are open by leg, `most_open` is the most legs at once: both are counted from
    the workers' reports alone, so that they would also show a fault of the fold.
    """

    days: list[str] = field(default_factory=list)
    allowed: int = 0
    denied: Counter[str] = field(default_factory=Counter)
    pnl: Decimal = ZERO
    last_day_pnl: Decimal = ZERO
    stops: list[StopDay] = field(default_factory=list)
    breaches: Counter[str] = field(default_factory=Counter)
    crossed: int = 0
    trades: int = 0
    contracts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    most_open: int = 0

    def see(self, decided: Decided, state: State) -> None:
        """Counts an event, its decisions, and the state after them."""
        if isinstance(decided.event, PositionOpened | PositionClosed):
            self._see_fill(decided.event)
        for index, decision in enumerate(decided.decisions):
            if isinstance(decision, EntryAllowed):
                self._see_allowed(state)
            elif isinstance(decision, EntryDenied):
                self.denied[decision.code] += 1
            elif isinstance(decision, StopLossTriggered):
                at = str(decided.at.decision(index))
                self.stops.append(StopDay(state.day.date, at, decision.daily_pnl))
            elif isinstance(decision, TradingDayStarted):
                self._see_day(decision)
            elif isinstance(decision, LimitBreached):
                self._see_breach(decision, state)
        self.last_day_pnl = daily_pnl(state)

    def _see_fill(self, fill: PositionOpened | PositionClosed) -> None:
        if isinstance(fill, PositionOpened):
            self.contracts[fill.worker, fill.symbol, fill.side] += fill.size
            self.most_open = max(self.most_open, len(self.contracts))
            return
        self.trades += 1
        leg = (fill.holder, fill.symbol, fill.side)
        self.contracts[leg] -= fill.size
        if self.contracts[leg] <= 0:
            del self.contracts[leg]

    def _see_allowed(self, state: State) -> None:
        self.allowed += 1
        for stop in reversed(self.stops):
            if stop.resumed_day:
                break
            stop.resumed_day = state.day.date

    def _see_breach(self, breach: LimitBreached, state: State) -> None:
        if breach.code == "ungranted" and state.stop is not None:
            self.crossed += 1
        else:
            self.breaches[breach.code] += 1

    def _see_day(self, started: TradingDayStarted) -> None:
        self.days.append(started.day)
        if not started.previous_day:
            return
        self.pnl += started.daily_pnl
        for stop in reversed(self.stops):
            if stop.day != started.previous_day:
                break
            stop.final_pnl = started.daily_pnl
