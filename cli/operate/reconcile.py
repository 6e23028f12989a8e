"""`portfold reconcile`: what became of orders of which the broker did not tell."""

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

_TARGET = Target()


def register(app: App) -> None:
    """Adds the command."""
    app.command(reconcile)


def reconcile(  # noqa: PLR0913 - each is an option of the command
    order: str | None = None,
    /,
    *,
    filled: bool = False,
    not_filled: bool = False,
    price: str | None = None,
    by: Annotated[str | None, Parameter(help="Who says so; it stands on the record.")] = None,
    reason: Annotated[str | None, Parameter(help="Why; it stands on the record.")] = None,
    book: Path | None = None,
    target: Target = _TARGET,
) -> None:
    """List the orders of which nobody knows, or say what became of one.

    A broker such as TradersPost may leave an order unanswered. It is not sent
    again, counts as open, and blocks entries on its symbol until somebody has
    looked at the broker and said here what is true. The log is told as well.

    Exit code 1 when there is no such order, or more has happened since.

    For example:

        portfold reconcile 5f1c --filled --price 71.25 --by jane --reason "seen at the broker"

    Parameters
    ----------
    order
        The order's name, as the log of the worker has it; without one, all are listed.
    filled
        It was filled.
    not_filled
        It was not, and will not be.
    price
        The price it was filled at; by default the one that was believed.
    book
        The broker's file, the same as the workers'.
    """
    from portfold.cli.folders import default_book
    from portfold.cli.operate.orders import put, tell_outcome
    from portfold.events.codec import RefusedField
    from portfold.events.fields import DECEIVING, readable
    from portfold.events.wire.errors import BusError
    from portfold.workers.brokers.traderspost.reconciliation import Reconciliation

    place = target.resolve()
    runtime = place.configuration.runtime
    file = book or default_book(place, runtime.broker.kind)
    if not file.exists():
        raise Failure(f"There is no book {file}, so there are no orders.")
    bus = place.bus()
    told: list[StreamId] = []

    def tell(settlement: "Settlement") -> None:
        try:
            told.append(put(bus, _as_event(settlement, by or "", reason or "")))
        except (BusError, RefusedField) as error:
            why = str(error).rstrip(".")
            raise Failure(f"The book has it; the log could not be told: {why}. Say it again.") from error

    books = Reconciliation(file, place.configuration.contracts, tell)
    try:
        if order is None:
            _list(books)
        elif DECEIVING.search(order):
            raise Failure(f"There is no order '{readable(order[:80])}' in the book.")
        elif filled == not_filled:
            raise Unusable("reconcile: expected --filled or --not-filled.")
        elif not by or not reason:
            raise Unusable("reconcile: expected --by and --reason: who says so, and why.")
        elif _settled(books, order, filled=filled, price=_price(price), by=by, reason=reason) is None:
            print(f"That is known already of order {order}; nothing is changed.")
        elif told:
            tell_outcome(bus, told[0], f"Order {order} is settled.")
        else:
            print(f"Order {order} is settled; what the log holds is right as it is.")
    finally:
        books.close()
        bus.close()


def _settled(
    books: "Reconciliation", order: str, *, filled: bool, price: Decimal | None, by: str, reason: str
) -> "Settlement | None":
    """Settles the order. Raises RefusedField, with the book as it was, for words that the log would not take.

    The names and the size, which the book will give, stand for any here.
    """
    from portfold.events.codec import encode_checked
    from portfold.events.incoming import PositionSettled

    said_at = Decimal(0) if price is None else price
    encode_checked(PositionSettled(by, reason, "ANY", "any", "long", 0, said_at, Decimal(0)))
    return books.filled(order, price) if filled else books.not_filled(order)


def _list(books: "Reconciliation") -> None:
    orders = books.unsettled()
    for order in orders:
        print(f"{order} {order.state}, believed at {order.price:f}: {order.said}")
    unpublished = books.unpublished()
    for order in unpublished:
        how = "not-filled" if order.state == "not_filled" else "filled"
        print(f"{order} is settled here, and the log was not told: say --{how} again.")
    if not orders and not unpublished:
        print("Of every order it is known what became of it.")


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
