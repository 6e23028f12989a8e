"""Backtests behind the gate, as somebody runs them."""

import io
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import backtrader as bt

from portfold.config import Configuration
from portfold.coordinator.store.ledger import Decided
from portfold.events.codec import Fields
from portfold.log import open_log
from portfold.workers.adapters.backtrader import Bars, backtest_broker
from portfold.workers.feeds.bar import Bar
from portfold.workers.run.in_process import InProcessPortfolio
from tests.workers.adapters.cerebros import HOUR, MONDAY


class Backtest:
    """A cerebro within a portfolio of its own, and the log of that."""

    def __init__(self, configuration: Configuration, **how: Any) -> None:
        self.log: list[tuple[int, dict[str, str]]] = []
        self.decisions: list[str] = []
        self.portfolio = InProcessPortfolio.of(configuration, record=self._record)
        log, self._lines = open_log("backtest", target=io.StringIO())
        self.broker = backtest_broker(
            "bt", portfolio=self.portfolio, configuration=configuration, log=log, **how
        )
        self.cerebro = bt.Cerebro(stdstats=False)
        self.cerebro.broker = self.broker

    def _record(self, fields: Fields, decided: Decided) -> None:
        self.log.append((decided.at.ms, dict(zip(fields[::2], fields[1::2], strict=True))))
        self.decisions += [entry[1] for _, entry in decided.entries]

    def run(self, bars: Mapping[str, list[Bar]], strategy: type[bt.Strategy], **params: Any) -> Any:
        for symbol, own in bars.items():
            self.cerebro.adddata(Bars(bars=own), name=symbol)
        self.cerebro.addstrategy(strategy, **params)
        (ran,) = self.cerebro.run()
        self._lines.close()
        return ran

    def said(self, *kinds: str) -> list[dict[str, str]]:
        return [fields for _, fields in self.log if fields["type"] in kinds]


def bars_of(*closes: float, symbol: str = "ES") -> dict[str, list[Bar]]:
    """Hourly bars, each of which opens where the one before it closed."""
    prices = [Decimal(str(close)) for close in closes]
    opens = [prices[0], *prices]
    made = []
    for number, (opened, closed) in enumerate(zip(opens, prices, strict=False)):
        low, high = min(opened, closed), max(opened, closed)
        made.append(Bar(symbol, MONDAY + number * HOUR, opened, high, low, closed))
    return {symbol: made}


def made(ran: Any) -> dict[Any, Any]:
    return dict(ran.analyzers.trades.get_analysis())
