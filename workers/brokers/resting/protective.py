"""What all brokers share of protective stops: their names, their prices, and who can keep one. Pure.

A protective stop is an order to close that rests at the broker from the fill of the entry on. A broker that
can keep one takes `stop_distance` with the entry: how far from the average price of what is held it rests.
What it fills is among the `unreported_exits` like any other exit, under a name by which it is known.
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from inspect import signature
from uuid import uuid4

from portfold.config import ConfigError, Configuration
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


def check_distance(symbol: str, distance: object) -> None:
    """Raises BrokerError for a distance that is not valid."""
    if distance is None:
        return
    if not (isinstance(distance, Decimal) and distance.is_finite() and distance > 0):
        raise BrokerError(
            f"Expected the distance of the stop of {symbol} as a Decimal above 0, got {distance!r}"
        )


def can_protect(broker: Broker) -> bool:
    """Returns whether the broker can keep a stop beside a position."""
    return "stop_distance" in signature(broker.enter).parameters


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
