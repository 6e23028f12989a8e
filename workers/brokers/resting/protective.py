"""What all brokers share of protective stops: their names, their prices, and who can keep one. Pure.

A protective stop is an order to close that rests at the broker from the fill of the entry on. A broker that
can keep one takes `stop_distance` with the entry: how far from the average price of what is held it rests;
one that can keep it where a strategy names it takes `stop_price`. What it fills is among the
`unreported_exits` like any other exit, under a name by which it is known.
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from inspect import signature
from typing import NamedTuple
from uuid import uuid4

from portfold.config import ConfigError, Configuration
from portfold.events.fields import Side
from portfold.workers.brokers.protocol import Broker, BrokerError, BrokerPosition

REASON = "protective stop"
"""Why such a position was closed, as the log has it."""
_PREFIX = "pf-stop-"


def stop_name() -> str:
    """Returns a new name for a protective stop."""
    return f"{_PREFIX}{uuid4().hex}"


def protective_fill(execution: str) -> str:
    """Returns what a fill of a protective stop is called, by the broker's name for its execution."""
    return f"{_PREFIX}{execution}"


def is_protective(name: str) -> bool:
    """Returns whether the order, or the fill, of this name is a protective stop's."""
    return name.startswith(_PREFIX)


def stop_price(leg: BrokerPosition, distance: Decimal, tick_size: Decimal) -> Decimal:
    """Returns where the stop of a leg rests: so far from its price, or to the next tick nearer."""
    off, towards = (-distance, ROUND_CEILING) if leg.side == "long" else (distance, ROUND_FLOOR)
    ticks = ((leg.price + off) / tick_size).to_integral_value(towards)
    return ticks * tick_size


class StopPlace(NamedTuple):
    """Where the stop of an entry is to rest: at a `price`, or so far from what it got; of both where the
    market comes to first, which only the fill decides; nowhere where neither is said.
    """

    distance: Decimal | None = None
    price: Decimal | None = None

    @property
    def is_named(self) -> bool:
        """Returns whether a stop is to rest at all."""
        return self != StopPlace()

    def beside(self, leg: BrokerPosition, tick_size: Decimal) -> Decimal | None:
        """Returns the price at which it rests beside the leg."""
        if self.distance is None:
            return self.price
        return self._nearer(leg.side, stop_price(leg, self.distance, tick_size))

    def expected(self, side: Side, price: Decimal) -> Decimal | None:
        """Returns the price at which it rests beside an entry that is filled at `price`, on no grid."""
        if self.distance is None:
            return self.price
        return self._nearer(side, price - self.distance if side == "long" else price + self.distance)

    def _nearer(self, side: Side, off: Decimal) -> Decimal:
        if self.price is None:
            return off
        return max(self.price, off) if side == "long" else min(self.price, off)


def check_place(symbol: str, place: StopPlace) -> None:
    """Raises BrokerError for a distance, or a price, that is not valid."""
    distance, price = place
    if distance is not None and not (_is_finite(distance) and distance > 0):
        raise BrokerError(
            f"Expected the distance of the stop of {symbol} as a Decimal above 0, got {distance!r}"
        )
    if price is not None and not _is_finite(price):
        raise BrokerError(f"Expected the price of the stop of {symbol} as a finite Decimal, got {price!r}")


def _is_finite(number: object) -> bool:
    return isinstance(number, Decimal) and number.is_finite()


def can_protect(broker: Broker) -> bool:
    """Returns whether the broker can keep a stop beside a position."""
    return "stop_distance" in signature(broker.enter).parameters


def can_place(broker: Broker) -> bool:
    """Returns whether the broker can keep a stop at the price that a strategy names."""
    return "stop_price" in signature(broker.enter).parameters


def can_limit(broker: Broker) -> bool:
    """Returns whether the broker fills an entry at a limit, where the bars of its worker went through it."""
    return "at_limit" in signature(broker.enter).parameters


def lacking_stops(broker: Broker) -> list[BrokerPosition]:
    """Returns what is open, of all owners, is to have a protective stop and has none; nothing where the
    broker has no `without_stop`. Raises BrokerError.
    """
    look: Callable[[], list[BrokerPosition]] = getattr(broker, "without_stop", list)
    return look()


def refuse_what_cannot_protect(configuration: Configuration, broker: Broker) -> None:
    """Raises ConfigError where the configuration wants stops that the broker cannot keep."""
    runtime = configuration.runtime
    if runtime.protective_stop is not None and not can_protect(broker):
        kind = runtime.broker.kind
        expected = f"null, as no stop can rest at a broker of kind {kind}"
        raise ConfigError(configuration.files.runtime.path, "protective_stop", expected, "a distance")
