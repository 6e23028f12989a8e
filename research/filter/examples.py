"""Makes examples from bars: every signal of the strategy, its features, and the outcome of its trade.

Meta-labelling (Marcos López de Prado, "Advances in Financial Machine Learning", 2018, section 3.6): the
strategy decides the side, the label is whether the trade made money. Each signal is an example, also one that
comes while an earlier trade is still open: live, a filter may judge any of them. For the same reason there is
no cooldown. The strategy, its exits and the features are those of the live worker; costs and the moment of
the fill are those of the paper broker, as are the limit and the stop that an entry names. A trade that has
not ended with the last bar is no example.
"""

import copy
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from portfold.config import Configuration
from portfold.config.contracts import Contract
from portfold.events.fields import Side
from portfold.exchange_time import milliseconds_of
from portfold.workers.brokers.leg_arithmetic import worse
from portfold.workers.brokers.paper import fill_at
from portfold.workers.brokers.profit import net_pnl
from portfold.workers.brokers.resting.fills import limit_fill, stop_fill
from portfold.workers.feeds.bar import Bar
from portfold.workers.filters.features import FeatureHistory, MissingFeatures
from portfold.workers.protection import path_of
from portfold.workers.strategies.intent import Enter, Exit, OwnPosition, Strategy
from portfold.workers.strategies.opened import OpenedStrategy, open_strategy
from portfold.workers.strategies.priced import expected_price, on_the_grid, wrong_side


class ExampleFill(NamedTuple):
    """The fill of an entry or exit: its time, in the clock of the stream IDs, and its price."""

    ms: int
    price: Decimal


class Example(Struct, frozen=True):
    """One trade. `first` and `last` are the numbers, from 0, of the bars of its signal and its exit.

    `time` is that of the signal; `pnl` is in dollars, net of all costs.
    """

    first: int
    last: int
    time: datetime
    features: tuple[float, ...]
    pnl: Decimal
    side: Side
    size: int
    entered: ExampleFill
    left: ExampleFill

    @property
    def paid(self) -> bool:
        """Returns the label: whether the trade made money."""
        return self.pnl > 0


class Unfilled(Struct, frozen=True):
    """A signal that was never filled: a filter judges it, as it cannot know that, but it has no label."""

    first: int
    time: datetime
    features: tuple[float, ...]


class Examples(Struct, frozen=True):
    """The examples of one symbol, by the bar of their entry, from `bars` bars, of which the last ended at
    `end`.

    Bars that warm up do not count. `missing` signals lacked features, `unfinished` ones have no exit;
    `never_filled` are those of which no trade came.
    """

    of: tuple[Example, ...]
    bars: int
    end: datetime
    missing: int
    unfinished: int
    never_filled: tuple[Unfilled, ...] = ()

    @property
    def judged(self) -> tuple[Example | Unfilled, ...]:
        """Returns what a filter can judge: the examples, then the signals that were never filled."""
        return (*self.of, *self.never_filled)

    def ended_before(self, number: int) -> tuple[Example, ...]:
        """Returns the examples whose outcome was known before bar `number` came: others overlap it."""
        return tuple(example for example in self.of if example.last < number)


class _Costs(NamedTuple):
    """The costs of a trade, and the moment of its fills, as the paper broker has them."""

    contract: Contract
    waits: bool  # orders are filled at the open of the next bar

    def filled(self, bar: Bar, *, buys: bool) -> ExampleFill:
        price = bar.open if self.waits else bar.close
        return ExampleFill(milliseconds_of(bar.time), worse(price, self.contract, buys=buys))


