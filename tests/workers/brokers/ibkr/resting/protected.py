"""Positions in ES with a protective stop beside them, at the desk's exchange."""

from decimal import Decimal

from portfold.events.fields import Side
from portfold.workers.brokers.ibkr.broker import InteractiveBrokers
from tests.fakes.tws.orders import Order
from tests.waiting import until
from tests.workers.brokers.ibkr.tws_desk import PRICE, Desk

FIVE = Decimal(5)


def stops(desk: Desk) -> list[Order]:
    """The stops that rest at the exchange."""
    with desk.exchange.lock:
        return [each for each in desk.exchange.working() if each.kind == "STP"]


def resting(desk: Desk, size: int, broker: InteractiveBrokers | None = None) -> Order:
    """Waits for the one stop, of this size; with a broker until its book has it as resting."""

    def there() -> Order | None:
        found = stops(desk)
        return found[0] if [each.size for each in found] == [size] else None

    stop = until(there, f"a stop of {size}")
    if broker is not None:
        until(lambda: any(each.rests for each in broker.open_orders()), "it in the book")
    return stop


def protected(desk: Desk, size: int = 1, side: Side = "long", **more: object) -> InteractiveBrokers:
    """A broker that holds ES from 5000, with a stop 5 points off."""
    broker = desk.broker(**more)  # type: ignore[arg-type]
    broker.enter("ES", side, size, PRICE, stop_distance=FIVE)
    resting(desk, size, broker)
    return broker
