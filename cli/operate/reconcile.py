"""`portfold reconcile`: log, books and account side by side; settles what a person has seen at the broker."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.exits import Failure, Unusable
from portfold.cli.ordering import print_outcome, put
from portfold.cli.target import Target
from portfold.events.roles.server_roles import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from portfold.cli.target import ResolvedTarget
    from portfold.events.incoming import PositionSettled
    from portfold.events.stream_id import StreamId
    from portfold.events.wire.bus import Bus
    from portfold.workers.brokers.settlement import Settlement, Settles


@Parameter(name="*", group="What became of it")
@dataclass(frozen=True)
class Became:
    """The options of what became of an order."""

    filled: bool = False
    """The order was filled."""

    not_filled: bool = False
    """The order was not filled, and will not be."""

    price: str | None = None
    """The price of the fill; by default the expected price that the list shows, if any."""


Flag = Annotated[bool, Parameter(negative="", show_default=False)]

_TARGET = Target()
_UNKNOWN = Became()
_IBKR = "ibkr"


def register(app: App) -> None:
    """Adds the command."""
    app.command(reconcile)


def reconcile(
    order: str | None = None,
    /,
    *,
    became: Became = _UNKNOWN,
    account_is_right: Flag = False,
    by: Annotated[str | None, Parameter(help="Who says so; it stands on the record.")] = None,
    reason: Annotated[str | None, Parameter(help="Why; it stands on the record.")] = None,
    book: Path | None = None,
    target: Target = _TARGET,
) -> None:
    """Compare log, books and account, and settle by choice what differs.

    Without an order, where an account is watched: a row a symbol, what the log
    says by worker, the broker's book by owner, the account, and its working
    orders; below, the command that would settle each difference. Nothing is
    settled by itself.

    A broker such as TradersPost may leave an order unanswered, and the lists
    of Interactive Brokers reach back for a day. The order is not sent again,
    counts as open, and blocks entries on its symbol until a person has looked
    at the broker and says here whether it was filled. That settles the book
    and the log.

    Exit code 1 when there is no such order, or its symbol was traded since.

    For example:

        portfold reconcile 5f1c --filled --price 71.25 --by jane --reason seen

    Parameters
    ----------
    order
        The order's name, as the worker's log has it; without one, all are listed.
    account_is_right
        Take the account's equity as right, and its word for flat. Says first what that changes; with --by
        and --reason it is done.
    book
        The broker's file, the same as the workers'.
    """
    from portfold.cli.folders import default_book
    from portfold.cli.operate.comparison import books_in, is_watched, print_comparison, settle_account
    from portfold.events.fields import DECEIVING, readable

    resolved = target.resolve(OPERATOR)
    if account_is_right:
        if order is not None:
            raise Unusable("--account-is-right: expected no order with it.")
        settle_account(resolved.bus(), by=by, reason=reason)
        return
    kind = resolved.configuration.runtime.broker.kind
    file = book or default_book(resolved, kind)
    bus = resolved.bus()
    there, watched = file.exists(), order is None and is_watched(bus)
    if not there and not watched:
        bus.close()
        raise Failure(f"There is no book {file}, so there are no orders.")
    recorded: list[StreamId] = []
    books = _orders_in(file, kind, resolved, _recorder(bus, recorded, by, reason)) if there else None
    try:
        if order is None:
            if watched:
                print_comparison(bus, books_in(file, kind, books), book)
            if books is not None:
                _list(books)
        elif DECEIVING.search(order):
            raise Failure(f"There is no order '{readable(order[:80])}' in the book.")
        elif books is None:
            raise Failure(f"There is no book {file}, so there are no orders.")
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
        if books is not None:
            books.close()
        bus.close()


def _recorder(
    bus: "Bus", recorded: "list[StreamId]", by: str | None, reason: str | None
) -> "Callable[[Settlement], None]":
    """Returns what puts a settlement on the log, and its event among `recorded`."""
    from portfold.events.codec import RefusedField
    from portfold.events.wire.errors import BusError

    def record(settlement: "Settlement") -> None:
        try:
            recorded.append(put(bus, _as_event(settlement, by or "", reason or "")))
        except (BusError, RefusedField) as error:
            why = str(error).rstrip(".")
            raise Failure(
                f"The book is settled, but the log is not: {why}. Give the same command again."
            ) from error

    return record


def _orders_in(
    file: Path, kind: str, resolved: "ResolvedTarget", record: "Callable[[Settlement], None]"
) -> "Settles":
    """Opens the orders that a person can settle."""
    from portfold.workers.brokers.ibkr.settling.reconciliation import LiveReconciliation
    from portfold.workers.brokers.traderspost.reconciliation import Reconciliation

    settles = LiveReconciliation if kind == _IBKR else Reconciliation
    return settles(file, resolved.configuration.contracts, record)


def _settled(books: "Settles", order: str, became: Became, by: str, reason: str) -> "Settlement | None":
    """Settles the order. Raises RefusedField, with the book unchanged, where the log would refuse it.

    Symbol, worker and size come from the book later, so any valid ones are checked here.
    """
    from portfold.events.codec import encode_checked
    from portfold.events.incoming import PositionSettled

    price = _price(became.price)
    given_price = Decimal(0) if price is None else price
    encode_checked(PositionSettled(by, reason, "ANY", "any", "long", 0, given_price, Decimal(0)))
    return books.filled(order, price) if became.filled else books.not_filled(order)


def _list(books: "Settles") -> None:
    for line in books.in_words() or ["There are no orders with unknown outcome."]:
        print(line)


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