class _Open:
    """A trade under way, with its own copy of the strategy as it was at the signal."""

    def __init__(
        self,
        number: int,
        bar: Bar,
        enter: Enter,
        features: tuple[float, ...],
        scout: Strategy,
        costs: _Costs,
    ) -> None:
        self._number, self._bar, self._features = number, bar, features
        self._enter = on_the_grid(enter, costs.contract.tick_size)
        self._strategy = copy.deepcopy(scout)
        self._costs = costs
        self._long = enter.side == "long"
        waits = costs.waits or enter.limit is not None
        self._entered = None if waits else costs.filled(bar, buys=self._long)
        self._bars = -1 if waits else 0
        self._lives_bars = enter.lives_bars
        self._leaving = False
        self.is_never_filled = bool(wrong_side(self._enter, expected_price(self._enter, bar.close)))
        """Whether there is no trade: its prices are on one tick, the life of its limit is over, or it opened
        beyond its stop.
        """

    def take(self, number: int, bar: Bar) -> Example | None:
        """Takes the next bar; returns the example where the trade ends with it."""
        costs, enter = self._costs, self._enter
        if self._leaving:
            return self._ended(number, costs.filled(bar, buys=not self._long))
        if self._entered is None:
            self._entered = self._filled(bar)
        if self._entered is None:
            if not self.is_never_filled:
                self._strategy.decide(bar, None)  # it sees every bar, but enters once: no answer counts
            return None
        if enter.stop is not None and (price := stop_fill(enter.side, enter.stop, path_of(bar))) is not None:
            price = worse(price, costs.contract, buys=not self._long)
            return self._ended(number, ExampleFill(milliseconds_of(bar.time), price))
        self._bars += 1
        held = OwnPosition(enter.side, self._entered.price, self._bars)
        self._leaving = isinstance(self._strategy.decide(bar, held), Exit)
        if not self._leaving or costs.waits:
            return None
        return self._ended(number, costs.filled(bar, buys=not self._long))

    def unfilled(self) -> Unfilled:
        """Returns its signal, for one that is never filled."""
        return Unfilled(self._number, self._bar.time, self._features)

    def _filled(self, bar: Bar) -> ExampleFill | None:
        enter, costs = self._enter, self._costs
        if enter.limit is None:
            self.is_never_filled = bool(wrong_side(enter, bar.open))
            return None if self.is_never_filled else costs.filled(bar, buys=self._long)
        price = limit_fill(enter.side, enter.limit, path_of(bar), costs.contract.tick_size)
        self._lives_bars -= 1
        self.is_never_filled = price is None and not self._lives_bars
        return None if price is None else ExampleFill(milliseconds_of(bar.time), price)

    def _ended(self, number: int, left: ExampleFill) -> Example | None:
        enter, costs, entered = self._enter, self._costs, self._entered
        if entered is None:
            return None
        commission = costs.contract.commission_per_side * 2 * enter.size
        prices, value = (entered.price, left.price), costs.contract.point_value
        pnl = net_pnl(enter.side, *prices, enter.size, value, commission)
        sized = (enter.side, enter.size, entered, left)
        return Example(self._number, number, self._bar.time, self._features, pnl, *sized)


def examples_of(
    symbol: str,
    bars: Iterable[Bar],
    configuration: Configuration,
    *,
    begins: int = 0,
    opened: OpenedStrategy | None = None,
    on_progress: Callable[[int], object] = lambda _: None,
) -> Examples:
    """Makes the examples of the symbol's bars from number `begins` on; the bars before it warm up.

    `opened` is what is traded by, where that was told. Calls `on_progress` with the number of bars read.
    Raises ConfigError for options that the broker does not have.
    """
    runtime, contract = configuration.runtime, configuration.contracts[symbol]
    scout = (opened or open_strategy(configuration, symbol)).without_rest().over_the_past()
    history = FeatureHistory(runtime.trading_day)
    waits = fill_at(configuration) == "next_bar"
    costs = _Costs(contract, waits)
    under_way: list[_Open] = []
    found: list[Example] = []
    never_filled: list[Unfilled] = []
    number, missing, end = -1, 0, datetime.min.replace(tzinfo=UTC)
    for number, bar in enumerate(bars):
        history.take(bar)
        end = bar.time
        still_open = []
        for trade in under_way:
            ended = trade.take(number, bar)
            if ended is not None:
                found.append(ended)
            elif trade.is_never_filled:
                never_filled.append(trade.unfilled())
            else:
                still_open.append(trade)
        under_way = still_open
        intent = scout.decide(bar, None)
        if isinstance(intent, Enter) and number >= begins:
            try:
                features = history.read(intent.side)
                signalled = _Open(number, bar, intent, features, scout, costs)
                under_way += [] if signalled.is_never_filled else [signalled]
            except MissingFeatures:
                missing += 1
        on_progress(number + 1)
    found.sort(key=lambda example: example.first)
    never_filled.sort(key=lambda signal: signal.first)
    counts = missing, len(under_way)
    return Examples(tuple(found), number + 1 - begins, end, *counts, tuple(never_filled))
