"""Ends what is at work at Interactive Brokers, so that nothing fills after everything was closed.

An order is cancelled by the client that sent it: our own at once, those of a dead process by connecting in
its place. Where everything is flattened, orders of unknown origin go as well, by the gateway's own cancel of
all orders; that takes exits and protective stops that wait there along, which are sent again, by whoever
closes and while anything is open. A gateway with several accounts is not asked for that: it would end what
is none of ours.

Guarantees: exits, and stops beside what is open, are never aimed at: they go with the closing. A stop beside
what is in the book and not in the account, as somebody has closed it there, would open, and is ended. Every
wait is bounded, and what is still at work then is named.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple

from portfold.config import Contract
from portfold.log import Log
from portfold.workers.brokers.ibkr.booking import Booking
from portfold.workers.brokers.ibkr.heard import Hears, Listing, OrderNews, WorkingOrder
from portfold.workers.brokers.ibkr.noting import Noting
from portfold.workers.brokers.ibkr.order_records import LiveOrder
from portfold.workers.brokers.ibkr.resting.desk_connection import DeskConnection
from portfold.workers.brokers.ibkr.sending import OrderSender
from portfold.workers.brokers.legs_book import PaperBook
from portfold.workers.brokers.protocol import BrokerError

_LOOK_AGAIN_SECONDS = 0.05


class Clients(NamedTuple):
    """`own` is the connection of `owner`, `of` makes one in the place of another process, by its name."""

    owner: str
    own: DeskConnection
    of: Callable[[str, Hears], DeskConnection]


class CancelDesk:
    """Cancels for one process."""

    def __init__(
        self,
        book: PaperBook,
        contracts: Mapping[str, Contract],
        clients: Clients,
        *,
        noting: Noting,
        sender: OrderSender,
        log: Log,
    ) -> None:
        self._book = book
        self._contracts = contracts
        self._clients = clients
        self._noting = noting
        self._sender = sender
        self._log = log

    def end_entries(self, owner: str, symbol: str) -> None:
        """Ends the owner's entries on the symbol that are at work and that nobody waits for any more, if that
        can be in time.
        """
        with self._book.reading() as entries:
            found = Booking(entries, self._contracts).open_orders(owner, symbol, "enter")
        at_work = [each for each in found if not self._noting.is_waited_for(each.reference)]
        if at_work:
            self._end(at_work)

    def end_everything(self) -> list[str]:
        """Ends every order of the account that is at work but exits, and stops beside what is open. Returns
        what is still at work. Raises BrokerError.
        """
        held = self._positions()
        ours, others = self._to_be_ended(held)
        if ours:
            self._end(ours)
        if others:
            self._end_others(others)
        return self._left(held) if ours or others else []

    def _positions(self) -> Mapping[int, int] | None:
        """Returns what the account holds, as it says now; None where it does not answer."""
        try:
            self._sender.ask_positions()
        except BrokerError:
            return None
        return self._sender.held

    def _to_be_ended(self, held: Mapping[int, int] | None) -> tuple[list[LiveOrder], list[WorkingOrder]]:
        """Returns what is at work and has to end: orders of ours, and those of unknown origin."""
        ours, others = list[LiveOrder](), list[WorkingOrder]()
        working = self._clients.own.working_orders(self._sender.waits.lists)
        with self._book.reading() as entries:
            orders = Booking(entries, self._contracts).orders
            for each in working:
                order = orders.order(each.reference) if each.reference else None
                if order is None:
                    others.append(each)
                elif order.does == "enter" or (
                    order.does == "stop"
                    and (entries.leg(order.owner, order.symbol) is None or _opens(order, held))
                ):
                    ours.append(order)
        return ours, others

    def _end(self, orders: Sequence[LiveOrder]) -> None:
        for sender in sorted({each.sender for each in orders}):
            theirs = [each for each in orders if each.sender == sender]
            self._log.warning("Cancelling what is at work", orders=", ".join(map(str, theirs)))
            try:
                if sender == self._clients.owner:
                    self._cancel(self._clients.own, theirs)
                    continue
                with closing(self._clients.of(sender, _Ears(self._noting))) as other:
                    other.open()
                    other.wait_until_up(self._sender.waits.lists)
                    self._cancel(other, theirs)
            except BrokerError as error:
                self._log.error("Orders could not be cancelled", sender=sender, why=str(error))
        self._sender.learn()

    def _cancel(self, connection: DeskConnection, orders: Sequence[LiveOrder]) -> None:
        """Asks, and waits until it is done or came too late, a bounded time."""
        for each in orders:
            self._noting.begin(each.reference, each.life)
        try:
            for each in orders:
                connection.cancel(each.reference)
            self._sender.wait_for_end(orders)
        finally:
            for each in orders:
                self._noting.end(each.reference)

    def _end_others(self, others: Sequence[WorkingOrder]) -> None:
        named = ", ".join(map(str, others))
        if len(self._clients.own.accounts) != 1:
            self._log.critical(
                "Orders of unknown origin are not cancelled: the gateway has several accounts, and cancels "
                "those of all or none",
                orders=named,
                what_to_do="cancel them at the broker",
            )
            return
        self._log.warning("All orders at the gateway are cancelled: some are of unknown origin", orders=named)
        self._clients.own.cancel_all()

    def _left(self, held: Mapping[int, int] | None) -> list[str]:
        deadline = time.monotonic() + self._sender.waits.cancel
        while True:
            ours, others = self._to_be_ended(held)
            if not (ours or others) or time.monotonic() > deadline:
                return [*map(str, ours), *map(str, others)]
            time.sleep(_LOOK_AGAIN_SECONDS)


def _opens(stop: LiveOrder, held: Mapping[int, int] | None) -> bool:
    """Returns whether the account certainly holds nothing that the stop could close."""
    if held is None:
        return False
    there = held.get(stop.con_id, 0)
    return (there if stop.side == "long" else -there) < 1


class _Ears:
    """Hears of orders in the place of another process; its lists and its breaks are none of ours."""

    is_in_doubt = False

    def __init__(self, noting: Noting) -> None:
        self._noting = noting

    def hear(self, news: OrderNews) -> None:
        self._noting.hear(news)

    def hear_listing(self, listing: Listing) -> None:
        pass

    def hear_break(self, why: str) -> None:
        pass
