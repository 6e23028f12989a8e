"""Trades bars of the past with the trader, the strategy, the filter and the paper broker that trade live.

No trading rule is written a second time. Only two parts differ: the gate, which allows every entry, and the
broker's book, which is in memory.
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
from portfold.workers.brokers.paper import fill_at, filled_at_once
from portfold.workers.brokers.protocol import BrokerSetup
from portfold.workers.brokers.registry import on_paper, open_broker
from portfold.workers.feeds.bar import Bar
from portfold.workers.filters.protocol import EntryFilter, Verdict
from portfold.workers.protection import Protection
from portfold.workers.run.trader import Manner, Trader
from portfold.workers.strategies.opened import OpenedStrategy, open_strategy

IN_MEMORY = Path(":memory:")
"""SQLite's name for a database in memory."""


class Signal(NamedTuple):
    """An entry that the strategy wanted at the close of the bar of `time`, and the filter's probability."""

    time: datetime
    probability: float | None


class TradedAlone(NamedTuple):
    """The trades that have ended, the signal of each, and the position still `opened`.

    `signals` are empty without a filter. `refused` are the signals that it refused.
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
    opened: OpenedStrategy | None = None,
) -> TradedAlone:
    """Trades a symbol by its parameters in runtime.json, on paper. Bars before number `begins` only warm up.

    `opened` is another strategy, or another set of its parameters, to trade by.

    Raises ConfigError for options that the broker does not have, StrategyFailed.
    """
    paper = filled_at_once(on_paper(configuration))
    runtime, worker = paper.runtime, paper.runtime.worker_name(symbol)
    recording = _RecordingFilter(entry_filter) if entry_filter is not None else None
    gate = AloneGate(worker, recording.entered if recording is not None else lambda: None)
    contract, log = paper.contracts[symbol], quiet_log()
    with closing(open_broker(BrokerSetup(paper, worker, IN_MEMORY, log, {}))) as broker:
        trader = Trader(
            contract=contract,
            strategy=(opened or open_strategy(paper, symbol)).over_the_past(),
            gate=gate,
            broker=broker,
            log=log,
            manner=Manner(
                entry_filter=recording,
                fill_at=fill_at(paper),
                protection=Protection(runtime.stop_distance(symbol), contract, log),
            ),
        )
        for bar in bars[:begins]:
            trader.warm_up(bar)
        for bar in bars[begins:]:
            gate.now_ms = milliseconds_of(bar.time)
            trader.on_bar(bar)
    if recording is None:
        return TradedAlone(gate.trades, [], [], gate.opened)
    return TradedAlone(gate.trades, recording.filled[: len(gate.trades)], recording.refused, gate.opened)


class _RecordingFilter:
    """Records the verdicts of a filter; implements `workers.filters.protocol.EntryFilter`.

    `filled` are the signals that were entered, as far as one was: a limit may wait in vain.
    """

    def __init__(self, inner: EntryFilter) -> None:
        self._inner = inner
        self.filled: list[Signal] = []
        self._passed: Signal | None = None
        self.refused: list[Signal] = []

    def take(self, bar: Bar) -> None:
        """Passes the next bar to the filter."""
        self._inner.take(bar)

    def judge(self, bar: Bar, side: Side) -> Verdict:
        """Returns the filter's verdict, and records the signal."""
        verdict = self._inner.judge(bar, side)
        signal = Signal(bar.time, verdict.probability)
        if verdict.passed:
            self._passed = signal
        else:
            self.refused.append(signal)
        return verdict

    def entered(self) -> None:
        """Notes that the newest signal that has passed is filled: it took the place of all before."""
        if self._passed is not None:
            self.filled.append(self._passed)


def quiet_log() -> Log:
    """Opens a log of warnings and errors alone; the rest is in the trades."""
    quiet = structlog.make_filtering_bound_logger("warning")
    logger: Log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr), wrapper_class=quiet)
    return logger
