"""From bars to examples: every signal of the strategy, what was known then, and what came of it.

Meta-labelling (Marcos López de Prado, "Advances in Financial Machine Learning", 2018, section 3.6): the
strategy decides the side, the label is whether acting on it made money. Each signal is an example, also one
that comes while an earlier one is still open: live, a filter may be asked about any of them. The cooldown is
left out for that reason. The strategy, its exits and the features are those of the live worker; costs are
slippage and commission as the paper broker has them. A trade that the bars do not bring to its end is no
example.
"""

import copy
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
from msgspec import Struct

from config import Configuration
from config.contracts import Contract
from workers.bar import Bar
from workers.brokers.legs import worse
from workers.filters.features import FeatureHistory, MissingFeatures
from workers.profit import net_pnl
from workers.strategies.ibs import IbsStrategy
from workers.strategies.intent import Enter, Exit, Held


class Example(Struct, frozen=True):
    """One trade. `first` and `last` are the numbers of the bars of its entry and of its exit, from 0; `pnl`
    is dollars net of all costs."""

    first: int
    last: int
    time: datetime
    features: tuple[float, ...]
    pnl: Decimal

    @property
    def paid(self) -> bool:
        """The label: whether it made money."""
        return self.pnl > 0


class Examples(Struct, frozen=True):
    """Those of one symbol, by the bar of their entry. `bars` were looked at, the last of them ended at `end`;
    `missing` signals had not all features, `unfinished` ones no end."""

    of: tuple[Example, ...]
    bars: int
    end: datetime
    missing: int
    unfinished: int


class _Open:
    """A trade under way, with a strategy of its own that knows what the scout knew."""

    def __init__(
        self, number: int, bar: Bar, enter: Enter, features: tuple[float, ...], scout: IbsStrategy
    ) -> None:
        self.number, self.bar, self.enter, self.features = number, bar, enter, features
        self.strategy = copy.deepcopy(scout)
        self.bars = 0


def examples_of(symbol: str, bars: Iterable[Bar], configuration: Configuration) -> Examples:
    """The examples that the symbol's bars hold."""
    runtime, contract = configuration.runtime, configuration.contracts[symbol]
    parameters = msgspec.structs.replace(runtime.worker(symbol), cooldown_bars=0)
    scout, history = IbsStrategy(parameters, runtime.trading_day), FeatureHistory(runtime.trading_day)
    costs = (runtime.slippage_ticks, runtime.commission_per_side)
    under_way: list[_Open] = []
    found: list[Example] = []
    number, missing, end = -1, 0, datetime.min.replace(tzinfo=UTC)
    for number, bar in enumerate(bars):
        history.take(bar)
        end = bar.time
        still = []
        for one in under_way:
            one.bars += 1
            paid = _worse(one.bar.close, one.enter.side == "long", contract, costs[0])
            if isinstance(one.strategy.decide(bar, Held(one.enter.side, paid, one.bars)), Exit):
                found.append(_example(one, number, bar, contract, costs))
            else:
                still.append(one)
        under_way = still
        intent = scout.decide(bar, None)
        if isinstance(intent, Enter):
            try:
                under_way.append(_Open(number, bar, intent, history.read(intent.side), scout))
            except MissingFeatures:
                missing += 1
    found.sort(key=lambda example: example.first)
    return Examples(tuple(found), number + 1, end, missing, len(under_way))


def _example(one: _Open, number: int, bar: Bar, contract: Contract, costs: tuple[int, Decimal]) -> Example:
    slippage, commission = costs
    long, size = one.enter.side == "long", one.enter.size
    pnl = net_pnl(
        one.enter.side,
        _worse(one.bar.close, long, contract, slippage),
        _worse(bar.close, not long, contract, slippage),
        size,
        contract.point_value,
        commission * 2 * size,
    )
    return Example(one.number, number, one.bar.time, one.features, pnl)


def _worse(price: Decimal, buys: bool, contract: Contract, slippage_ticks: int) -> Decimal:
    return worse(price, contract.tick_size, slippage_ticks, buys=buys)
