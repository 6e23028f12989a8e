"""Bars in, trades out: by the trader, the strategy, the filter and the paper broker that trade live.

Nothing of how it trades is written down a second time. What differs is the gate, which grants everything, and
the broker's book, which lies in memory.
"""

import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import structlog

from portfold.config import Configuration
from portfold.events.fields import Side
from portfold.exchange_time import milliseconds_of
from portfold.log import Log
from portfold.research.backtest.alone import AloneGate, Opened
from portfold.research.trades.trade_file import Trade
from portfold.workers.brokers.paper import fill_at
from portfold.workers.brokers.protocol import BrokerSetup
from portfold.workers.brokers.registry import on_paper, open_broker
from portfold.workers.feeds.bar import Bar
from portfold.workers.filters.protocol import EntryFilter, Verdict
from portfold.workers.run.trader import Manner, Trader
from portfold.workers.strategies.ibs import IbsStrategy

_IN_MEMORY = Path(":memory:")  # SQLite's own name for a book that nobody else sees


class Signal(NamedTuple):
    """An entry that the strategy wanted at the close of the bar of `time`, and what the filter said to it."""

    time: datetime
    probability: float | None


class Traded(NamedTuple):
    """What was traded: trades that have ended, each with the `signals` that led to it, and what is `opened`.

    `signals` are empty where there is no filter. `refused` are those that it dropped.
    """

    trades: list[Trade]
    signals: list[Signal]
    refused: list[Signal]
    opened: Opened | None


def trade_alone(
    symbol: str,
    bars: Sequence[Bar],
    configuration: Configuration,
    entry_filter: EntryFilter | None = None,
    *,
    begins: int = 0,
) -> Traded:
    """Trades a symbol by its parameters in runtime.json, on paper. Bars before number `begins` only warm up.

    Raises ConfigError for options of the broker that are none.
    """
    paper = on_paper(configuration)
    runtime, worker = paper.runtime, f"ibs-{symbol}"
    gate, noted = AloneGate(worker), _Noted(entry_filter) if entry_filter is not None else None
    log = _log()
    with closing(open_broker(BrokerSetup(paper, worker, _IN_MEMORY, log, {}))) as broker:
        trader = Trader(
            contract=paper.contracts[symbol],
            strategy=IbsStrategy(runtime.worker(symbol), runtime.trading_day),
            gate=gate,
            broker=broker,
            log=log,
            manner=Manner(entry_filter=noted, fill_at=fill_at(paper)),
        )
        for bar in bars[:begins]:
            trader.warm_up(bar)
        for bar in bars[begins:]:
            gate.now_ms = milliseconds_of(bar.time)
            trader.on_bar(bar)
    if noted is None:
        return Traded(gate.trades, [], [], gate.opened)
    # Alone, each signal that has passed is entered: the trades' signals are the first that did.
    return Traded(gate.trades, noted.passed[: len(gate.trades)], noted.refused, gate.opened)


class _Noted:
    """Another's filter, and what it said to each signal; meets `workers.filters.protocol.EntryFilter`."""

    def __init__(self, inner: EntryFilter) -> None:
        self._inner = inner
        self.passed: list[Signal] = []
        self.refused: list[Signal] = []

    def take(self, bar: Bar) -> None:
        """The next bar."""
        self._inner.take(bar)

    def judge(self, bar: Bar, side: Side) -> Verdict:
        """What the other one says."""
        verdict = self._inner.judge(bar, side)
        signals = self.passed if verdict.passed else self.refused
        signals.append(Signal(bar.time, verdict.probability))
        return verdict


def _log() -> Log:
    """Says what goes wrong, and not what goes on: that is in the trades."""
    quiet = structlog.make_filtering_bound_logger("warning")
    logger: Log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr), wrapper_class=quiet)
    return logger
