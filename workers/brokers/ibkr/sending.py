"""Sends an order to Interactive Brokers, once, and waits a bounded time for what becomes of it."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from portfold.log import Log
from portfold.workers.brokers.ibkr.connection import Connection
from portfold.workers.brokers.ibkr.contracts import Traded
from portfold.workers.brokers.ibkr.handing_over import HAND_OVER_SECONDS, NotSent
from portfold.workers.brokers.ibkr.heard import HeldContract, OrderNews, sizes
from portfold.workers.brokers.ibkr.noting import Noting
from portfold.workers.brokers.ibkr.order_life import Lost, NotThere, OrderLife
from portfold.workers.brokers.ibkr.order_records import LiveOrder
from portfold.workers.brokers.protocol import BrokerError, MaySend, Withheld

_FIRST_ENDS_OTHERS = 1
"""Cancel the others of the group, "with block": no two of it are at an exchange at once."""
_NOTED_SECONDS = 1.0
_ASK_AGAIN_SECONDS = 0.25


class Waits(NamedTuple):
    """How long is waited, in seconds: for a fill, for a cancellation, for the broker's lists, for the
    commission of what was filled, for the book, and for an account that holds less than the book.
    """

    fill: float = 5.0
    cancel: float = 2.0
    lists: float = 3.0
    commission: float = 1.0
    book: float = 5.0
    shortfall: float = 5.0

    @property
    def longest(self) -> float:
        """How long an entry can be under way, from the moment that it may be sent."""
        return HAND_OVER_SECONDS + self.fill + self.cancel + 2 * self.lists + self.commission + _NOTED_SECONDS


class OrderSender:
    """Sends orders that are in the book already; the messages about them go there by `noting`."""

    def __init__(self, connection: Connection, noting: Noting, waits: Waits, log: Log) -> None:
        self._connection = connection
        self._noting = noting
        self.waits = waits
        self._log = log
        self._sent: set[str] = set()

    def send(self, order: LiveOrder, traded: Traded, may_send: MaySend) -> None:
        """Writes it to the gateway. Raises NotSent, Withheld: then it never will be."""
        try:
            connection = self._connection.place(traded.contract, _on_the_wire(order), may_send)
        except (NotSent, Withheld) as error:
            self._noting.hear(OrderNews(order.reference, NotThere(str(error))))
            self._noting.wait(order.reference, _is_over, _NOTED_SECONDS)
            raise
        self._noting.note_sent(order.reference, connection)
        if order.does != "stop":  # nobody waits for it
            self._sent.add(order.reference)
        self._log.info("An order was sent to Interactive Brokers", order=str(order))

    def outcome(self, order: LiveOrder, *, cancels: bool) -> OrderLife:
        """Returns what became of the order, as far as that is known in time; an entry is cancelled then."""
        if order.reference in self._sent:
            life = self._noting.wait(order.reference, _is_over, self.waits.fill)
        else:
            life = self._outcome_of_another(order)
        if not life.is_over and cancels:
            self._connection.cancel(order.reference)
            life = self._noting.wait(order.reference, _is_over, self.waits.cancel)
        if not life.is_over:
            self.learn()
            life = self._noting.wait(order.reference, _is_over, 0)
        if life.state == "sending":
            self._noting.hear(OrderNews(order.reference, Lost("Interactive Brokers does not answer")))
            life = self._noting.wait(order.reference, lambda heard: heard.state != "sending", _NOTED_SECONDS)
        if life.is_over:
            self._sent.discard(order.reference)
        return life

    def _outcome_of_another(self, order: LiveOrder) -> OrderLife:
        """Waits for an order that this process did not send, and does not hear of unless it asks."""
        deadline = time.monotonic() + self.waits.fill
        while True:
            self.learn()
            life = self._noting.wait(order.reference, _is_over, _ASK_AGAIN_SECONDS)
            if life.is_over or time.monotonic() > deadline:
                return life

    def cancel(self, reference: str) -> None:
        """Asks for an order of this client to be cancelled; what becomes of that is heard. Raises NotSent."""
        self._connection.cancel(reference)

    def wait_for_end(self, orders: Iterable[LiveOrder]) -> None:
        """Waits until each of them is over, as long as a cancellation may take; all are followed."""
        deadline = time.monotonic() + self.waits.cancel
        for order in orders:
            self._noting.wait(order.reference, _is_over, max(0.0, deadline - time.monotonic()))

    @property
    def held(self) -> Mapping[int, int]:
        """How much the account holds, by contract id, as it was last heard."""
        return sizes(self._connection.held)

    @property
    def account_rows(self) -> Iterable[HeldContract]:
        """The account's positions, as they were last heard."""
        return self._connection.held.values()

    def ask_positions(self) -> None:
        """Asks anew what the account holds. Raises BrokerError."""
        self._connection.ask_positions(self.waits.lists)

    def with_commissions(self, order: LiveOrder) -> OrderLife:
        """Returns the life of an order that is over with its commissions, or after waiting for them."""
        life = self._noting.wait(
            order.reference, lambda heard: not heard.lacks_commissions, self.waits.commission
        )
        if life.lacks_commissions:
            self._log.warning(
                "A commission has not come; what contracts.json names is counted", order=str(order)
            )
        return life

    def learn(self) -> bool:
        """Asks the broker for all it has, and has that written down. Returns whether that came about."""
        try:
            listing = self._connection.list_all(self.waits.lists)
            self._noting.wait_for_listing(listing, self.waits.lists)
        except BrokerError as error:
            self._log.error("What Interactive Brokers has could not be asked", why=str(error))
            return False
        return True


def _on_the_wire(order: LiveOrder) -> Any:
    """Returns it as the client sends it: at the market, or a protective stop that rests until cancelled."""
    from ib_async.order import MarketOrder, StopOrder  # noqa: PLC0415

    action = "BUY" if order.buys else "SELL"
    more: dict[str, Any] = {"orderRef": order.reference, "outsideRth": True}
    if order.group:
        more |= {"ocaGroup": order.group, "ocaType": _FIRST_ENDS_OTHERS}
    if order.stop_price is None:
        return MarketOrder(action, order.size, tif="DAY", **more)
    return StopOrder(action, order.size, float(order.stop_price), tif="GTC", **more)


def _is_over(life: OrderLife) -> bool:
    return life.is_over
