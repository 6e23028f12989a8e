"""Trades of a Backtrader run as a folder of results: what people have goes into simulate and optimize.

An analyzer: `cerebro.addanalyzer(ResultsFolder, folder="results")`. Guarantees: a file is written whole or
not at all, for each data whose name is a symbol, so that none of an earlier run is taken for one of this: of
what made no trade an empty one, as a backtest does. P&L is what Backtrader says, net of its commission, to
the cent; contracts are whole. What was open at the end is no trade.
"""

import re
from collections import deque
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import backtrader as bt

from portfold.bounds import SYMBOL
from portfold.dollars import CENT
from portfold.exchange_time import milliseconds_of
from portfold.research.backtest.rows import TradeRow, trades_table
from portfold.research.errors import ResearchError
from portfold.research.trades.results_folder import trades_file
from portfold.research.trades.trade_file import Trade
from portfold.research.trades.whole_files import write_whole
from portfold.workers.adapters.backtrader_feeds import name_of

_FINEST = Decimal("0.0000001")


class _Round:
    """A position from its first contract to its last: contracts opened and closed, and what their prices
    come to."""

    def __init__(self) -> None:
        self.opened = self.closed = 0
        self.paid = self.got = 0.0

    def enters(self, size: int, price: float) -> None:
        self.opened, self.paid = self.opened + size, self.paid + size * price

    def leaves(self, size: int, price: float) -> None:
        self.closed, self.got = self.closed + size, self.got + size * price


class ResultsFolder(bt.Analyzer):  # type: ignore[misc]  # Backtrader has no types
    """Writes the closed trades of a run to `folder`, a file for each symbol, as the run ends.

    Bars are dated in UTC, as Backtrader keeps them; the files have the clock of `zone`, with its offset.
    """

    params = (("folder", "results"), ("zone", "America/Chicago"))

    def start(self) -> None:
        """Begins with no trades."""
        self._held: dict[str, _Round] = {}
        self._over: dict[str, deque[_Round]] = {}
        self._trades: dict[str, list[Trade]] = {}

    def notify_order(self, order: Any) -> None:
        """Takes in what an order got since it was last told of: Backtrader tells of orders before trades.

        Raises ResearchError for a part of a contract.
        """
        symbol = _symbol_of(order.data)
        for bit in order.executed.iterpending():
            held = self._held.setdefault(symbol, _Round())
            held.leaves(_contracts(symbol, bit.closed), bit.price)
            if held.closed and held.closed == held.opened:  # the rest of the order opens the other way
                self._over.setdefault(symbol, deque()).append(held)
                held = self._held[symbol] = _Round()
            held.enters(_contracts(symbol, bit.opened), bit.price)

    def notify_trade(self, trade: Any) -> None:
        """Takes in a trade that is closed."""
        if not trade.isclosed:
            return
        symbol = _symbol_of(trade.data)
        filled = self._over[symbol].popleft()
        self._trades.setdefault(symbol, []).append(
            Trade(
                symbol=symbol,
                entry_ms=milliseconds_of(bt.num2date(trade.dtopen).replace(tzinfo=UTC)),
                exit_ms=milliseconds_of(bt.num2date(trade.dtclose).replace(tzinfo=UTC)),
                pnl=Decimal(repr(float(trade.pnlcomm))).quantize(CENT),
                size=filled.opened,
                side="long" if trade.long else "short",
                entry_price=_price(filled.paid / filled.opened),
                exit_price=_price(filled.got / filled.closed),
            )
        )

    def stop(self) -> None:
        """Writes the files. Raises ResearchError where one cannot be written."""
        folder, zone = Path(self.p.folder), ZoneInfo(self.p.zone)
        for data in self.strategy.datas:
            if _is_symbol(_named(data)):  # another is no contract: an index that is looked at
                self._trades.setdefault(_named(data), [])
        for symbol, trades in self._trades.items():
            rows = (TradeRow(trade, selected=True, probability=None) for trade in trades)
            write_whole(trades_file(folder, symbol), trades_table(rows, zone))

    def get_analysis(self) -> dict[str, int]:
        """Returns how many trades each symbol made."""
        return {symbol: len(trades) for symbol, trades in sorted(self._trades.items())}


def _price(average: float) -> Decimal:
    return Decimal(repr(average)).quantize(_FINEST)


def _symbol_of(data: Any) -> str:
    """Returns the symbol that a data feed is named by. Raises ResearchError."""
    name = _named(data)
    if not _is_symbol(name):
        raise ResearchError(f"adddata: expected name= to be a symbol such as ES, got {name[:40]!r}.")
    return name


def _named(data: Any) -> str:
    return name_of(data).upper()


def _is_symbol(name: str) -> bool:
    return re.fullmatch(SYMBOL, name) is not None


def _contracts(symbol: str, size: float) -> int:
    """Returns how many contracts were filled, without their sign. Raises ResearchError."""
    if size != int(size):
        raise ResearchError(f"{symbol}: size: expected whole contracts, got a fill of {abs(size):g}.")
    return abs(int(size))
