"""A client's orders at the gateway: placed, amended, cancelled, listed, and what it hears of them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from tests.fakes.tws import replies
from tests.fakes.tws.exchange import Exchange, Happened
from tests.fakes.tws.listed import Listed, matching
from tests.fakes.tws.misbehaviour import Misbehaviour
from tests.fakes.tws.orders import Execution, Order
from tests.fakes.tws.requests import NotPlain, placed
from tests.fakes.tws.wire import Field

_KINDS = ("MKT", "LMT", "STP", "STP LMT")
_INVALID = "Error validating request.-'bO' : cause -"
_OFF_GRID = "The price does not conform to the minimum price variation for this contract."
_HELD = (
    "Order Message:\n{order}\nWarning: Your order will not be placed at the exchange until 2025-12-01 "
    "17:00:00 US/Central. If you desire to exchange during extended hours, edit the order and set the "
    "Outside Regular Trading Hours (outsideRTH) flag."
)
_IGNORED_HOURS = (
    "Order Event Warning:Attribute 'Outside Regular Trading Hours' is ignored based on the order type and "
    "destination. PlaceOrder is now being processed."
)


class Line(Protocol):
    """What a desk needs of a session."""

    version: int
    client_id: int | None

    def send(self, fields: list[Field], /) -> None: ...
    def error(self, request: int, code: int, text: str) -> None: ...
    def close(self) -> None: ...


class OrderDesk:
    """Answers requests about orders and executions."""

    def __init__(self, exchange: Exchange, misbehaviour: Misbehaviour, line: Line) -> None:
        self._exchange = exchange
        self._misbehaviour = misbehaviour
        self._line = line
        self._commissions_held: list[Execution] = []
        self._late: list[list[Field]] = []

    def answer(self, kind: int, fields: Sequence[str]) -> bool:
        """Answers the request if it is one of these; false if not."""
        match kind:
            case 3:
                self._place(fields)
            case 4:
                self._cancel(int(fields[2]))
            case 58:
                for order in self._exchange.working() if self._misbehaviour.cancels == "taken" else ():
                    self._exchange.cancel(order)
            case 8:
                self._line.send([9, 1, self._exchange.next_id(self._line.client_id or 0)])
            case 15:
                pass
            case 5 | 16 | 7 | 99:
                self._list(kind, fields)
            case _:
                return False
        return True

    def hear(self, happened: Happened) -> None:
        """Tells the client what happened to an order of its own; of refusals their reason."""
        order = happened.order
        if order is None or order.client_id != self._line.client_id or order.order_id <= 0:
            return
        if self._misbehaviour.orders in ("unanswered", "breaks after"):
            return
        if happened.execution is not None:
            self._tell_twice(replies.execution(self._line.version, -1, happened.execution))
        if happened.what == "refused":
            self._line.error(order.order_id, 201, f"Order rejected - reason:{order.ended_because}")
        elif order.status == "Cancelled":
            self._line.error(order.order_id, 202, f"Order Canceled - reason:{order.ended_because}")
        self._tell_order(order)
        if happened.execution is not None:
            self._tell_commission(happened.execution)

    def tell_commissions(self) -> None:
        """Sends the commissions that were held."""
        for execution in self._commissions_held:
            self._line.send(replies.commission(execution))
        self._commissions_held.clear()

    def repeat_executions(self) -> None:
        """Sends the day's executions of this client again, unasked."""
        for execution in self._exchange.executions:
            if execution.order.client_id == self._line.client_id:
                self._line.send(replies.execution(self._line.version, -1, execution))
                self._tell_commission(execution)

    # --- placing -----------------------------------------------------------------------------------------

    def _place(self, fields: Sequence[str]) -> None:
        how = self._misbehaviour.orders
        if how == "swallowed":
            return
        if how == "breaks before":
            self._line.close()
            return
        order_id = int(fields[1])
        try:
            order_id, wanted, order = placed(fields, self._line.version)
        except NotPlain as what:
            self._line.error(order_id, 321, f"{_INVALID} the fake reads no {what}")
            return
        found = matching(self._exchange.contracts, wanted)
        refusal = self._refusal(order_id, found, order)
        if how == "refused":
            refusal = (201, self._misbehaviour.refusal)
        before = self._own(order_id)
        if refusal is not None:
            self._line.error(order_id, *refusal)
        elif before is not None:
            self._exchange.amend(before, order)
        else:
            self._place_new(order_id, found[0], order)
        if how == "breaks after":
            self._line.close()

    def _place_new(self, order_id: int, listed: Listed, fields: Mapping[str, str]) -> None:
        account = fields["account"] or next(iter(self._exchange.accounts))
        client_id = self._line.client_id or 0
        if fields["whatIf"] == "1":
            self._line.error(order_id, 321, f"{_INVALID} the fake tells no margin")
            return
        if fields["outsideRth"] == "1" and self._misbehaviour.warns_of_hours:
            self._line.error(order_id, 2109, _IGNORED_HOURS)
        order = self._exchange.place(client_id, order_id, listed, account, fields)
        if order.status == "PreSubmitted" and not order.why_held and self._misbehaviour.orders == "taken":
            self._line.error(order_id, 399, _HELD.format(order=order))

    def _refusal(
        self, order_id: int, found: list[Listed], order: Mapping[str, str]
    ) -> tuple[int, str] | None:
        """Returns why the order cannot be: code and text; None where it can."""
        before = self._own(order_id)
        if not found:
            return 200, "No security definition has been found for the request"
        if len(found) > 1:
            return 200, "The contract description specified for ES is ambiguous."
        if before is not None and before.is_done:
            return 104, "Cannot modify a filled order." if before.filled else "Duplicate order id"
        if before is None and order_id < self._exchange.next_id(self._line.client_id or 0):
            return 103, "Duplicate order id"
        if order["orderType"] not in _KINDS or order["action"] not in ("BUY", "SELL"):
            return 387, "Unsupported order type for this exchange and security type."
        if not order["account"] and len(self._exchange.accounts) > 1:
            return 435, "You must specify an account."
        if order["account"] and order["account"] not in self._exchange.accounts:
            return 321, f"{_INVALID} Invalid account code"
        for name in ("lmtPrice", "auxPrice"):
            if order[name] and not found[0].on_grid(Decimal(order[name])):
                return 110, _OFF_GRID
        return None

    def _cancel(self, order_id: int) -> None:
        if self._misbehaviour.cancels == "swallowed":
            return
        order, text = self._own(order_id), f"OrderId {order_id} that needs to be cancelled"
        if order is not None and not order.is_done and self._misbehaviour.cancels == "too late":
            self._exchange.fill(order.reference)
        if order is None:
            self._line.error(order_id, 10147, f"{text} is not found.")
        elif order.is_done:
            text = (
                f"OrderId {order_id} that needs to be cancelled cannot be cancelled, state: {order.status}."
            )
            self._line.error(order_id, 10148, text)
        else:
            self._exchange.cancel(order)

    def _own(self, order_id: int) -> Order | None:
        mine = [each for each in self._exchange.orders if each.client_id == self._line.client_id]
        return next((each for each in mine if each.order_id == order_id), None)

    # --- lists -------------------------------------------------------------------------------------------

    def _list(self, kind: int, fields: Sequence[str]) -> None:
        """Answers it, or what of its kind was asked before, where such lists are late."""
        how = self._misbehaviour.lists
        if how == "swallowed":
            return
        if kind == 7:
            self._list_executions(int(fields[2]), fields[3:])
            return
        answer = self._orders_in(kind)
        if kind != 99 and how == "late":
            answer, self._late = self._late, answer
        for message in answer:
            self._line.send(message)

    def _orders_in(self, kind: int) -> list[list[Field]]:
        """Returns the list of what is done, or at work, with its end."""
        version, answer = self._line.version, list[list[Field]]()
        if kind == 99:
            done = [
                order
                for order in self._exchange.orders
                if order.is_done and self._misbehaviour.lists != "refused"
            ]
            return [*(replies.completed_order(version, order) for order in done), [102]]
        for order in self._exchange.working():
            if kind == 16 or order.client_id == self._line.client_id:
                answer += [replies.open_order(version, order), replies.order_status(order)]
        return [*answer, [53, 1]]

    def _list_executions(self, request: int, wanted: Sequence[str]) -> None:
        if self._misbehaviour.lists == "refused":
            self._line.error(request, 322, "Error processing request.-'bO' : cause -")
            return
        client_id, account = int(wanted[0] or 0), wanted[1]
        for execution in self._exchange.executions:
            order = execution.order
            if client_id in (0, order.client_id) and account in ("", order.account):
                self._line.send(replies.execution(self._line.version, request, execution))
                self._tell_commission(execution)
        self._line.send([55, 1, request])

    # --- telling -----------------------------------------------------------------------------------------

    def _tell_order(self, order: Order) -> None:
        for message in (replies.open_order(self._line.version, order), replies.order_status(order)):
            self._tell_twice(message)

    def _tell_twice(self, message: list[Field]) -> None:
        """Sends a message, once more where the gateway repeats itself."""
        for _ in range(1 + self._misbehaviour.repeats):
            self._line.send(message)

    def _tell_commission(self, execution: Execution) -> None:
        how = self._misbehaviour.commissions
        if how == "held":
            self._commissions_held.append(execution)
        if how in ("unset", "unset first"):
            self._line.send(replies.commission(execution, unset=True))
        if how in ("at once", "unset first"):
            self._tell_twice(replies.commission(execution))
