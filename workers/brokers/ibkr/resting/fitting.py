"""Which protective stops the legs of the book are to have, and which of those there are fit.

Guarantees: beside a leg there is never more than one stop, of exactly its size, or of what the account
certainly holds of it where that is less. Beside one that an exit is at
work on nothing is begun or ended: the exit is in the stop's group, so at the broker the one ends the other.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from portfold.config import Contract
from portfold.workers.brokers.ibkr.booking import Booking
from portfold.workers.brokers.ibkr.order_life import begin
from portfold.workers.brokers.ibkr.order_records import LiveOrder
from portfold.workers.brokers.orders_book import now_ms
from portfold.workers.brokers.protocol import BrokerPosition


class Step(NamedTuple):
    """What is to be done: `ends` is a stop that does not fit, `leg` one that has none and is to have one,
    at a `price`.
    """

    ends: LiveOrder | None = None
    leg: BrokerPosition | None = None
    price: Decimal = Decimal(0)


def steps(
    booking: Booking, owner: str, contracts: Mapping[str, Contract], held: Mapping[str, int]
) -> Iterator[Step]:
    """Yields what the owner's legs and stops want done now. `held`: see `Shortfall.held`."""
    legs = {leg.symbol: leg for each in booking.entries.legs(owner) if (leg := _held_of(each, held)).size}
    resting = [each for each in booking.orders.open() if each.owner == owner and each.does == "stop"]
    for stop in resting:
        if stop.life.filled or booking.open_orders(owner, stop.symbol, "exit"):
            continue
        if stop.symbol not in legs or not _fits(booking, stop, legs[stop.symbol], contracts):
            yield Step(ends=stop)
    for symbol, leg in legs.items():
        price = booking.stop_place(owner, symbol).beside(leg, contracts[symbol].tick_size)
        there = any(stop.symbol == symbol for stop in resting)
        if price is not None and not there and not booking.open_orders(owner, symbol, "exit"):
            yield Step(leg=leg, price=price)


def without_stop(booking: Booking) -> list[BrokerPosition]:
    """Returns the legs, of all owners, that are to have a stop at the broker and have none, nor an exit at
    work.
    """
    guarded = {(each.owner, each.symbol) for each in booking.orders.open() if each.does != "enter"}
    return [
        leg
        for leg in booking.entries.legs(None)
        if (leg.owner, leg.symbol) not in guarded and booking.stop_place(leg.owner, leg.symbol).is_named
    ]


def lacks_stop(booking: Booking, owner: str, symbol: str) -> bool:
    """Returns whether the owner's leg has no stop of which the broker has said that it rests."""
    stops = booking.open_orders(owner, symbol, "stop")
    return booking.entries.leg(owner, symbol) is not None and not any(each.rests for each in stops)


def new_stop(booking: Booking, name: str, sender: str, step: Step) -> LiveOrder:
    """Writes down the stop that the leg of the step lacks, called `name`, and returns it."""
    leg = step.leg
    entered = booking.orders.newest_entry(leg.owner, leg.symbol) if leg is not None else None
    if leg is None or entered is None:
        raise ValueError("Expected a leg that was entered")
    stop = LiveOrder(
        name,
        now_ms(),
        sender,
        leg.owner,
        leg.symbol,
        leg.side,
        leg.size,
        "stop",
        entered.contract,
        entered.con_id,
        begin(leg.size),
        stop_price=step.price,
        group=name,
    )
    booking.orders.write(stop)
    return stop


def _held_of(leg: BrokerPosition, held: Mapping[str, int]) -> BrokerPosition:
    return replace(leg, size=min(leg.size, held.get(leg.symbol, leg.size)))


def _fits(booking: Booking, stop: LiveOrder, leg: BrokerPosition, contracts: Mapping[str, Contract]) -> bool:
    price = booking.stop_place(leg.owner, leg.symbol).beside(leg, contracts[leg.symbol].tick_size)
    return price is not None and (stop.side, stop.size, stop.stop_price) == (leg.side, leg.size, price)
