"""Closes contracts, each once: by an order of our own, or by waiting for one that is at work already.

Guarantees: of several who close the same contracts one order goes out; an exit of which nobody knows is not
sent again before the broker has said that it never arrived; one that works on, as outside of hours, is waited
for by whoever closes again, and never cancelled. While the book cannot be written the exit is sent all the
same, and is noted once it can be. An exit joins the group of the protective stop beside the leg: of the two
the one that is executed first ends the other at the broker. A stop that is being executed is waited for as
an exit is.
"""

import threading
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from portfold.config import Contract
from portfold.events.fields import Side
from portfold.log import Log
from portfold.workers.brokers.ibkr.booking import Booking
from portfold.workers.brokers.ibkr.contracts import Traded
from portfold.workers.brokers.ibkr.noting import EXIT_FRESH_MS, Noting
from portfold.workers.brokers.ibkr.order_life import begin
from portfold.workers.brokers.ibkr.order_records import LiveOrder
from portfold.workers.brokers.ibkr.sending import OrderSender
from portfold.workers.brokers.legs_book import BookFailed, Entries, PaperBook
from portfold.workers.brokers.order import ExitFill, OrderOutcome
from portfold.workers.brokers.orders_book import now_ms
from portfold.workers.brokers.protocol import (
    UNREPORTED_EXITS,
    BrokerError,
    NotOpen,
    OrderUnknown,
)

_BRIEFLY_SECONDS = 0.5


