"""The exchange and the broker behind the fake gateway: prices, orders, executions, accounts.

It lives on while gateways and clients come and go. A test drives it from its own thread: `trade` moves the
last price, which fills market orders, limits and stops at that price; with `fills = "on order"` nothing is
filled before `fill` says so, in whole or in parts. With `groups = "ignored"` no order ends another.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from threading import RLock
from typing import Literal, NamedTuple

from tests.fakes.tws.account import Account, cents
from tests.fakes.tws.listed import Listed, usual
from tests.fakes.tws.orders import Execution, Order
from tests.fakes.tws.tape import Tape

PAPER_ACCOUNT = "DU1234567"
FIRST_PRICES = {"ES": "5000", "MES": "5000", "NQ": "18000", "CL": "75"}


class Happened(NamedTuple):
    """What the gateway tells its clients of: `executed` comes with its execution."""

    what: Literal["order", "refused", "executed", "traded"]
    order: Order | None = None
    execution: Execution | None = None
    contract: Listed | None = None
    size: int = 0


class Exchange:
    """`commission`: dollars a contract and side. `now` tells the time of executions."""

    def __init__(
        self,
        contracts: Iterable[Listed] = (),
        accounts: Iterable[str] = (PAPER_ACCOUNT,),
        *,
        commission: Decimal = Decimal("2.25"),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.lock = RLock()
        self.contracts = list(contracts) or usual()
        self.accounts = {name: Account(name) for name in accounts}
        self.commission = commission
        self.now = now
        self.prices = {each.con_id: Decimal(FIRST_PRICES.get(each.symbol, "100")) for each in self.contracts}
        self.tapes = {each.con_id: Tape() for each in self.contracts}
        self.orders: list[Order] = []
        self.executions: list[Execution] = []
        self.fills: Literal["at once", "on order"] = "at once"
        self.hours: Literal["regular", "outside", "closed"] = "regular"
        self.groups: Literal["kept", "ignored"] = "kept"
        self.next_ids: dict[int, int] = {}
        self.tell: Callable[[Happened], None] = lambda _happened: None
        self.past_asked: list[tuple[str, str, str]] = []
        """What was asked of the past: which contract, up to when, how much."""
        self._triggered: set[int] = set()

    # --- what a test does --------------------------------------------------------------------------------

    def trade(self, local_symbol: str, price: Decimal | str, size: int = 1) -> None:
        """Lets a trade happen: orders that its price reaches are filled, subscribers see it."""
        with self.lock:
            contract = self.contract(local_symbol)
            self.prices[contract.con_id] = Decimal(price)
            self.tapes[contract.con_id].add(self.now(), Decimal(price), size)
            self.tell(Happened("traded", contract=contract, size=size))
            for order in [each for each in self.orders if each.contract == contract]:
                self._work(order)

    def fill(self, reference: str, size: int | None = None, price: Decimal | str | None = None) -> Execution:
        """Fills an order, or `size` contracts of it, at `price` or the last price."""
        with self.lock:
            order = self.order(reference)
            at = self.prices[order.contract.con_id] if price is None else Decimal(price)
            return self._execute(order, order.remaining if size is None else size, at)

    def end(
        self, reference: str, because: str = "", status: Literal["Cancelled", "Inactive"] = "Cancelled"
    ) -> None:
        """Cancels an order from the exchange's side; `Inactive` is how a reject after acceptance looks."""
        with self.lock:
            self._end(self.order(reference), status, because)

    def rests_elsewhere(
        self, local_symbol: str, signed: int, limit: str, client_id: int = 0, account: str = PAPER_ACCOUNT
    ) -> Order:
        """Places a limit order of another program, or for client 0 of a person in TWS."""
        with self.lock:
            fields = {"action": "BUY" if signed > 0 else "SELL", "totalQuantity": str(abs(signed))}
            fields |= {"orderType": "LMT", "lmtPrice": limit, "tif": "GTC"}
            return self.place(client_id, client_id and 1, self.contract(local_symbol), account, fields)

    def by_hand(self, local_symbol: str, signed: int, account: str = PAPER_ACCOUNT) -> Order:
        """Trades as a person in TWS would: at the last price, by no client, without a reference."""
        with self.lock:
            fields = {"action": "BUY" if signed > 0 else "SELL", "totalQuantity": str(abs(signed))}
            contract = self.contract(local_symbol)
            perm_id = self._next_perm_id()
            order = Order(perm_id, 0, 0, contract, account, fields | {"orderType": "MKT"}, "Submitted")
            self.orders.append(order)
            self._execute(order, order.size, self.prices[contract.con_id])
            return order

    def open_hours(self, hours: Literal["regular", "outside", "closed"]) -> None:
        """Changes the hours: what was held for them is worked as far as it now may be."""
        with self.lock:
            self.hours = hours
            for order in list(self.orders):
                self._work(order)

    def begin_day(self) -> None:
        """Begins a new day: realized profit is cash now, executions are no longer handed out, and orders of
        the day that is over are too; those that are good till cancelled rest on.
        """
        with self.lock:
            self.executions.clear()
            for order in self.working():
                if order.fields.get("tif") != "GTC":
                    self._end(order, "Cancelled", "the day is over")
            self.orders = [order for order in self.orders if not order.is_done]
            for account in self.accounts.values():
                account.begin_day()

    # --- what anybody asks -------------------------------------------------------------------------------

    def contract(self, local_symbol: str) -> Listed:
        return next(each for each in self.contracts if each.local_symbol == local_symbol)

    def order(self, reference: str) -> Order:
        """Returns the newest order of this reference."""
        return next(each for each in reversed(self.orders) if each.reference == reference)

    def working(self) -> list[Order]:
        return [order for order in self.orders if not order.is_done]

    def size(self, local_symbol: str, account: str = PAPER_ACCOUNT) -> int:
        """Returns the account's position in a contract, below zero for short."""
        return self.accounts[account].holding(self.contract(local_symbol)).size

    def equity(self, account: str = PAPER_ACCOUNT) -> Decimal:
        """Returns what the account is worth."""
        return self.accounts[account].equity(self.prices)

    # --- what the gateway does ---------------------------------------------------------------------------

    def next_id(self, client_id: int) -> int:
        """Returns the next order id that a client may use."""
        return self.next_ids.get(client_id, 1)

    def place(
        self, client_id: int, order_id: int, contract: Listed, account: str, fields: Mapping[str, str]
    ) -> Order:
        """Takes in a new order, and works it."""
        order = Order(self._next_perm_id(), client_id, order_id, contract, account, fields)
        self.next_ids[client_id] = max(self.next_id(client_id), order_id + 1)
        self.orders.append(order)
        if any(each.executions for each in self._others_of_its_group(order)):
            self._end(order, "Inactive", "OCA group is already filled.")
        elif fields.get("transmit") != "0":
            self._work(order)
        return order

    def amend(self, order: Order, fields: Mapping[str, str]) -> None:
        """Gives an order that is working another size, price or kind."""
        order.fields = fields
        if order.remaining <= 0:
            self._end(order, "Filled" if order.filled else "Cancelled", "amended to nothing")
            return
        self.tell(Happened("order", order))
        self._work(order)

    def cancel(self, order: Order) -> None:
        self._end(order, "Cancelled", "")

    # --- inside ------------------------------------------------------------------------------------------

    def _next_perm_id(self) -> int:
        return 1_400_000_001 + (self.orders[-1].perm_id - 1_400_000_000 if self.orders else 0)

    def _work(self, order: Order) -> None:
        """Works the order as far as hours, price and `fills` allow, and tells what became of it."""
        if order.is_done:
            return
        last = self.prices[order.contract.con_id]
        held = self.hours == "closed" or (self.hours == "outside" and not order.outside_hours)
        waits = not self._is_marketable(order, last)
        was = order.status, order.why_held
        stop = order.kind.startswith("STP") and order.perm_id not in self._triggered
        order.why_held = "trigger" if stop and not held else ""
        order.status = "PreSubmitted" if held or stop else "Submitted"
        if (order.status, order.why_held) != was:
            self.tell(Happened("order", order))
        if not held and not waits and self.fills == "at once":
            self._execute(order, order.remaining, last)

    def _is_marketable(self, order: Order, last: Decimal) -> bool:
        trigger = order.price_of("auxPrice")
        if order.kind.startswith("STP") and order.perm_id not in self._triggered and trigger is not None:
            if last < trigger if order.buys else last > trigger:
                return False
            self._triggered.add(order.perm_id)
        limit = order.price_of("lmtPrice") if order.kind in ("LMT", "STP LMT") else None
        return limit is None or (last <= limit if order.buys else last >= limit)

    def _execute(self, order: Order, size: int, price: Decimal) -> Execution:
        if order.is_done or not 0 < size <= order.remaining:
            raise ValueError(f"{order}, {order.status}, cannot be filled with {size}")
        self._triggered.add(order.perm_id)
        charged = self.commission * size
        signed = size if order.buys else -size
        made = self.accounts[order.account].holding(order.contract).trade(signed, price, charged)
        paid = sum((each.price * each.size for each in order.executions), price * size)
        cumulative = order.filled + size
        execution = Execution(
            exec_id=f"0000e0d5.{order.perm_id:08x}.{len(order.executions) + 1:02}.01",
            order=order,
            size=size,
            price=price,
            at=self.now(),
            commission=charged,
            cumulative=cumulative,
            average=paid / cumulative,
            realized=None if made is None else cents(made),
        )
        order.executions.append(execution)
        self.executions.append(execution)
        order.status = "Submitted" if order.remaining else "Filled"
        if not order.remaining:
            order.ended_at = execution.at
        self.tell(Happened("executed", order, execution))
        self._let_others_of_its_group_go(order, size)
        return execution

    def _let_others_of_its_group_go(self, order: Order, size: int) -> None:
        """Cancels, or for the types 2 and 3 reduces, the other orders of a one-cancels-all group."""
        for other in [each for each in self._others_of_its_group(order) if not each.is_done]:
            left = other.size - size if other.fields.get("ocaType") in ("2", "3") else 0
            if left > other.filled:
                other.fields = {**other.fields, "totalQuantity": str(left)}
                self.tell(Happened("order", other))
            else:
                self._end(other, "Cancelled", "another of its group was filled")

    def _others_of_its_group(self, order: Order) -> list[Order]:
        group = order.fields.get("ocaGroup") if self.groups == "kept" else None
        others = [each for each in self.orders if group and each is not order]
        return [
            each for each in others if (each.fields.get("ocaGroup"), each.account) == (group, order.account)
        ]

    def _end(self, order: Order, status: Literal["Cancelled", "Inactive", "Filled"], because: str) -> None:
        if order.is_done:
            return
        order.status, order.ended_at, order.ended_because = status, self.now(), because
        self.tell(Happened("refused" if status == "Inactive" else "order", order))
