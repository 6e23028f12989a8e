"""What protective stops ask of a trader: where they rest, by intent, runtime.json and bars, for one symbol.

Guarantees: where an intent and runtime.json both name a stop, the one nearer to what was paid rests. What is
measured in average true ranges opens nothing before there are enough bars to measure by, which is said once.
A distance is whole ticks, never farther than what was asked for, and at least one.
"""

from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal
from functools import partial
from typing import Any, ParamSpec, TypeVar

from portfold.config import Contract, StopDistance
from portfold.events.fields import Side
from portfold.log import Log
from portfold.workers.brokers.protocol import OpenedBroker
from portfold.workers.brokers.resting.fills import PricePath
from portfold.workers.brokers.resting.protective import StopPlace
from portfold.workers.client.amount import PlannedLoss, exact
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.average_true_range import AverageTrueRange

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


class Protection:
    """The protective stops of one worker's positions, as far as they concern its entries.

    `wanted`: None where no stop is to rest beside them.
    """

    def __init__(self, wanted: StopDistance | None, contract: Contract, log: Log) -> None:
        self._wanted = wanted
        self._contract = contract
        self._log = log
        self._range = AverageTrueRange(wanted.atr_bars) if wanted and wanted.atr is not None else None
        self._is_lack_told = False

    def take(self, bar: Bar) -> None:
        """Takes the next bar, in order."""
        if self._range is not None:
            self._range.take(bar)

    @property
    def distance(self) -> Decimal | None:
        """How far from its price a position of now is stopped out; None where it is not, or not known yet."""
        wanted, tick = self._wanted, self._contract.tick_size
        if wanted is None:
            return None
        if wanted.ticks is not None:
            return wanted.ticks * tick
        if wanted.dollars is not None:
            points = wanted.dollars / self._contract.point_value
        elif wanted.atr is not None and self._range is not None and self._range.value is not None:
            points = wanted.atr * self._range.value
        else:
            return None
        return max(Decimal(1), (points / tick).to_integral_value(ROUND_FLOOR)) * tick

    def is_known(self) -> bool:
        """Returns whether an entry can be protected as it is to be; says the first time that it cannot."""
        is_known = self._wanted is None or self.distance is not None
        if not is_known and not self._is_lack_told:
            self._is_lack_told = True
            self._log.warning(
                f"{self._contract.symbol} is not entered yet: its protective stop needs more bars",
                atr_bars=self._wanted.atr_bars if self._wanted else None,
            )
        return is_known

    def place(self, stop: Decimal | None) -> StopPlace:
        """Returns where the stop of an entry rests whose intent names `stop`, or none."""
        return StopPlace(self.distance, stop)


def plan_of(place: StopPlace, side: Side, price: Decimal) -> PlannedLoss:
    """Returns what an entry at this price plans to lose; nothing where no stop is to rest beside it."""
    stop = place.expected(side, price)
    return {} if stop is None else {"stop_price": stop, "price": price}


def protecting(
    enter: Callable[Parameters, Answer], place: StopPlace, *, at_limit: bool = False
) -> Callable[Parameters, Answer]:
    """Returns the broker's `enter` with the place of the stop in it, where one is wanted, and at a limit."""
    terms: dict[str, Decimal | bool] = {}
    if place.price is not None:
        terms["stop_price"] = place.price
    if place.distance is not None:
        terms["stop_distance"] = place.distance
    if at_limit:
        terms["at_limit"] = True
    entering: Any = enter
    return partial(entering, **terms) if terms else enter


def pass_through(broker: OpenedBroker, bar: Bar) -> None:
    """Has the broker take note of a bar: its whole path where stops rest on paper, and its last price.

    Raises BrokerError.
    """
    through: Callable[[str, PricePath], object] | None = getattr(broker, "pass_through", None)
    if through is not None:
        through(bar.symbol, path_of(bar))
    broker.mark(bar.symbol, exact(bar.close, "close"))


def path_of(bar: Bar) -> PricePath:
    """Returns where the price went in a bar."""
    return PricePath(exact(bar.open, "open"), exact(bar.low, "low"), exact(bar.high, "high"))
