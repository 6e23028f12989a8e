"""From bars to examples: every signal of the strategy, what was known then, and what came of it.

Meta-labelling (Marcos López de Prado, "Advances in Financial Machine Learning", 2018, section 3.6): the
strategy decides the side, the label is whether acting on it made money. Each signal is an example, also one
that comes while an earlier one is still open: live, a filter may be asked about any of them. The cooldown is
left out for that reason. The strategy, its exits and the features are those of the live worker; costs and the
moment of the fill are those of the paper broker. A trade that the bars do not bring to its end is no
example.
"""

import copy
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec
from msgspec import Struct

from portfold.config import Configuration
from portfold.config.contracts import Contract
from portfold.events.fields import Side
from portfold.exchange_time import milliseconds_of
from portfold.workers.brokers.leg_arithmetic import worse
from portfold.workers.brokers.paper import fill_at
from portfold.workers.brokers.profit import net_pnl
from portfold.workers.feeds.bar import Bar
from portfold.workers.filters.features import FeatureHistory, MissingFeatures
from portfold.workers.strategies.ibs import IbsStrategy
from portfold.workers.strategies.intent import Enter, Exit, OwnPosition


class Done(NamedTuple):
    """One end of a trade: when it was filled, in the clock of the stream IDs, and at which price."""

    ms: int
    price: Decimal


class Example(Struct, frozen=True):
    """One trade. `first` and `last` are the numbers of the bars of its signal and of its exit, from 0, `time`
    is that of the signal; `pnl` is dollars net of all costs."""

    first: int
    last: int
    time: datetime
    features: tuple[float, ...]
    pnl: Decimal
    side: Side
    size: int
    entered: Done
    left: Done

    @property
    def paid(self) -> bool:
        """The label: whether it made money."""
        return self.pnl > 0


class Examples(Struct, frozen=True):
    """Those of one symbol, by the bar of their entry. `bars` were looked at, those of warming up not among
    them, the last ended at `end`; `missing` signals had not all features, `unfinished` ones no end."""

    of: tuple[Example, ...]
    bars: int
    end: datetime
    missing: int
    unfinished: int


class _Costs(NamedTuple):
    """What is lost on the way, and when orders are filled: as the paper broker has it."""

    contract: Contract
    waits: bool  # for the next bar, and is filled at its open

    def filled(self, bar: Bar, *, buys: bool) -> Done:
        price = bar.open if self.waits else bar.close
        return Done(milliseconds_of(bar.time), worse(price, self.contract, buys=buys))


class _Open:
    """A trade under way, with a strategy of its own that knows what the scout knew."""

    def __init__(
        self,
        number: int,
        bar: Bar,
        enter: Enter,
        features: tuple[float, ...],
        scout: IbsStrategy,
        costs: _Costs,
    ) -> None:
        self._number, self._bar, self._enter, self._features = number, bar, enter, features
        self._strategy = copy.deepcopy(scout)
        self._costs = costs
        self._long = enter.side == "long"
        self._entered = None if costs.waits else costs.filled(bar, buys=self._long)
        self._bars = -1 if costs.waits else 0
        self._leaving = False

    def goes_on(self, number: int, bar: Bar) -> Example | None:
        """The next bar; the example, where the trade ends with it."""
        if self._leaving:
            return self._ended(number, bar)
        if self._entered is None:
            self._entered = self._costs.filled(bar, buys=self._long)
        self._bars += 1
        held = OwnPosition(self._enter.side, self._entered.price, self._bars)
        self._leaving = isinstance(self._strategy.decide(bar, held), Exit)
        return self._ended(number, bar) if self._leaving and not self._costs.waits else None

    def _ended(self, number: int, bar: Bar) -> Example | None:
        enter, costs, entered = self._enter, self._costs, self._entered
        if entered is None:
            return None
        left = costs.filled(bar, buys=not self._long)
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
    on_progress: Callable[[int], object] = lambda _: None,
) -> Examples:
    """The examples that the symbol's bars hold from number `begins` on; those before it warm up.

    Shows `on_progress` how many bars were looked at. Raises ConfigError for options of a broker that are
    none.
    """
    runtime, contract = configuration.runtime, configuration.contracts[symbol]
    parameters = msgspec.structs.replace(runtime.worker(symbol), cooldown_bars=0)
    scout, history = IbsStrategy(parameters, runtime.trading_day), FeatureHistory(runtime.trading_day)
    waits = fill_at(configuration) == "next_bar"
    costs = _Costs(contract, waits)
    under_way: list[_Open] = []
    found: list[Example] = []
    number, missing, end = -1, 0, datetime.min.replace(tzinfo=UTC)
    for number, bar in enumerate(bars):
        history.take(bar)
        end = bar.time
        still = []
        for one in under_way:
            ended = one.goes_on(number, bar)
            if ended is not None:
                found.append(ended)
            else:
                still.append(one)
        under_way = still
        intent = scout.decide(bar, None)
        if isinstance(intent, Enter) and number >= begins:
            try:
                features = history.read(intent.side)
                under_way.append(_Open(number, bar, intent, features, scout, costs))
            except MissingFeatures:
                missing += 1
        on_progress(number + 1)
    found.sort(key=lambda example: example.first)
    return Examples(tuple(found), number + 1 - begins, end, missing, len(under_way))
