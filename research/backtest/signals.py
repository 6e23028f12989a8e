"""Finds every signal of a symbol with its own outcome: what a worker that was denied would ask for next.

A file of trades holds what was traded with every entry allowed. Live, whoever is denied is flat and asks
again at the next bar while its signal lasts, and whoever was stopped signals anew. Which signals are asked
for depends on the portfolio and is for the simulator to say; what each would come to does not.

Guarantees: each outcome is traded by the trader, strategy and paper broker that trade live, with a filter's
yes behind it; nothing depends on what was traded before, so there is no cooldown in it: that is in `asked`.
"""

import copy
import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from msgspec import structs

from portfold.config import Configuration, StopDistance
from portfold.config.contracts import Contract
from portfold.dollars import CENT, gross_pnl
from portfold.exchange_time import milliseconds_of
from portfold.log import Log
from portfold.research.backtest.alone import AloneGate, Opened
from portfold.research.backtest.trading import IN_MEMORY, quiet_log
from portfold.research.trades.trade_file import Asked, Trade
from portfold.workers.brokers.leg_arithmetic import worse
from portfold.workers.brokers.paper import fill_at, filled_at_once
from portfold.workers.brokers.protocol import BrokerSetup, OpenedBroker
from portfold.workers.brokers.registry import on_paper, open_broker
from portfold.workers.client.amount import exact
from portfold.workers.feeds.bar import Bar
from portfold.workers.filters.protocol import EntryFilter
from portfold.workers.protection import Protection
from portfold.workers.run.trader import Manner, Trader
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition, Strategy
from portfold.workers.strategies.opened import OpenedStrategy, open_strategy


class SignalsAlone(NamedTuple):
    """The outcome of each signal, in order, and how many of them are on bars of a training."""

    outcomes: list[Trade]
    on_training_bars: int


def signals_alone(
    symbol: str,
    bars: Sequence[Bar],
    configuration: Configuration,
    entry_filter: EntryFilter | None = None,
    *,
    begins: int = 0,
    trained_until: datetime | None = None,
    opened: OpenedStrategy | None = None,
) -> SignalsAlone:
    """Finds the signals of the bars from number `begins` on that pass the filter, each with its outcome.

    Counts those on bars of a training that went up to `trained_until`; `opened` is what `trade_alone` traded
    by, where that was told. Raises ConfigError for options that the broker does not have.
    """
    paper = filled_at_once(on_paper(configuration))
    opened = opened or open_strategy(paper, symbol)
    signals = _signals(symbol, bars, paper, entry_filter, opened, begins)
    found, trained_on = list[Trade](), 0
    with _Desk(paper, paper.contracts[symbol], bars, quiet_log()) as desk:
        for signal, later in itertools.pairwise(itertools.chain(signals, [None])):
            if signal is not None and (outcome := desk.outcome(signal, later)) is not None:
                found.append(outcome)
                trained_on += trained_until is not None and bars[signal.number].time <= trained_until
    return SignalsAlone(found, trained_on)


def _signals(
    symbol: str,
    bars: Sequence[Bar],
    paper: Configuration,
    entry_filter: EntryFilter | None,
    opened: OpenedStrategy,
    begins: int,
) -> "Iterator[_Signal]":
    scout = opened.without_rest().over_the_past()
    protection = Protection(paper.runtime.stop_distance(symbol), paper.contracts[symbol], quiet_log())
    for number, bar in enumerate(bars):
        intent = scout.decide(bar, None)
        protection.take(bar)
        if entry_filter is not None:
            entry_filter.take(bar)
        if not isinstance(intent, Enter) or number < begins or not protection.is_known():
            continue
        if entry_filter is not None and not entry_filter.judge(bar, intent.side).passed:
            continue
        flat_before = milliseconds_of(bars[max(number - opened.cooldown_bars, 0)].time)
        yield _Signal(number, intent, _Signalled(scout, bar), protection.distance, flat_before)


