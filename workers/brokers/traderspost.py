"""TradersPost: orders as webhooks. It takes a signal and says no more: no fill, no price, no position.

So this broker keeps a book of what it believes: an order that was taken is believed filled at the price it
was given for, some ticks worse. What nobody can know, because no answer came, is never sent again: it is
written down as unknown, counts as open, and entries on its symbol are refused until a person has looked and
said (`portfold reconcile`). Exits stay possible: at TradersPost an exit closes what is open and can never
open anything, so closing twice does no harm.

Every order is on disk before it is sent: a process that dies in the middle leaves an unknown one, and whoever
starts next does not send it again. What is sent follows TradersPost's webhook reference
(docs.traderspost.io, "Webhooks"): ticker, action, sentiment, quantity, signalPrice. In the subscription,
"Use signal quantity" must be on.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Literal
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec

from config import Contract
from config.costs import COMMISSION_PER_SIDE
from coordinator.log import Log
from events.fields import Side
from workers.brokers.contract_month import ROLLS, contract_name
from workers.brokers.legs import check_order, check_price, join, reduce, worse
from workers.brokers.orders_book import (
    PERHAPS_OPEN,
    UNSETTLED,
    Order,
    Orders,
    State,
    now_ms,
    open_orders_book,
)
from workers.brokers.paper_book import Entries
from workers.brokers.protocol import (
    BrokerError,
    BrokerPosition,
    ExitFill,
    Fill,
    MaySend,
    NotOpen,
    OrderUnknown,
    always,
)
from workers.brokers.signals import entry_signal, exit_signal, failure
from workers.brokers.webhook import Answer, Webhook

_EXCHANGE = ZoneInfo("America/Chicago")
_PATIENCE_SECONDS = 5.0
_HELD_BY: tuple[State, ...] = ("accepted", "filled", *PERHAPS_OPEN)


class TradersPost:
    """Trading of `owner` at TradersPost, with a `book` that all of the portfolio's processes share; meets
    `protocol.Broker`.

    `names` gives the contract to trade by symbol, before the rules of `contract_month` for the day `today`.
    Fills are believed to cost the slippage and the commission of their contracts. `send_seconds` bounds how
    long sending an order can take, here and in other processes.
    """

    def __init__(
        self,
        book: Path,
        owner: str,
        contracts: Mapping[str, Contract],
        *,
        webhook: Webhook,
        send_seconds: float,
        names: Mapping[str, str],
        log: Log,
        today: Callable[[], date] = lambda: datetime.now(_EXCHANGE).date(),
    ) -> None:
        self._owner = owner
        self._contracts = contracts
        self._webhook = webhook
        self._send_ms = round(send_seconds * 1000)
        self._names = names
        self._log = log
        self._today = today
        self._book = open_orders_book(book, _PATIENCE_SECONDS)
        self._take_note_of_what_was_left()

    # --- orders ------------------------------------------------------------------------------------------

    def enter(
        self, symbol: str, side: Side, size: int, price: Decimal, *, may_send: MaySend = always
    ) -> Fill:
        """Orders an entry; the fill that is believed once it was taken. Raises BrokerError, OrderUnknown.

        `may_send` is asked once there is a connection, right before the first byte, on every attempt.
        Refused, and not sent, while it is not known what became of another order on the symbol.
        """
        self._check(symbol, side, size)
        check_price(symbol, price)
        with self._book.transaction() as entries:
            orders = Orders(entries)
            _refuse_while_unsettled(orders, symbol)
            leg = entries.leg(self._owner, symbol)
            if leg is not None and leg.side != side:
                raise BrokerError(
                    f"{self._owner} is {leg.side} {leg.size} {symbol} and must close that before going {side}"
                )
            contract = (
                self._contract_held(orders, self._owner, symbol) if leg else self._contract_today(symbol)
            )
            paid = self._worse(symbol, price, buys=side == "long")
            order = self._order("enter", self._owner, symbol, side, size, contract, paid)
            orders.write(order)
            entries.write_mark(symbol, price)
        self._send(order, entry_signal(order, price), may_send)
        with self._believing(order) as entries:
            leg, fresh = entries.leg(self._owner, symbol), self._as_leg(order)
            entries.write_leg(join(leg, fresh) if leg else fresh)
        return Fill(self._owner, symbol, side, size, paid, fresh.commission_paid, order.id)

    def exit(
        self, symbol: str, side: Side, size: int, price: Decimal | None, *, owner: str | None = None
    ) -> ExitFill:
        """Orders an exit, also of what is only perhaps open. Raises NotOpen, BrokerError, OrderUnknown."""
        self._check(symbol, side, size)
        owner = owner or self._owner
        with self._book.transaction() as entries:
            orders = Orders(entries)
            held = next((one for one in self._held(entries, owner) if one.symbol == symbol), None)
            if held is None or held.side != side or held.size < size:
                found = f"is {held.side} {held.size}" if held else "has none"
                raise NotOpen(f"{owner} {found}, so {side} {size} {symbol} cannot be closed")
            leg = entries.leg(owner, symbol)
            if size < held.size and (leg is None or leg.size < size):
                raise BrokerError(
                    f"{size} of {held.size} {symbol} cannot be closed: they may not all be open"
                )
            self._refuse_while_exiting(orders, owner, symbol)
            price = entries.mark(symbol) if price is None else price
            check_price(symbol, price)
            received = self._worse(symbol, price, buys=side == "short")
            contract = self._contract_held(orders, owner, symbol)
            order = self._order("exit", owner, symbol, side, size, contract, received)
            orders.write(order)
        self._send(order, exit_signal(order, price, everything=size == held.size), always)
        with self._believing(order) as entries:
            return self._close(entries, order, everything=size == held.size)

    def flatten(self, *, owner: str | None = None) -> list[ExitFill]:
        """Orders every leg of the owner closed; raises what the first failed with, once all were ordered."""
        fills: list[ExitFill] = []
        failed: list[BrokerError] = []
        for held in self.positions(owner or self._owner):
            try:
                fills.append(self.exit(held.symbol, held.side, held.size, None, owner=held.owner))
            except NotOpen:
                continue  # somebody else was first
            except BrokerError as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return fills

    # --- the book ----------------------------------------------------------------------------------------

    def positions(self, owner: str | None = None) -> list[BrokerPosition]:
        """What is believed open, entries of which nobody knows included, by owner and symbol."""
        with self._book.transaction() as entries:
            return self._held(entries, owner)

    def unsettled(self) -> list[Order]:
        """The orders of which nobody knows, oldest first."""
        with self._book.transaction() as entries:
            return Orders(entries).in_states(UNSETTLED)

    def unreported_exits(self, owner: str | None = None) -> list[ExitFill]:
        """Exits of the owner, or of everybody, that nobody has confirmed as reported; oldest first."""
        return self._book.read_unreported_exits(owner)

    def confirm_reported(self, fill_id: str) -> None:
        """Forgets an exit, of any owner, that is on the bus; does nothing if it is forgotten already."""
        with self._book.transaction() as entries:
            entries.remove_unreported_exit(fill_id)

    def mark(self, symbol: str, price: Decimal) -> None:
        """Records the last price of a symbol: what an exit without a price is believed filled at."""
        check_price(symbol, price)
        with self._book.transaction() as entries:
            entries.write_mark(symbol, price)

    def close(self) -> None:
        """Lets go of the book. What is open stays open."""
        self._book.close()

    # --- inside ------------------------------------------------------------------------------------------

    def _take_note_of_what_was_left(self) -> None:
        """What an earlier life was sending when it died is unknown now."""
        with self._book.transaction() as entries:
            orders = Orders(entries)
            for order in orders.in_states(["sending"]):
                if order.sender == self._owner:
                    _note(orders, order, "unknown", "The process that sent it died")
            unsettled = orders.in_states(UNSETTLED)
        for order in unsettled:
            self._log.critical("Nobody knows what became of an order", order=str(order), said=order.said)

    def _send(self, order: Order, signal: Mapping[str, object], may_send: MaySend) -> None:
        """Returns if it was taken. Otherwise that is noted, and raised."""
        answer = self._webhook.post(
            signal,
            may_send=may_send,
            insists=order.does == "exit",
            late=partial(self._take_note_of_late, order),
        )
        if answer.outcome == "accepted":
            self._log.info("TradersPost took an order", order=str(order), reference=answer.reference)
            return
        with self._book.transaction() as entries:
            known = Orders(entries).order(order.id)
            if known is not None and known.state in PERHAPS_OPEN:  # and nobody has settled it meanwhile
                state: State = "given_up" if answer.outcome == "withheld" else answer.outcome
                _note(Orders(entries), order, state, answer.said)
        raise failure(order, answer)

    def _take_note_of_late(self, order: Order, answer: Answer) -> None:
        """For the person who is to settle the order."""
        self._log.critical(f"TradersPost answered late: {answer.outcome}", order=str(order), said=answer.said)

    @contextmanager
    def _believing(self, order: Order) -> Iterator[Entries]:
        """For what follows in the book from an order that was taken: it cannot be taken back any more."""
        try:
            with self._book.transaction() as entries:
                known = Orders(entries).order(order.id)
                if known is None or known.state not in PERHAPS_OPEN:
                    raise BrokerError("somebody has settled it meanwhile")
                _note(Orders(entries), order, "accepted", "taken, and believed filled")
                yield entries
        except BrokerError as error:
            raise OrderUnknown(f"Order {order} was taken, and could not be noted: {error}") from error

    def _close(self, entries: Entries, order: Order, *, everything: bool) -> ExitFill:
        """Takes what was closed out of the book; of all that is closed, also what was only perhaps open."""
        orders = Orders(entries)
        held = next(one for one in self._held(entries, order.owner) if one.symbol == order.symbol)
        leg = entries.leg(order.owner, order.symbol)
        _, entry_commission = reduce(held, order.size)
        if everything:
            for unknown in orders.of(order.owner, order.symbol, PERHAPS_OPEN):
                if unknown.id != order.id:
                    _note(orders, unknown, "flattened", f"{unknown.said}; then all was closed by {order.id}")
        if leg is not None:
            entries.write_leg(reduce(leg, min(order.size, leg.size))[0])
        commission = self._commission(order)
        fill = ExitFill(
            order.owner,
            order.symbol,
            order.side,
            order.size,
            order.price,
            commission,
            order.id,
            held.price,
            entry_commission,
        )
        entries.write_unreported_exit(fill)
        return fill

    def _held(self, entries: Entries, owner: str | None) -> list[BrokerPosition]:
        held = {(leg.owner, leg.symbol): leg for leg in entries.legs(owner)}
        for order in Orders(entries).in_states(PERHAPS_OPEN):
            if order.does == "enter" and owner in (None, order.owner):
                key, perhaps = (order.owner, order.symbol), self._as_leg(order)
                held[key] = join(held[key], perhaps) if key in held else perhaps
        return [held[key] for key in sorted(held)]

    def _as_leg(self, order: Order) -> BrokerPosition:
        commission = self._commission(order)
        return BrokerPosition(order.owner, order.symbol, order.side, order.size, order.price, commission)

    def _refuse_while_exiting(self, orders: Orders, owner: str, symbol: str) -> None:
        """Of two who close the same contracts at once, one waits for what becomes of the other's order."""
        for order in orders.of(owner, symbol, ["sending"]):
            # A clock that was put back makes no order young: nobody sends for that long.
            if 0 <= now_ms() - order.at_ms < self._send_ms:
                raise BrokerError(f"An order on {symbol} is being sent: {order}; try again")
            _note(orders, order, "unknown", f"{order.sender} did not say what became of it")

    def _order(
        self,
        does: Literal["enter", "exit"],
        owner: str,
        symbol: str,
        side: Side,
        size: int,
        contract: str,
        price: Decimal,
    ) -> Order:
        order_id = uuid4().hex
        return Order(order_id, now_ms(), self._owner, owner, symbol, side, size, does, contract, price)

    def _contract_held(self, orders: Orders, owner: str, symbol: str) -> str:
        """The contract that the position was opened in."""
        entered = [one for one in orders.of(owner, symbol, _HELD_BY) if one.does == "enter"]
        return entered[-1].contract if entered else self._contract_today(symbol)

    def _contract_today(self, symbol: str) -> str:
        if symbol in self._names:
            return self._names[symbol]
        if symbol not in ROLLS:
            raise BrokerError(
                f"No rule says which contract of {symbol} is traded: name it in broker.options.contracts"
            )
        return contract_name(symbol, self._today())

    def _commission(self, order: Order) -> Decimal:
        """The usual where its contract is not configured any more: the position is there all the same."""
        contract = self._contracts.get(order.symbol)
        return (contract.commission_per_side if contract else COMMISSION_PER_SIDE) * order.size

    def _worse(self, symbol: str, price: Decimal, *, buys: bool) -> Decimal:
        return worse(price, self._contracts[symbol], buys=buys)

    def _check(self, symbol: str, side: Side, size: int) -> None:
        if symbol not in self._contracts:
            known = ", ".join(self._contracts)
            raise BrokerError(f"Expected a symbol with a contract ({known}), got {symbol!r}")
        check_order(symbol, side, size)


def _refuse_while_unsettled(orders: Orders, symbol: str) -> None:
    for order in orders.in_states(UNSETTLED):
        if order.symbol == symbol:
            raise BrokerError(
                f"No entry on {symbol} while nobody knows what became of order {order}. Look at the broker, "
                f"then: portfold reconcile {order.id}"
            )


def _note(orders: Orders, order: Order, state: State, said: str) -> None:
    orders.write(msgspec.structs.replace(order, state=state, said=said))