class ClosingDesk:
    """The exits of one process."""

    def __init__(
        self,
        book: PaperBook,
        contracts: Mapping[str, Contract],
        noting: Noting,
        sender: OrderSender,
        log: Log,
    ) -> None:
        self._book = book
        self._contracts = contracts
        self._noting = noting
        self._sender = sender
        self._log = log
        self._lock = threading.Lock()
        self._beginning = threading.Lock()
        self._given_up: dict[tuple[str, str], str] = {}
        self._returned: dict[str, None] = {}

    def done_meanwhile(self, owner: str, symbol: str) -> OrderOutcome[ExitFill] | None:
        """Returns what an exit got since, that nobody waited for any more."""
        with self._lock:
            reference = self._given_up.get((owner, symbol))
        if reference is None:
            return None
        with self._book.reading() as entries:
            order = Booking(entries, self._contracts).orders.order(reference)
        return self._outcome(order, self._unreported(order)) if order is not None else None

    def check_open(self, owner: str, symbol: str, side: Side, size: int) -> None:
        """Raises NotOpen where the owner does not hold that much, and can not."""
        with self._book.reading() as entries:
            _check_open(Booking(entries, self._contracts), owner, symbol, side, size)

    def in_no_leg(self, symbol: str, called: str, side: Side) -> tuple[int, int]:
        """Returns the id of a contract of the symbol, `called` so at the broker, in which the account holds
        more on that side than is in the book as entered there, and how much more. Raises BrokerError.
        """
        self._ask_positions()
        direction = 1 if side == "long" else -1
        rows = [each for each in self._sender.account_rows if (each.kind, each.symbol) == ("FUT", called)]
        with self._book.reading() as entries:
            booking = Booking(entries, self._contracts)
            more = {each.con_id: direction * (each.size - booking.in_account(each.con_id)) for each in rows}
        for con_id, size in sorted(more.items()):
            if size > 0:
                return con_id, size
        raise BrokerError(
            f"The account holds no {side} {symbol} but what others have in the book: an exit would open the "
            "other way, or close theirs, and is not sent. Look at the broker"
        )

    def close(self, order: LiveOrder, traded: Traded) -> OrderOutcome[ExitFill]:
        """Sends the exit, or waits for the one that is at work. Returns what was closed.

        Raises NotOpen, BrokerError, OrderUnknown.
        """
        self._noting.begin(order.reference, order.life)  # before it is in the book, see there
        try:
            return self._close(order, traded)
        finally:
            self._noting.end(order.reference)

    def _close(self, order: LiveOrder, traded: Traded) -> OrderOutcome[ExitFill]:
        with self._book.reading() as entries:
            following = _Following(self._free(entries, order).at_work or order, is_new=False)
        if following.order is order:
            following = self._begin(replace(order, size=self._closable(order)))
        order = following.order
        self._noting.begin(order.reference, order.life)
        try:
            if following.is_new:
                self._sender.send(order, traded, partial(_is_fresh, order))
            life = self._sender.outcome(order, cancels=False)
            if life.is_over and life.filled:
                self._sender.with_commissions(order)
            elif life.is_over and order.group:
                self._sender.learn()  # what has ended it may have ended the stop, or have been it
            return self._booked(order)
        finally:
            self._noting.end(order.reference)

    def _closable(self, order: LiveOrder) -> int:
        """Returns how many of the contracts the account holds. Raises BrokerError where it is none: closing
        what is not there would open the other way.
        """
        self._ask_positions()
        held = self._sender.held.get(order.con_id, 0) * (1 if order.side == "long" else -1)
        if held < 1:
            raise BrokerError(
                f"The account holds no {order.side} {order.contract}, though {order.owner} is "
                f"{order.side} {order.size} in the book: an exit would open the other way, and is not sent. "
                "Look at the broker"
            )
        return min(order.size, held)

    def _ask_positions(self) -> None:
        """Asks what the account holds; where it does not answer, what it said last counts."""
        try:
            self._sender.ask_positions()
        except BrokerError as error:
            self._log.error("An exit is sent by what the account was last heard to hold", why=str(error))

    def _begin(self, order: LiveOrder) -> "_Following":
        """Writes the exit down, unless one is at work; while the book cannot be written, for later."""
        try:
            with self._book.transaction(_BRIEFLY_SECONDS) as entries:
                following = self._new_or_at_work(entries, order)
                if following.is_new:
                    Booking(entries, self._contracts).orders.write(following.order)
                return following
        except BookFailed as failed:  # what stops an exit is worse than a book that is behind
            self._log.critical("An exit is sent that cannot be written down yet", why=str(failed))
            with self._beginning, self._book.reading() as entries:  # of two threads one finds the other's
                following = self._new_or_at_work(entries, order)
                if following.is_new:
                    self._noting.hear_begun(following.order)
                return following

    def _new_or_at_work(self, entries: Entries, order: LiveOrder) -> "_Following":
        free = self._free(entries, order)
        if free.at_work is not None:
            return _Following(free.at_work, is_new=False)
        size = min(order.size, free.size)
        return _Following(replace(order, size=size, life=begin(size), group=free.group), is_new=True)

    def _free(self, entries: Entries, order: LiveOrder) -> "_Free":
        """Returns how much of the leg no exit is at work on, or else the exit that is. Raises NotOpen, and
        OrderUnknown where it is not known whether anything is open.
        """
        booking = Booking(entries, self._contracts)
        owner, symbol, side = order.owner, order.symbol, order.side
        _check_open(booking, owner, symbol, side, order.size)
        leg = entries.leg(owner, symbol)
        exits = booking.open_orders(owner, symbol, "exit")
        unwritten = self._noting.begun(owner, symbol)
        if unwritten is not None and all(each.reference != unwritten.reference for each in exits):
            exits.append(unwritten)
        stops = booking.open_orders(owner, symbol, "stop")
        size = (leg.size if leg else 0) - sum(booking.takes(each) for each in [*exits, *stops])
        executing = next((each for each in stops if each.life.filled), None)
        if executing is not None:
            return _Free(0, executing)
        if size > 0:
            return _Free(size, None, stops[-1].group if stops else "")
        if exits:
            return _Free(0, exits[0])
        raise OrderUnknown(
            f"Nothing of {side} {order.size} {symbol} of {owner} is surely open: what became of its entry is "
            "not known yet, and an exit could open the other way"
        )

    def _booked(self, order: LiveOrder) -> OrderOutcome[ExitFill]:
        """Books what the exit got, and returns that. Raises BrokerError, OrderUnknown."""
        is_behind = self._noting.begun(order.owner, order.symbol) is not None
        patience = _BRIEFLY_SECONDS if is_behind else None
        try:
            with self._book.transaction(patience) as entries:
                booking = Booking(entries, self._contracts)
                fills = booking.book_exit(order.reference)
                now = booking.orders.order(order.reference) or order
                is_stopped_out = now.life.is_over and _is_stopped_out(booking, now)
        except BookFailed as failed:
            self._give_up(order)
            raise OrderUnknown(f"Order {order} was sent, and could not be noted: {failed}") from failed
        if not now.life.is_over:
            self._give_up(order)
        outcome = self._outcome(now, fills or self._unreported(now))
        if outcome is not None:
            return outcome
        what = f"Order {order} is {now.life.state} at Interactive Brokers"
        if is_stopped_out:
            raise NotOpen(f"{what}: the protective stop {order.group} was executed first")
        if now.life.is_over and now.life.filled:
            raise NotOpen(f"{what}, and was booked by somebody else")
        if now.life.is_over:
            raise BrokerError(f"{what}: {now.life.message}")
        raise OrderUnknown(
            f"{what}, and not filled yet; whoever closes again waits for it. {now.life.message}"
        )

    def _give_up(self, order: LiveOrder) -> None:
        with self._lock:
            self._given_up[order.owner, order.symbol] = order.reference

    def _unreported(self, order: LiveOrder) -> list[ExitFill]:
        """Returns its fills that nobody has reported, and this process has not returned."""
        names = {order.fill_name(name) for name in order.booked} - self._returned.keys()
        return [fill for fill in self._book.read_unreported_exits(order.owner) if fill.fill_id in names]

    def _outcome(self, order: LiveOrder, fills: list[ExitFill]) -> OrderOutcome[ExitFill] | None:
        """Returns these fills as what has become of the order; None where there are none."""
        if not fills:
            return None
        with self._lock:
            self._returned.update(dict.fromkeys(fill.fill_id for fill in fills))
            while len(self._returned) > UNREPORTED_EXITS:
                del self._returned[next(iter(self._returned))]
        return OrderOutcome(order.size, order.life.state, tuple(fills))


class _Following(NamedTuple):
    """The order whose outcome is waited for, and whether it is still to be sent."""

    order: LiveOrder
    is_new: bool


class _Free(NamedTuple):
    """Contracts that can be closed, by an order in the `group`; where there are none, the order that closes
    them already.
    """

    size: int
    at_work: LiveOrder | None
    group: str = ""


def _is_fresh(order: LiveOrder) -> bool:
    """Returns whether it may still be sent: after a sleep it would close what others hold now."""
    return now_ms() - order.at_ms < EXIT_FRESH_MS


def _is_stopped_out(booking: Booking, order: LiveOrder) -> bool:
    """Returns whether the stop whose group the exit was in has closed what it was to close."""
    stop = booking.orders.order(order.group) if order.group not in ("", order.reference) else None
    return stop is not None and stop.life.filled >= order.size


def _check_open(booking: Booking, owner: str, symbol: str, side: Side, size: int) -> None:
    held = next((one for one in booking.held(owner) if one.symbol == symbol), None)
    if held is None or held.side != side or held.size < size:
        found = f"is {held.side} {held.size}" if held else "has none"
        raise NotOpen(f"{owner} {found}, so {side} {size} {symbol} cannot be closed")
