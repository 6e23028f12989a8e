"""`portfold reconcile`: settles orders with unknown outcome, after a person has looked at the broker."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.exits import Failure, Unusable
from portfold.cli.target import Target

if TYPE_CHECKING:
    from portfold.events.incoming import PositionSettled
    from portfold.events.stream_id import StreamId
    from portfold.workers.brokers.traderspost.reconciliation import Reconciliation, Settlement


@Parameter(name="*", group="What became of it")
@dataclass(frozen=True)
class Became:
    """The options of what became of an order."""

    filled: bool = False
    """The order was filled."""

    not_filled: bool = False
    """The order was not filled, and will not be."""

    price: str | None = None
    """The price of the fill; by default the expected price that the list shows."""


_TARGET = Target()
_UNKNOWN = Became()


def register(app: App) -> None:
    """Adds the command."""
    app.command(reconcile)


def reconcile(
    order: str | None = None,
    /,
    *,
    became: Became = _UNKNOWN,
    by: Annotated[str | None, Parameter(help="Who says so; it stands on the record.")] = None,
    reason: Annotated[str | None, Parameter(help="Why; it stands on the record.")] = None,
    book: Path | None = None,
    target: Target = _TARGET,
) -> None:
    """List the orders with unknown outcome, or say what became of one.

    A broker such as TradersPost may leave an order unanswered. The order is
    not sent again, counts as open, and blocks entries on its symbol until a
    person has looked at the broker and says here whether it was filled. That
    settles the book and the log.

    Exit code 1 when there is no such order, or its symbol was traded since.

    For example:

        portfold reconcile 5f1c --filled --price 71.25 --by jane --reason seen

    Parameters
    ----------
    order
        The order's name, as the worker's log has it; without one, all are listed.
    book
        The broker's file, the same as the workers'.
    """
    from portfold.cli.folders import default_book
    from portfold.cli.operate.orders import print_outcome, put
    from portfold.events.codec import RefusedField
    from portfold.events.fields import DECEIVING, readable
    from portfold.events.wire.errors import BusError
    from portfold.workers.brokers.traderspost.reconciliation import Reconciliation

    resolved = target.resolve()
    runtime = resolved.configuration.runtime
    file = book or default_book(resolved, runtime.broker.kind)
    if not file.exists():
        raise Failure(f"There is no book {file}, so there are no orders.")
    bus = resolved.bus()
    recorded: list[StreamId] = []

    def record(settlement: "Settlement") -> None:
        try:
            recorded.append(put(bus, _as_event(settlement, by or "", reason or "")))
        except (BusError, RefusedField) as error:
            why = str(error).rstrip(".")
            raise Failure(
                f"The book is settled, but the log is not: {why}. Give the same command again."
            ) from error

    books = Reconciliation(file, resolved.configuration.contracts, record)
    try:
        if order is None:
            _list(books)
        elif DECEIVING.search(order):
            raise Failure(f"There is no order '{readable(order[:80])}' in the book.")
        elif became.filled == became.not_filled:
            raise Unusable("reconcile: expected --filled or --not-filled.")
        elif not by or not reason:
            raise Unusable("reconcile: expected --by and --reason: who says so, and why.")
        elif _settled(books, order, became, by, reason) is None:
            print(f"Order {order} is already recorded so; nothing is changed.")
        elif recorded:
            print_outcome(bus, recorded[0], f"Order {order} is settled.")
        else:
            print(f"Order {order} is settled; the log needs no change.")
    finally:
        books.close()
        bus.close()


def _settled(
    books: "Reconciliation", order: str, became: Became, by: str, reason: str
) -> "Settlement | None":
    """Settles the order. Raises RefusedField, with the book unchanged, where the log would refuse it.

    Symbol, worker and size come from the book later, so any valid ones are checked here.
    """
    from portfold.events.codec import encode_checked
    from portfold.events.incoming import PositionSettled

    price = _price(became.price)
    given_price = Decimal(0) if price is None else price
    encode_checked(PositionSettled(by, reason, "ANY", "any", "long", 0, given_price, Decimal(0)))
    return books.filled(order, price) if became.filled else books.not_filled(order)


def _list(books: "Reconciliation") -> None:
    orders = books.unsettled()
    for order in orders:
        print(f"{order} {order.state}, expected price {order.price:f}: {order.said}")
    unpublished = books.unpublished()
    for order in unpublished:
        how = "not-filled" if order.state == "not_filled" else "filled"
        print(f"{order} is settled in the book but not on the log: give --{how} again.")
    if not orders and not unpublished:
        print("There are no orders with unknown outcome.")


def _as_event(settled: "Settlement", by: str, reason: str) -> "PositionSettled":
    from portfold.events.incoming import PositionSettled

    return PositionSettled(
        by=by,
        reason=reason,
        symbol=settled.order.symbol,
        worker=settled.order.owner,
        side=settled.order.side,
        size=settled.size,
        price=settled.price,
        pnl=settled.pnl,
    )


def _price(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        price = Decimal(text)
    except InvalidOperation as error:
        raise Unusable(f"--price: expected a number, got {text[:80]!r}.") from error
    if not price.is_finite():
        raise Unusable(f"--price: expected a number, got {text!r}.")
    return price
