"""What the client `ib_async` calls with each message it has read, turned into messages of ours.

Only the client's connection and its reading of the wire are used, not the order book that its class `IB`
keeps: that takes every error of an order for its end, forgets repeated executions, and marks an order that
was merely warned about. Guarantees: prices are the very decimals that were sent, 1.797e308 is no amount, and
an error proves the end of an order only where its code says so.
"""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from decimal import Decimal
from typing import Any

from portfold.log import Log
from portfold.workers.brokers.ibkr.heard import AccountValue, HeldContract, OrderNews, WorkingOrder
from portfold.workers.brokers.ibkr.order_life import (
    Commission,
    Execution,
    Reported,
    Status,
)

_STATUSES: dict[str, Reported] = {
    "PendingSubmit": "accepted",
    "ApiPending": "accepted",
    "PreSubmitted": "working",
    "Submitted": "working",
    "PendingCancel": "working",  # asked for, and may still be filled
    "Filled": "filled",
    "Cancelled": "cancelled",
    "ApiCancelled": "cancelled",
    "Inactive": "accepted",  # refused or merely held: an error or the list of what is over tells which
}
_OVER = ("Filled", "Cancelled", "ApiCancelled")
_REFUSED = 201
# What an order was not taken for; each could as well be about a change of one that was.
_NOT_TAKEN = frozenset(
    (
        *(103, 106, 107, 109, 110, 111, 116, 200, 203, 321, 355, 382, 383),
        *(387, 388, 403, 412, 434, 435, 436, 460, 463),
    )
)
_MOST = 1e300
_SHOWN = 200
_CLIENT_LOGGERS = ("ib_async", "eventkit")
_KEPT = 10_000  # names of orders and executions


