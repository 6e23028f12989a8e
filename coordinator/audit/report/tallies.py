"""Trades and requests added up by symbol, or by worker: the tables of a report."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from msgspec import Struct

from portfold.coordinator.audit.report.day_account import ClosedTrade, DayAccount, rate
from portfold.dollars import ZERO
from portfold.events.account import ACCOUNT


class ResultTally(Struct):
    """The sums under `name`. `pnl` is what counted on the days, booked or on what stayed open, so
    that the tallies add up to their P&L; `best` and `worst` are of whole trades, of which `won` made money.
    """

    name: str
    strategy: str = ""
    asked: int = 0
    denied: int = 0
    trades: int = 0
    won: int = 0
    pnl: Decimal = ZERO
    best: Decimal | None = None
    worst: Decimal | None = None

    @property
    def win_rate(self) -> Decimal | None:
        """Returns the share of trades that made money."""
        return rate(self.won, self.trades)

    @property
    def block_rate(self) -> Decimal | None:
        """Returns the share of requests that were denied."""
        return rate(self.denied, self.asked)


def by_symbol(accounts: Sequence[DayAccount]) -> list[ResultTally]:
    """Returns a tally for each symbol that was asked for or traded, in the order of their names."""
    return _tallied(accounts, lambda symbol, _: symbol)


def by_worker(accounts: Sequence[DayAccount]) -> list[ResultTally]:
    """Returns a tally for each worker, with the name it gave its strategy."""
    tallies = _tallied(accounts, lambda _, worker: worker)
    strategies = {name: strategy for account in accounts for name, strategy in account.strategies.items()}
    for tally in tallies:
        tally.strategy = strategies.get(tally.name, "")
    return tallies


def all_together(accounts: Sequence[DayAccount]) -> ResultTally:
    """Returns the total over all symbols and workers."""
    found = _tallied(accounts, lambda _, __: "total")
    return found[0] if found else ResultTally("total")


def _tallied(accounts: Iterable[DayAccount], name_of: Callable[[str, str], str]) -> list[ResultTally]:
    tallies: dict[str, ResultTally] = {}

    def tally(symbol: str, worker: str) -> ResultTally:
        name = name_of(symbol, worker)
        return tallies.setdefault(name, ResultTally(name))

    for account in accounts:
        for (symbol, worker), count in account.asked_by.items():
            tally(symbol, worker).asked += count
        for (symbol, worker), count in account.denied_by.items():
            tally(symbol, worker).denied += count
        for trade in account.trades:
            _add_trade(tally(trade.symbol, trade.worker), trade)
        for booking in account.bookings:
            tally(booking.symbol, booking.worker).pnl += booking.booked
        for held in account.held:
            tally(held.symbol, held.worker).pnl += held.counted
        if account.pnl != account.reported:  # the account's own figure is the worse, and counts
            tally(ACCOUNT, ACCOUNT).pnl += account.pnl - account.reported
    return [tallies[name] for name in sorted(tallies)]


def _add_trade(tally: ResultTally, trade: ClosedTrade) -> None:
    tally.trades += 1
    tally.won += trade.pnl > 0
    tally.pnl += trade.booked
    tally.best = trade.pnl if tally.best is None else max(tally.best, trade.pnl)
    tally.worst = trade.pnl if tally.worst is None else min(tally.worst, trade.pnl)