class _Signalled:
    """The strategy after its signal at the close of `bar`: it enters once, and leaves as it would.

    `last_held_ms` is that of the last bar that showed its position, else that of the signal.
    """

    def __init__(self, scout: Strategy, bar: Bar) -> None:
        self.enter: Enter | None = None
        self._strategy = copy.deepcopy(scout)
        self.last_held_ms = milliseconds_of(bar.time)

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:
        """Returns the entry at first; notes the last bar at whose close a position was seen."""
        enter, self.enter = self.enter, None
        if enter is not None:
            return enter
        if held is not None:
            self.last_held_ms = milliseconds_of(bar.time)
        intent = self._strategy.decide(bar, held)
        return intent if isinstance(intent, Exit) else None


class _Signal(NamedTuple):
    """A signal at the close of bar `number`: the strategy after it, how far off a stop rests, if one does."""

    number: int
    enter: Enter
    strategy: _Signalled
    stop_distance: Decimal | None
    flat_before_ms: int


class _Desk(ExitStack):
    """Trades one signal after the other, each by a trader of its own; the broker's book is empty then."""

    def __init__(self, paper: Configuration, contract: Contract, bars: Sequence[Bar], log: Log) -> None:
        super().__init__()
        self._paper, self._contract, self._bars, self._log = paper, contract, bars, log
        self._waits = fill_at(paper)
        self._worker = paper.runtime.worker_name(contract.symbol)
        self._broker: OpenedBroker | None = None

    def outcome(self, signal: _Signal, later: _Signal | None) -> Trade | None:
        """Returns what comes of the signal; None where the bars, or its life, end before it is entered.

        A limit that waits does so up to the bar of the `later` signal, which takes its place.
        """
        lives = signal.enter.lives_bars
        if later is not None:
            lives = min(lives, later.number - signal.number)
        signal.strategy.enter = structs.replace(signal.enter, lives_bars=lives)
        gate, broker = AloneGate(self._worker), self._broker or self._opened()
        trader = self._trader(signal, gate, broker)
        first = self._bars[signal.number]
        for bar in itertools.islice(self._bars, signal.number, None):
            gate.now_ms = milliseconds_of(bar.time)
            trader.on_bar(bar)
            if gate.trades:
                asked = Asked(signal.flat_before_ms, signal.strategy.last_held_ms)
                return structs.replace(gate.trades[0], asked=asked)
            if gate.opened is None and (gate.withdrawn or (bar is not first and signal.enter.limit is None)):
                return None  # its life is over, or it opened beyond its stop
        self._broker = None  # its book is not empty
        return self._unfinished(signal, gate.opened) if gate.opened is not None else None

    def _opened(self) -> OpenedBroker:
        setup = BrokerSetup(self._paper, self._worker, IN_MEMORY, self._log, {})
        self._broker = self.enter_context(closing(open_broker(setup)))
        return self._broker

    def _trader(self, signal: _Signal, gate: AloneGate, broker: OpenedBroker) -> Trader:
        contract, distance = self._contract, signal.stop_distance
        stop = StopDistance(ticks=int(distance / contract.tick_size)) if distance is not None else None
        return Trader(
            contract=contract,
            strategy=signal.strategy,
            gate=gate,
            broker=broker,
            log=self._log,
            manner=Manner(fill_at=self._waits, protection=Protection(stop, contract, self._log)),
        )

    def _unfinished(self, signal: _Signal, opened: Opened) -> Trade:
        """Returns the trade that the bars end before, as if it were closed at the last close."""
        contract, last = self._contract, self._bars[-1]
        price = worse(exact(last.close, "close"), contract, buys=opened.side == "short")
        made = gross_pnl(opened.side, opened.price, price, opened.size, contract.point_value)
        pnl = (made - 2 * contract.commission_per_side * opened.size).quantize(CENT, ROUND_HALF_EVEN)
        end = milliseconds_of(last.time)
        asked = Asked(signal.flat_before_ms, end, ended=False)
        prices, stop = (opened.price, price), opened.stop_price
        size, side = opened.size, opened.side
        return Trade(contract.symbol, opened.ms, end, pnl, size, side, *prices, asked, stop_price=stop)