class Listener:
    """The client's wrapper. `news` is called for each message about an order with a reference, `row` and
    `end` for what a request is answered with, `error` for errors that are no order's.
    """

    defaultTimezone = UTC  # noqa: N815 - the client reads it by this name

    def __init__(
        self,
        news: Callable[[OrderNews], None],
        row: Callable[[int | str, Any], None],
        end: Callable[[int | str], None],
        error: Callable[[int, int, str], None],
    ) -> None:
        self._news = news
        self._row = row
        self._end = end
        self._error = error
        self._references: dict[tuple[int, int], str] = {}
        self._references_of_executions: dict[str, str] = {}
        self.client_id = -1

    def name_order(self, order_id: int, reference: str) -> None:
        """Remembers what the order is called that this client sends under a number."""
        _remember(self._references, (self.client_id, order_id), reference)

    def number_of(self, reference: str) -> int | None:
        """Returns the number under which this client has sent the order, in this life or an earlier one."""
        mine = [
            number
            for (client, number), name in self._references.items()
            if name == reference and client == self.client_id
        ]
        return mine[-1] if mine else None

    # --- orders ------------------------------------------------------------------------------------------

    def openOrder(self, order_id: int, contract: Any, order: Any, state: Any) -> None:  # noqa: N802
        is_over = state.status in _OVER
        self._row("open orders", _working(contract, order)._replace(is_over=is_over))
        if not order.orderRef:
            return
        _remember(self._references, (order.clientId, order_id), order.orderRef)
        if is_over:
            return  # the status that follows says how much was filled
        self._tell_status(order.orderRef, state.status, 0)

    def orderStatus(  # noqa: N802
        self,
        order_id: int,
        status: str,
        filled: float,
        _remaining: float,
        _average: float,
        _perm_id: int,
        _parent_id: int,
        _last_price: float,
        client_id: int,
        *_more: Any,
    ) -> None:
        reference = self._references.get((client_id, order_id))
        if reference is not None:
            self._tell_status(reference, status, _whole(filled))

    def completedOrder(self, _contract: Any, order: Any, state: Any) -> None:  # noqa: N802
        if not order.orderRef:
            return
        self._row("completed orders", order.orderRef)
        filled = order.filledQuantity
        reported = "rejected" if state.status == "Inactive" else _STATUSES.get(state.status)
        if reported in ("filled", "cancelled", "rejected"):
            message = Status(reported, 0 if filled > _MOST else _whole(filled), state.completedStatus)
            self._news(OrderNews(order.orderRef, message))

    def execDetails(self, request: int, _contract: Any, execution: Any) -> None:  # noqa: N802
        reference = execution.orderRef
        if not reference:
            return
        _remember(self._references_of_executions, execution.execId, reference)
        self._row(request, reference)
        if not math.isfinite(execution.price) or execution.shares < 1:
            self._error(-1, 0, f"an execution that is none: {execution.shares} at {execution.price}")
            return
        at_ms = round(execution.time.timestamp() * 1000)
        message = Execution(execution.execId, _whole(execution.shares), exact(execution.price), at_ms)
        self._news(OrderNews(reference, message))

    def commissionReport(self, report: Any) -> None:  # noqa: N802
        reference = self._references_of_executions.get(report.execId)
        if reference is None:
            return
        known = math.isfinite(report.commission) and abs(report.commission) < _MOST
        dollars = exact(report.commission) if known else None
        self._news(OrderNews(reference, Commission(report.execId, dollars)))

    def error(self, request: int, code: int, text: str, _advanced: str) -> None:
        reference = self._references.get((self.client_id, request)) if request >= 0 else None
        if reference is None:
            self._error(request, code, text)
        elif code == _REFUSED:
            self._news(OrderNews(reference, Status("rejected", 0, f"{code}: {text}")))
        elif code in _NOT_TAKEN:
            self._news(OrderNews(reference, Status("rejected", 0, f"{code}: {text}", certain=False)))
        else:
            self._error(-1, code, f"{text} (order {reference})")

    # --- answers -----------------------------------------------------------------------------------------

    def openOrderEnd(self) -> None:  # noqa: N802
        self._end("open orders")

    def completedOrdersEnd(self) -> None:  # noqa: N802
        self._end("completed orders")

    def execDetailsEnd(self, request: int) -> None:  # noqa: N802
        self._end(request)

    def contractDetails(self, request: int, details: Any) -> None:  # noqa: N802
        self._row(request, details)

    def contractDetailsEnd(self, request: int) -> None:  # noqa: N802
        self._end(request)

    def position(self, account: str, contract: Any, size: float, average_cost: float) -> None:
        cost = exact(average_cost) if math.isfinite(average_cost) else Decimal(0)
        size = _whole(size)
        kind, symbol, multiplier = contract.secType, contract.symbol, contract.multiplier
        held = HeldContract(account, kind, symbol, multiplier, size, cost, contract.conId)
        self._row("positions", held)

    def positionEnd(self) -> None:  # noqa: N802
        self._end("positions")

    def accountUpdateMulti(  # noqa: N802
        self, request: int, account: str, _model: str, name: str, value: str, currency: str
    ) -> None:
        self._row(request, AccountValue(account, name, value, currency))

    def accountUpdateMultiEnd(self, request: int) -> None:  # noqa: N802
        self._end(request)

    def currentTime(self, _seconds: int) -> None:  # noqa: N802
        self._end("time")

    # --- the connection: what becomes of it the client itself tells --------------------------------------

    def connectAck(self) -> None:  # noqa: N802
        pass

    def setEventsDone(self) -> None:  # noqa: N802
        pass

    def connectionClosed(self) -> None:  # noqa: N802
        pass

    def _tell_status(self, reference: str, status: str, filled: int) -> None:
        reported = _STATUSES.get(status)
        if reported is not None:
            self._news(OrderNews(reference, Status(reported, filled, status)))


@contextmanager
def client_told_to(log: Log) -> Iterator[None]:
    """Has what the client logs as an error told to `log` meanwhile."""
    handler = _ClientLog(log)
    for name in _CLIENT_LOGGERS:
        logging.getLogger(name).addHandler(handler)
    try:
        yield
    finally:
        for name in _CLIENT_LOGGERS:
            logging.getLogger(name).removeHandler(handler)


class _ClientLog(logging.Handler):
    """Passes on what the client itself logs as an error: a message that it, or we, could not read."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.ERROR)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        why = repr(record.exc_info[1]) if record.exc_info else ""
        self._log.error("The client of Interactive Brokers said", said=record.getMessage()[:_SHOWN], why=why)


def exact(number: float) -> Decimal:
    """Returns the decimal that was sent: the shortest that the client's float stands for."""
    return Decimal(repr(number).removesuffix(".0"))


def _working(contract: Any, order: Any) -> WorkingOrder:
    return WorkingOrder(
        order.account,
        contract.secType,
        contract.symbol,
        order.orderRef,
        order.clientId,
        order.action,
        _whole(order.totalQuantity),
        order.orderType,
    )


def _whole(number: float) -> int:
    return int(number) if math.isfinite(number) else 0


def _remember(names: dict[Any, str], key: Any, reference: str) -> None:
    names[key] = reference
    if len(names) > _KEPT:
        del names[next(iter(names))]
