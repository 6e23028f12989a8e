"""Settles an order of unknown outcome as a person says: it was filled, or it was not.

Only here is such an order settled. Said twice, it counts once; and an order that was given up, refused, or
believed filled can turn out otherwise too.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path

import msgspec

from portfold.config import Contract
from portfold.workers.brokers.leg_arithmetic import join, reduce
from portfold.workers.brokers.legs_book import Entries
from portfold.workers.brokers.orders_book import (
    NOT_COUNTED,
    BrokerOrder,
    Orders,
    State,
    now_ms,
    open_orders_book,
)
from portfold.workers.brokers.profit import net_pnl
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition
from portfold.workers.brokers.settlement import Publish, Settlement, refuse_to_be_overtaken

_PATIENCE_SECONDS = 5.0
# Longer than sending an order can take, at the longest timeout there is.
_SENDING_MS = 300_000
_BELIEVED_FILLED: tuple[State, ...] = ("accepted", "filled")


_Settle = Callable[[Entries, BrokerOrder], Settlement | None]


class Reconciliation:
    """Settles orders in the book at `path`.

    `publish` puts a settlement on the log, with the book free: a trade meanwhile is noticed, and raised. If
    publishing fails, or the process dies over it, settling the same again publishes again; the log folds it
    once.
    """

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
        self._book = open_orders_book(path, _PATIENCE_SECONDS)

    def in_words(self) -> list[str]:
        """Returns a line for each order of which nobody knows, and for each that is still to be published."""
        unknown = [
            f"{order} {order.state}, expected price {order.price:f}: {order.said}"
            for order in self.unsettled()
        ]
        untold = [
            f"{order} is settled in the book but not on the log: give "
            f"--{'not-filled' if order.state == 'not_filled' else 'filled'} again."
            for order in self.unpublished()
        ]
        return unknown + untold

    def unsettled(self) -> list[BrokerOrder]:
        """Returns the orders of which nobody knows, oldest first."""
        with self._book.transaction() as entries:
            return Orders(entries).unsettled()

    def unpublished(self) -> list[BrokerOrder]:
        """Returns the orders settled here that are still to be published: settle them again."""
        with self._book.transaction() as entries:
            return Orders(entries).unpublished()

    def believed_entries(self) -> list[BrokerOrder]:
        """Returns the entries that count as filled, oldest first: `not_filled` takes one back."""
        with self._book.transaction() as entries:
            found = Orders(entries).in_states(_BELIEVED_FILLED)
        return [order for order in found if order.does == "enter"]

    def filled(self, order_id: str, price: Decimal | None) -> Settlement | None:
        """Settles it as filled, at `price` or the believed one. Returns None when it was counted already."""
        return self._settle(order_id, partial(self._filled, price))

    def not_filled(self, order_id: str) -> Settlement | None:
        """Settles it as not filled, for good. Returns None when nothing of it was counted."""
        return self._settle(order_id, self._not_filled)

    def close(self) -> None:
        """Lets go of the book."""
        self._book.close()

    def _settle(self, order_id: str, settle: _Settle) -> Settlement | None:
        """Settles in the book, noting what is to be published; then publishes, with the book free again."""
        with self._book.transaction() as entries:
            orders, order = Orders(entries), self._order(entries, order_id)
            settlement = settle(entries, order)
            pnl = orders.unpublished_pnl(order_id)
            if settlement is None and pnl is not None:
                settlement = self._settled(entries, order, publish=True, pnl=pnl)
            if settlement is None:
                return None
            if settlement.published:
                orders.note_unpublished(order_id, settlement.pnl)
        if settlement.published:
            self._publish(settlement)
            with self._book.transaction() as entries:
                Orders(entries).note_unpublished(order_id, None)
                leg = entries.leg(order.owner, order.symbol)
            refuse_to_be_overtaken(settlement, leg.size if leg else 0)
        return settlement

    def _filled(self, price: Decimal | None, entries: Entries, order: BrokerOrder) -> Settlement | None:
        if order.state in _BELIEVED_FILLED:
            return None
        order = msgspec.structs.replace(order, price=order.price if price is None else price)
        _note(entries, order, "filled")
        if order.does == "enter":  # also if an exit was taken after it: it may have come first
            return self._enter(entries, order)
        if order.state == "flattened":  # another exit has closed it, and the log has that
            return self._settled(entries, order, publish=False)
        return self._exit(entries, order)

    def _not_filled(self, entries: Entries, order: BrokerOrder) -> Settlement | None:
        if order.state in NOT_COUNTED:
            return None
        if order.state in _BELIEVED_FILLED:
            self._take_back(entries, order)
        counted = order.does == "enter" and order.state != "flattened"
        _note(entries, order, "not_filled")
        return self._settled(entries, order, publish=counted)

    def _order(self, entries: Entries, order_id: str) -> BrokerOrder:
        order = Orders(entries).order(order_id)
        if order is None:
            raise BrokerError(f"There is no order {order_id[:80]!r} in the book")
        if order.state == "sending" and 0 <= self._now_ms() - order.at_ms < _SENDING_MS:
            raise BrokerError(f"Order {order} may still be being sent; try again in a few minutes")
        return order

    def _enter(self, entries: Entries, order: BrokerOrder) -> Settlement:
        leg = entries.leg(order.owner, order.symbol)
        if leg is not None and leg.side != order.side:
            raise BrokerError(
                f"{order.owner} is {leg.side} {leg.size} {order.symbol}; settle that on the log"
            )
        commission = self._contract(order).commission_per_side * order.size
        fresh = BrokerPosition(order.owner, order.symbol, order.side, order.size, order.price, commission)
        entries.write_leg(join(leg, fresh) if leg else fresh)
        entries.write_mark(order.symbol, order.price)
        return self._settled(entries, order, publish=True)

    def _exit(self, entries: Entries, order: BrokerOrder) -> Settlement:
        leg = entries.leg(order.owner, order.symbol)
        if leg is None or leg.side != order.side or leg.size < order.size:
            return self._settled(entries, order, publish=False)  # another order has closed it since
        left, entry_commission = reduce(leg, order.size)
        entries.write_leg(left)
        contract = self._contract(order)
        commission = entry_commission + contract.commission_per_side * order.size
        pnl = net_pnl(order.side, leg.price, order.price, order.size, contract.point_value, commission)
        return self._settled(entries, order, publish=True, pnl=pnl)

    def _contract(self, order: BrokerOrder) -> Contract:
        if order.symbol not in self._contracts:
            raise BrokerError(f"Order {order}: expected a contract of {order.symbol} in contracts.json")
        return self._contracts[order.symbol]

    def _take_back(self, entries: Entries, order: BrokerOrder) -> None:
        """Takes an entry that was believed filled out of the book. Raises BrokerError where more happened
        since.
        """
        leg = entries.leg(order.owner, order.symbol)
        if order.does == "exit" or leg is None or leg.side != order.side or leg.size < order.size:
            raise BrokerError(f"Order {order} was counted, and more has happened since; use: portfold settle")
        entries.write_leg(reduce(leg, order.size)[0])

    def _settled(
        self, entries: Entries, order: BrokerOrder, *, publish: bool, pnl: Decimal = Decimal(0)
    ) -> Settlement:
        leg = entries.leg(order.owner, order.symbol)
        size, price = (leg.size, leg.price) if leg else (0, Decimal(0))
        return Settlement(order, size, price, pnl, publish)


def _note(entries: Entries, order: BrokerOrder, state: State) -> None:
    Orders(entries).write(msgspec.structs.replace(order, state=state, said="settled by a person"))
