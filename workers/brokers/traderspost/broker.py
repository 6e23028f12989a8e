"""TradersPost: orders as webhooks. It answers that it took a signal, and reports no fill, price or position.

So this broker keeps a book of what it believes: an order that was taken is believed filled at the price it
was given for, some ticks worse. What nobody can know, because no answer came, is never sent again: it is
written down as unknown, counts as open, and entries on its symbol are refused until a person has looked and
said (`portfold reconcile`). Exits stay possible: at TradersPost an exit closes what is open and can never
open anything, so closing twice does no harm. Only where an exit names a quantity, as others hold the contract
too and mean to keep it, a second could close theirs: it is not sent while the first is unknown, and goes
without a quantity once the others have left or ordered it. An exit that was taken proves nothing of an
unknown entry, which may arrive after it: that stays open and unknown. A late answer is noted and logged.

Every order is on disk before it is sent: a process that dies in the middle leaves an unknown one, and whoever
starts next does not send it again. But an exit needs no book that can be written: while another process locks
it, or the disk is full, it is sent all the same, and is noted once it can be.

What is sent follows TradersPost's webhook reference (docs.traderspost.io, "Webhooks"): ticker, action,
sentiment, quantity, signalPrice. In the subscription, "Use signal quantity" must be on.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Literal
from uuid import uuid4

from portfold.config import Contract
from portfold.events.fields import Side
from portfold.log import Log
from portfold.workers.brokers.contract_names import ContractNames
from portfold.workers.brokers.leg_arithmetic import check_order, check_price, worse
from portfold.workers.brokers.legs_book import BookFailed, Entries
from portfold.workers.brokers.order import ExitFill, Fill, OrderOutcome
from portfold.workers.brokers.orders_book import BrokerOrder, Orders, State, now_ms, open_orders_book
from portfold.workers.brokers.protocol import (
    BrokerError,
    BrokerPosition,
    MaySend,
    NotOpen,
    OrderUnknown,
    always,
    close_each,
)
from portfold.workers.brokers.traderspost.believed import Believed
from portfold.workers.brokers.traderspost.signals import Leaving, entry_signal, exit_signal, failure, unproven
from portfold.workers.brokers.traderspost.unnoted import Became, Unnoted
from portfold.workers.brokers.traderspost.webhook import Webhook, WebhookAnswer

_PATIENCE_SECONDS = 5.0
_BRIEFLY_SECONDS = 0.5  # for what can do without the book, or is soon overtaken
_HARDLY_SECONDS = 0.05  # for an exit, where the book could not take in the one before


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
        names: ContractNames,
        log: Log,
    ) -> None:
        self._owner = owner
        self._contracts = contracts
        self._webhook = webhook
        self._send_ms = round(send_seconds * 1000)
        self._names = names
        self._log = log
        self._unnoted = Unnoted()
        self._taken_late: Callable[[], object] = lambda: None
        self._book = open_orders_book(book, _PATIENCE_SECONDS)
        self._note_orders_of_an_earlier_life()

    @property
    def sends_within_seconds(self) -> float:
        """Returns how long an attempt to send takes at most; see `protocol.sends_within`."""
        return self._webhook.timeout_seconds

    # --- orders ------------------------------------------------------------------------------------------

    def enter(
        self, symbol: str, side: Side, size: int, price: Decimal, *, may_send: MaySend = always
    ) -> OrderOutcome[Fill]:
        """Orders an entry; once it was taken its fill is believed. Raises BrokerError, OrderUnknown.

        `may_send` is asked once there is a connection, right before the first byte, on every attempt.
        Refused, and not sent, while it is not known what became of another order on the symbol.
        """
        self._check(symbol, side, size)
        check_price(symbol, price)
        with self._book.transaction() as entries:
            believed = self._believed(entries)
            orders = believed.orders
            believed.refuse_while_unsettled(symbol)
            believed.refuse_against_the_account(symbol, side)
            leg = entries.leg(self._owner, symbol)
            contract = self._names.held(orders, self._owner, symbol) if leg else self._names.today(symbol)
            paid = self._worse(symbol, price, buys=side == "long")
            order = self._order("enter", self._owner, symbol, side, size, contract, paid)
            orders.write(order)
            entries.write_mark(symbol, price)
        self._send(order, entry_signal(order, price), may_send)
        with self._believing(order) as believed:
            fresh = believed.entered(order, "taken, and believed filled")
        fill = Fill(self._owner, symbol, side, size, paid, fresh.commission_paid, order.id)
        return OrderOutcome(size, "accepted", (fill,))

    def exit(
        self, symbol: str, side: Side, size: int, price: Decimal | None, *, owner: str | None = None
    ) -> OrderOutcome[ExitFill]:
        """Orders an exit, also of what is only perhaps open; the outcome of that stays unknown.

        Returns what it closed for sure. Raises NotOpen, BrokerError, OrderUnknown.
        """
        self._check(symbol, side, size)
        owner = owner or self._owner
        patience: float | None = _HARDLY_SECONDS if self._unnoted else _BRIEFLY_SECONDS
        try:
            if taken := self._note_unnoted_exit(owner, symbol, patience):
                return OrderOutcome(taken.size, "accepted", (taken,))
            with self._book.transaction(patience) as entries:
                leaving = self._leaving(self._believed(entries), owner, symbol, side, size, price)
                Orders(entries).write(leaving.order)
            patience = None
        except BookFailed as failed:  # what stops an exit is worse than a book that is behind
            self._log.critical("An exit is sent that cannot be written down yet", why=str(failed))
            with self._book.reading() as entries:
                leaving = self._leaving(self._believed(entries), owner, symbol, side, size, price)
        fill = self._close(leaving, patience)
        if fill is None:
            raise unproven(leaving.order)
        return OrderOutcome(fill.size, "accepted", (fill,))

    def flatten(self, *, owner: str | None = None) -> list[ExitFill]:
        """Orders every leg of the owner closed; raises what the first failed with, once all were ordered."""
        return close_each(self, owner or self._owner)

    # --- the book ----------------------------------------------------------------------------------------

    def positions(self, owner: str | None = None) -> list[BrokerPosition]:
        """Returns what is believed open, unknown entries included, by owner and symbol."""
        with self._book.reading() as entries:
            return self._believed(entries).held(owner)

    def unsettled(self) -> list[BrokerOrder]:
        """Returns the orders of which nobody knows, oldest first."""
        with self._book.reading() as entries:
            return Orders(entries).unsettled()

    def unreported_exits(self, owner: str | None = None) -> list[ExitFill]:
        """Exits of the owner, or of everybody, that nobody has confirmed as reported; oldest first."""
        return self._book.read_unreported_exits(owner)

    def confirm_reported(self, fill_id: str) -> None:
        """Forgets an exit, of any owner, that is on the bus; does nothing if it is forgotten already."""
        self._book.confirm(fill_id)

    def mark(self, symbol: str, price: Decimal) -> None:
        """Records the last price of a symbol: what an exit without a price is believed filled at."""
        check_price(symbol, price)
        with self._book.transaction(_BRIEFLY_SECONDS) as entries:
            entries.write_mark(symbol, price)

    def on_taken_late(self, callback: Callable[[], object]) -> None:
        """Calls back, on another thread, once an unknown entry turned out to be taken: it is held now."""
        self._taken_late = callback

    def close(self) -> None:
        """Lets go of the book. What is open stays open."""
        self._book.close()

    # --- inside ------------------------------------------------------------------------------------------

    def _note_orders_of_an_earlier_life(self) -> None:
        """Notes as unknown, and logs, what an earlier life was sending when it died."""
        unsettled = self.unsettled()
        for order in unsettled:
            self._log.critical("Nobody knows what became of an order", order=str(order), said=order.said)
        if any(order.state == "sending" and order.sender == self._owner for order in unsettled):
            try:
                self._note_as_unknown()
            except BookFailed as failed:  # it counts as open all the same
                self._log.error("What an earlier life was sending is not noted as unknown", why=str(failed))

    def _note_as_unknown(self) -> None:
        with self._book.transaction() as entries:
            believed = self._believed(entries)
            for order in believed.orders.in_states(["sending"]):
                if order.sender == self._owner:
                    believed.note(order, "unknown", "The process that sent it died")

    def _leaving(
        self, believed: Believed, owner: str, symbol: str, side: Side, size: int, price: Decimal | None
    ) -> Leaving:
        """Returns the exit that is to be sent. Only reads."""
        held = next((one for one in believed.held(owner) if one.symbol == symbol), None)
        if held is None or held.side != side or held.size < size:
            found = f"is {held.side} {held.size}" if held else "has none"
            raise NotOpen(f"{owner} {found}, so {side} {size} {symbol} cannot be closed")
        leg = believed.entries.leg(owner, symbol)
        sure, everything = leg.size if leg else 0, size == held.size
        if sure < size and not everything:
            raise BrokerError(f"{size} of {held.size} {symbol} cannot be closed: they may not all be open")
        for order in believed.orders.of(owner, symbol, ["sending"]):
            # Of two who close the same contracts at once, one waits for what becomes of the other's order.
            # A clock that was put back makes no order young: nobody sends for that long.
            if now_ms() >= order.at_ms and self._is_fresh(order):
                raise BrokerError(f"An order on {symbol} is being sent: {order}; try again")
        price = believed.entries.mark(symbol) if price is None else price
        check_price(symbol, price)
        received = self._worse(symbol, price, buys=side == "short")
        contract = self._names.held(believed.orders, owner, symbol)
        order = self._order("exit", owner, symbol, side, size, contract, received)
        # Without a quantity it would close another's as well.
        without_quantity = everything and not believed.shares(owner, symbol)
        if not without_quantity:
            believed.refuse_a_second_exit(owner, symbol, self._unnoted.perhaps_done(owner, symbol))
        return Leaving(order, exit_signal(order, price, everything=without_quantity), sure, without_quantity)

    def _close(self, leaving: Leaving, patience: float | None) -> ExitFill | None:
        """Sends the exit. Returns the fill of what it surely closed; `patience`: for the book, after that."""
        order = leaving.order
        self._send(order, leaving.signal, partial(self._is_fresh, order), patience)
        try:
            with self._believing(order, patience) as believed:
                return believed.exited(order, sure=leaving.sure, everything=leaving.everything)
        except OrderUnknown as unknown:
            if isinstance(unknown.__cause__, BookFailed):
                self._unnoted.keep(Became(order, "accepted", "", leaving.sure, leaving.everything))
            raise

    def _note_unnoted_exit(self, owner: str, symbol: str, patience: float | None) -> ExitFill | None:
        """Writes the owner's unnoted exit into the book. Returns its fill where it was taken."""
        became = self._unnoted.of(owner, symbol)
        if became is None:
            return None
        with self._book.transaction(patience) as entries:
            fill = self._unnoted.note(became, self._believed(entries))
        self._unnoted.forget(became)
        return fill

    def _is_fresh(self, order: BrokerOrder) -> bool:
        """Returns whether it may still be sent: after a sleep it would close what others hold now."""
        return now_ms() - order.at_ms < self._send_ms

    def _send(
        self,
        order: BrokerOrder,
        signal: Mapping[str, object],
        may_send: MaySend,
        patience: float | None = None,
    ) -> None:
        """Sends the order, and returns if it was taken; else notes the outcome. Raises BrokerError."""
        answer = self._webhook.post(
            signal,
            may_send=may_send,
            insists=order.does == "exit",
            late=partial(self._take_late_answer, order),
        )
        if answer.outcome == "accepted":
            self._log.info("TradersPost took an order", order=str(order), reference=answer.reference)
            return
        state: State = "given_up" if answer.outcome == "withheld" else answer.outcome
        try:
            with self._book.transaction(patience) as entries:
                if not Orders(entries).is_settled(order.id):  # by somebody, meanwhile
                    self._believed(entries).note(order, state, answer.message)
        except BookFailed as failed:
            if order.does == "exit":
                self._unnoted.keep(Became(order, state, answer.message))
            sentence = f"{failure(order, answer)} That could not be noted: {failed}"
            raise (OrderUnknown if order.does == "enter" else BrokerError)(sentence) from failed
        raise failure(order, answer)

    def _take_late_answer(self, order: BrokerOrder, answer: WebhookAnswer) -> None:
        """Notes a late answer. An entry that was taken is believed filled: the next exit closes it."""
        message = f"TradersPost answered late, {answer.outcome}: {answer.message}"
        self._log.critical(message, order=str(order))
        with self._book.transaction() as entries:
            believed = self._believed(entries)
            if believed.orders.is_settled(order.id):
                return
            taken = order.does == "enter" and answer.outcome == "accepted"
            if taken:
                believed.entered(order, message)
            else:
                believed.note(order, "unknown", message)
        if taken:
            self._taken_late()

    @contextmanager
    def _believing(self, order: BrokerOrder, patience: float | None = None) -> Iterator[Believed]:
        """Opens the book for an order that was taken. Raises OrderUnknown where that fails."""
        try:
            with self._book.transaction(patience) as entries:
                believed = self._believed(entries)
                if believed.orders.is_settled(order.id):
                    raise BrokerError("somebody has settled it meanwhile")
                yield believed
        except BrokerError as error:
            raise OrderUnknown(f"Order {order} was taken, and could not be noted: {error}") from error

    def _believed(self, entries: Entries) -> Believed:
        return Believed(entries, self._contracts)

    def _order(
        self,
        does: Literal["enter", "exit"],
        owner: str,
        symbol: str,
        side: Side,
        size: int,
        contract: str,
        price: Decimal,
    ) -> BrokerOrder:
        order_id = uuid4().hex
        return BrokerOrder(order_id, now_ms(), self._owner, owner, symbol, side, size, does, contract, price)

    def _worse(self, symbol: str, price: Decimal, *, buys: bool) -> Decimal:
        return worse(price, self._contracts[symbol], buys=buys)

    def _check(self, symbol: str, side: Side, size: int) -> None:
        if symbol not in self._contracts:
            known = ", ".join(self._contracts)
            raise BrokerError(f"Expected a symbol with a contract ({known}), got {symbol!r}")
        check_order(symbol, side, size)
