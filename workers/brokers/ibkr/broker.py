"""Trading at Interactive Brokers: market orders with true fills, meeting `protocol.Broker`.

An order is in the book, under the reference it carries at the broker, before it is sent; it is sent once, and
what becomes of it the broker says: each execution counts once. An entry that is not filled in time is
cancelled, and keeps what it got; one of which nobody knows is OrderUnknown, counts as open, and is settled by
the broker's own lists, asked for again and again; found at work for nobody, it is cancelled, also by whoever
closes. An exit is never cancelled: where it works on, whoever closes the same contracts again waits for that
very order. An exit needs no book that can be written, but an account that holds the contracts: none can open
the other way.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from msgspec.structs import replace

from portfold.config import Contract
from portfold.events.fields import Side
from portfold.log import Log
from portfold.workers.brokers.contract_names import ContractNames
from portfold.workers.brokers.ibkr.booking import Booking, fills_of
from portfold.workers.brokers.ibkr.contracts import ContractLookup, Traded
from portfold.workers.brokers.ibkr.heard import Hears
from portfold.workers.brokers.ibkr.noting import Noting
from portfold.workers.brokers.ibkr.order_life import begin
from portfold.workers.brokers.ibkr.order_records import (
    LiveOrder,
    account_of,
    client_id,
    open_records,
)
from portfold.workers.brokers.ibkr.resting.cancelling import CancelDesk, Clients
from portfold.workers.brokers.ibkr.resting.closing import ClosingDesk
from portfold.workers.brokers.ibkr.resting.desk_connection import DeskConnection, Gateway
from portfold.workers.brokers.ibkr.resting.fitting import without_stop
from portfold.workers.brokers.ibkr.resting.keeper import StopKeeper
from portfold.workers.brokers.ibkr.sending import OrderSender, Waits
from portfold.workers.brokers.leg_arithmetic import check_order, check_price
from portfold.workers.brokers.order import ExitFill, Fill, OrderOutcome
from portfold.workers.brokers.orders_book import now_ms
from portfold.workers.brokers.protocol import (
    BrokerError,
    BrokerPosition,
    MaySend,
    NotOpen,
    OrderUnknown,
    always,
    close_each,
)
from portfold.workers.brokers.resting.protective import StopPlace, check_place


class InteractiveBrokers:
    """Trading of `owner`, with a `book` that all of the portfolio's processes share.

    Opening waits for the gateway, as long as connecting may take; without one it opens all the same, and
    connects when it can. Raises BrokerError where the gateway has another account than may be traded.
    """

    def __init__(
        self,
        book: Path,
        owner: str,
        contracts: Mapping[str, Contract],
        *,
        gateway: Gateway,
        waits: Waits,
        names: ContractNames,
        log: Log,
    ) -> None:
        self._owner = owner
        self._contracts = contracts
        self._waits = waits
        self._names = names
        self._log = log
        self._book = open_records(book, waits.book)
        number = client_id(self._book, owner, gateway.first_client_id)
        held_by = account_of(self._book)
        if held_by is not None and gateway.account not in (None, held_by):
            self._book.close()
            raise BrokerError(
                f"The book {book} holds what is open in account {held_by}, and {gateway.account} is named: "
                "close it there first"
            )
        self._noting = Noting(self._book, contracts, owner, log)
        self._gateway = gateway._replace(account=gateway.account or held_by)
        self._connection = self._gateway.connection(number, self._noting, log)
        self._sender = OrderSender(self._connection, self._noting, waits, log)
        self._lookup = ContractLookup(contracts, gateway.names, self._ask_contract)
        self._closing = ClosingDesk(self._book, contracts, self._noting, self._sender, log)
        clients = Clients(owner, self._connection, self._connection_of)
        self._canceller = CancelDesk(
            self._book, contracts, clients, noting=self._noting, sender=self._sender, log=log
        )
        self._keeper = StopKeeper(
            self._book,
            contracts,
            owner,
            noting=self._noting,
            sender=self._sender,
            held_in=self._held_in,
            log=log,
        )
        self._noting.cancel = self._connection.cancel
        for part in (self._noting, self._connection, self._keeper):
            part.open()
        self._wait_for_the_gateway(gateway.connect_seconds)

    @property
    def sends_within_seconds(self) -> float:
        """See `protocol.sends_within`."""
        return self._waits.longest

    @property
    def account(self) -> str:
        """The account that is traded; empty before the first connection."""
        return self._connection.account

    # --- orders ------------------------------------------------------------------------------------------

    def enter(
        self,
        symbol: str,
        side: Side,
        size: int,
        price: Decimal,
        *,
        may_send: MaySend = always,
        stop_distance: Decimal | None = None,
        stop_price: Decimal | None = None,
    ) -> OrderOutcome[Fill]:
        """Buys or sells at the market; what it got. Raises BrokerError, Withheld, OrderUnknown.

        What is not filled in time is cancelled. Refused while another entry on the symbol may still be
        filled, or what is held lacks its protective stop.
        """
        self._check(symbol, side, size)
        check_price(symbol, price)
        check_place(symbol, StopPlace(stop_distance, stop_price))
        self._connection.wait_until_up(self._waits.lists)
        self._settle(symbol)
        traded = self.check_contract(symbol)
        order = self._order("enter", self._owner, symbol, side, size, traded)
        order = replace(order, stop_distance=stop_distance, planned_stop=stop_price)
        self._noting.begin(order.reference, order.life)  # before it is in the book, see there
        try:
            with self._book.transaction() as entries:
                booking = Booking(entries, self._contracts)
                booking.refuse_entry(self._owner, symbol, side)
                booking.orders.write(order)
                booking.orders.write_account(self.account)
            return self._enter(order, traded, may_send)
        finally:
            self._noting.end(order.reference)

    def _enter(self, order: LiveOrder, traded: Traded, may_send: MaySend) -> OrderOutcome[Fill]:
        self._sender.send(order, traded, may_send)
        life = self._sender.outcome(order, cancels=True)
        if not life.is_over:
            raise OrderUnknown(
                f"Order {order} is {life.state} at Interactive Brokers, {life.filled} of {life.size} filled, "
                f"and may still be filled: {life.message or 'its end is not heard of'}. It is not sent again"
            )
        if not life.filled:
            raise BrokerError(f"Order {order} was {life.state} by Interactive Brokers: {life.message}")
        life = self._sender.with_commissions(order)
        per_contract = self._contracts[order.symbol].commission_per_side
        return OrderOutcome(order.size, life.state, fills_of(replace(order, life=life), per_contract))

    def exit(
        self, symbol: str, side: Side, size: int, price: Decimal | None, *, owner: str | None = None
    ) -> OrderOutcome[ExitFill]:
        """Closes at the market; what was closed, which may be less. Raises NotOpen, BrokerError,
        OrderUnknown.
        """
        self._check(symbol, side, size)
        if price is not None:
            check_price(symbol, price)
        owner = owner or self._owner
        if done := self._closing.done_meanwhile(owner, symbol):
            return done
        try:
            self._closing.check_open(owner, symbol, side, size)
            self._connection.hurry()
            self._connection.wait_until_up(self._waits.lists)
            self._settle(symbol)
            self._canceller.end_entries(owner, symbol)
            traded, size = self._leaving(owner, symbol, side, size)
            order = self._order("exit", owner, symbol, side, size, traded)
            return self._closing.close(order, traded)
        except NotOpen:
            if done := self._closing.done_meanwhile(owner, symbol):  # in this very moment
                return done
            raise

    def flatten(self, *, owner: str | None = None) -> list[ExitFill]:
        """Closes every leg of the owner; raises what the first failed with, once all were tried."""
        return close_each(self, owner or self._owner)

    def cancel_working(self) -> list[str]:
        """Cancels all that is at work in the account but exits, and stops beside what is open, whoever gave
        it. Returns what still is. Raises BrokerError.
        """
        self._connection.wait_until_up(self._waits.lists)
        return self._canceller.end_everything()

    def check_contract(self, symbol: str) -> Traded:
        """Returns the contract that an entry would be in, checked against contracts.json: once, before the
        first order. Raises BrokerError.
        """
        held_in = self._held_in(self._owner, symbol)
        return self._lookup.traded(symbol, held_in.name if held_in else self._names.today(symbol))

    # --- the book ----------------------------------------------------------------------------------------

    def positions(self, owner: str | None = None) -> list[BrokerPosition]:
        """Returns what is open, with what entries that are not over may still get, by owner and symbol."""
        with self._book.reading() as entries:
            return Booking(entries, self._contracts).held(owner)

    def adopt(self, held: BrokerPosition) -> None:
        """Takes into the book what the account holds and no order of ours entered, so that it can be closed.

        An exit asks the account first: it closes no more than is there. Raises BookFailed.
        """
        with self._book.transaction() as entries:
            entries.write_leg(held)

    def open_orders(self) -> list[LiveOrder]:
        """Returns the orders that are not over, oldest first."""
        with self._book.reading() as entries:
            return Booking(entries, self._contracts).orders.open()

    def closed_unreported(self) -> dict[str, int]:
        """See `protocol.closed_unreported`."""
        with self._book.reading() as entries:
            return Booking(entries, self._contracts).closed_unreported()

    def without_stop(self) -> list[BrokerPosition]:
        """Returns what is open, of all owners, is to have a protective stop and has none at the broker."""
        with self._book.reading() as entries:
            return without_stop(Booking(entries, self._contracts))

    def unreported_exits(self, owner: str | None = None) -> list[ExitFill]:
        """Exits of the owner, or of everybody, that nobody has confirmed as reported; oldest first."""
        return self._book.read_unreported_exits(owner)

    def confirm_reported(self, fill_id: str) -> None:
        """Forgets an exit, of any owner, that is on the bus; does nothing if it is forgotten already."""
        self._book.confirm(fill_id)

    def mark(self, symbol: str, price: Decimal) -> None:
        """Needs no marks: every fill has its own price."""
        check_price(symbol, price)

    def on_taken_late(self, callback: Callable[[], object]) -> None:
        """Calls back, on another thread, once an entry that nobody waits for any more got something."""
        self._noting.taken_late = callback

    def on_closed_late(self, callback: Callable[[], object]) -> None:
        """Calls back, on another thread, once an exit that nobody waits for any more is booked."""
        self._noting.closed_late = callback

    def close(self) -> None:
        """Closes the connection and lets go of the book. What is open stays open, what rests rests on."""
        for part in (self._keeper, self._connection, self._noting, self._book):
            part.close()

    # --- inside ------------------------------------------------------------------------------------------

    def _wait_for_the_gateway(self, seconds: float) -> None:
        try:
            self._connection.wait_until_up(seconds)
            self._sender.learn()
        except BrokerError as error:
            if self._connection.account_refused:
                self.close()
                raise
            self._log.critical("Opened without Interactive Brokers: no entry is possible", why=str(error))

    def _connection_of(self, process: str, hears: Hears) -> DeskConnection:
        """Returns a connection, not begun, in the place of another process that shares the book."""
        number = client_id(self._book, process, self._gateway.first_client_id)
        return self._gateway.connection(number, hears, self._log)

    def _settle(self, symbol: str) -> None:
        """Asks the broker what became of the orders on the symbol that are not over, where there are any."""
        of_it = [order for order in self.open_orders() if order.symbol == symbol]
        if any(not order.rests or order.sender != self._owner for order in of_it):
            self._sender.learn()

    def _held_in(self, owner: str, symbol: str) -> Traded | None:
        """Returns the contract that the owner's position is in, by the id it was checked with then: as it was
        entered or, where no order of ours did, is being closed.
        """
        with self._book.reading() as entries:
            booking = Booking(entries, self._contracts)
            orders = booking.open_orders(owner, symbol, "exit")[:1]
            if entered := booking.orders.newest_entry(owner, symbol):
                orders = [entered]
            is_held = entries.leg(owner, symbol) is not None
        return self._lookup.of(orders[0]) if orders and is_held else None

    def _leaving(self, owner: str, symbol: str, side: Side, size: int) -> tuple[Traded, int]:
        """Returns the contract that an exit is in, and of how many: what no order of ours entered is closed
        where the account has it. Raises BrokerError.
        """
        if traded := self._held_in(owner, symbol):
            return traded, size
        if all(leg.symbol != symbol for leg in self._book.read_legs(owner)):
            return self._lookup.traded(symbol, self._names.today(symbol)), size
        con_id, there = self._closing.in_no_leg(symbol, self._lookup.called(symbol), side)
        return self._lookup.numbered(symbol, con_id), min(size, there)

    def _ask_contract(self, wanted: Mapping[str, object]) -> list[Any]:
        from ib_async.contract import Contract as Future  # noqa: PLC0415

        fields: Any = wanted
        return self._connection.contract_details(Future(**fields), self._waits.lists)

    def _order(
        self, does: Literal["enter", "exit"], owner: str, symbol: str, side: Side, size: int, traded: Traded
    ) -> LiveOrder:
        return LiveOrder(
            f"pf-{uuid4().hex}",
            now_ms(),
            self._owner,
            owner,
            symbol,
            side,
            size,
            does,
            traded.name,
            traded.con_id,
            begin(size),
        )

    def _check(self, symbol: str, side: Side, size: int) -> None:
        if symbol not in self._contracts:
            known = ", ".join(self._contracts)
            raise BrokerError(f"Expected a symbol with a contract ({known}), got {symbol!r}")
        check_order(symbol, side, size)
