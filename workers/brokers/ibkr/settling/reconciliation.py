"""Settles an order at Interactive Brokers as a person says who has looked there: it was filled, or not.

The broker answers for its orders itself, and mostly nobody is needed. But its lists reach back for a day: of
what became of an order while nobody of ours was there for longer it says no more, and the order counts as
open for ever. Guarantees: said twice, it counts once; what the broker had said of the order stays, and a
person answers for the rest alone; what he said is not counted once more should the broker tell it after all.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from portfold.config import Contract
from portfold.workers.brokers.ibkr.booking import Booking
from portfold.workers.brokers.ibkr.order_life import Execution, Status
from portfold.workers.brokers.ibkr.order_records import LiveOrder, open_records
from portfold.workers.brokers.orders_book import now_ms
from portfold.workers.brokers.profit import net_pnl
from portfold.workers.brokers.protocol import BrokerError
from portfold.workers.brokers.settlement import Publish, Settlement, refuse_to_be_overtaken

_PATIENCE_SECONDS = 5.0
# Longer than sending an order can take, and hearing of it, at the longest waits there are.
_SENDING_MS = 300_000
_ZERO = Decimal(0)


class LiveReconciliation:
    """Settles orders in the book at `path`, see `settlement.Settles`."""

    def __init__(
        self,
        path: Path,
        contracts: Mapping[str, Contract],
        publish: Publish,
        now_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._now_ms = now_ms
        self._contracts = contracts
        self._publish = publish
        self._book = open_records(path, _PATIENCE_SECONDS)

    def in_words(self) -> list[str]:
        """Returns a line for each order that is not over, but stops that rested when last heard of, and for
        each that is still to be published.
        """
        with self._book.reading() as entries:
            orders = Booking(entries, self._contracts).orders.open()
        return [_line(order) for order in orders if not order.rested]

    def filled(self, order_id: str, price: Decimal | None) -> Settlement | None:
        """Settles the rest of it as filled at `price`. Returns None when it was counted already."""
        return self._settle(order_id, partial(self._filled, price))

    def not_filled(self, order_id: str) -> Settlement | None:
        """Settles the rest of it as not filled, for good. Returns None when nothing of it was counted."""
        return self._settle(order_id, self._not_filled)

    def close(self) -> None:
        """Lets go of the book."""
        self._book.close()

    def _settle(
        self, order_id: str, settle: Callable[[Booking, LiveOrder], Decimal | None]
    ) -> Settlement | None:
        """Settles in the book, noting what is to be published; then publishes, with the book free again."""
        with self._book.transaction() as entries:
            booking = Booking(entries, self._contracts)
            order = self._order(booking, order_id)
            pnl = order.untold_pnl
            if not order.life.is_over:
                pnl = settle(booking, order)
                now = booking.orders.order(order_id) or order
                booking.orders.write(replace(now, by_person=True, untold_pnl=pnl))
            elif pnl is None:
                return None
            leg = entries.leg(order.owner, order.symbol)
        size, price = (leg.size, leg.price) if leg else (0, _ZERO)
        settlement = Settlement(order, size, price, pnl or _ZERO, pnl is not None)
        if pnl is not None:
            self._publish(settlement)
            with self._book.transaction() as entries:
                orders = Booking(entries, self._contracts).orders
                told = orders.order(order_id) or order
                orders.write(replace(told, untold_pnl=None))
                leg = entries.leg(order.owner, order.symbol)
            refuse_to_be_overtaken(settlement, leg.size if leg else 0)
        return settlement

    def _filled(self, price: Decimal | None, booking: Booking, order: LiveOrder) -> Decimal | None:
        """Books the rest of it. Returns what a position made that it closed; None where the log needs no
        change.
        """
        if price is None:
            raise BrokerError(f"Order {order}: expected --price, as nobody has told at which it was filled")
        name = f"settled-{order.reference}"
        booking.hear(order.reference, Execution(name, order.life.remaining, price, self._now_ms()))
        if booking.unbookable:
            raise BrokerError(
                f"Order {order} cannot have been filled beside what {order.owner} holds; use: portfold settle"
            )
        if order.does == "enter":
            return _ZERO
        fills = booking.book_exit(order.reference)
        if booking.unbookable:
            raise BrokerError(f"Order {order} would close more than is open; use: portfold settle")
        made = _ZERO
        for fill in fills:
            booking.entries.remove_unreported_exit(fill.fill_id)  # the settlement reports it
            point_value = self._contracts[order.symbol].point_value
            made += net_pnl(
                fill.side, fill.entry_price, fill.price, fill.size, point_value, fill.total_commission
            )
        return made

    def _not_filled(self, booking: Booking, order: LiveOrder) -> Decimal | None:
        """Ends it with what it had got. Returns nothing made, or None where the log needs no change."""
        if order.rested:
            raise BrokerError(
                f"Order {order} rests at Interactive Brokers, as far as is known: cancel it there, and its "
                "worker hears of it"
            )
        if order.life.reported_filled > order.life.filled:
            raise BrokerError(
                f"Order {order} was filled with {order.life.reported_filled}, Interactive Brokers said: "
                "give --filled and the price"
            )
        said = Status("cancelled", order.life.filled, "settled by a person")
        booking.hear(order.reference, said)
        return _ZERO if order.does == "enter" else None

    def _order(self, booking: Booking, order_id: str) -> LiveOrder:
        order = booking.orders.order(order_id)
        if order is None:
            raise BrokerError(f"There is no order {order_id[:80]!r} in the book")
        if order.symbol not in self._contracts:
            raise BrokerError(f"Order {order}: expected a contract of {order.symbol} in contracts.json")
        is_young = 0 <= self._now_ms() - order.at_ms < _SENDING_MS
        if is_young and not order.life.is_over:
            raise BrokerError(f"Order {order} may still be heard of; try again in a few minutes")
        return order


def _line(order: LiveOrder) -> str:
    if order.untold_pnl is not None:
        again = "--filled" if order.life.state == "filled" else "--not-filled"
        return f"{order} is settled in the book but not on the log: give {again} again."
    got = f", {order.life.filled} of {order.size} filled" if order.life.filled else ""
    return f"{order} {order.life.state}{got}: {order.life.message or 'its end was not heard of'}"
