"""`portfold reconcile` without an order: log, books and account side by side, and what would settle them."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from portfold.cli.exits import Failure, Unusable
from portfold.cli.ordering import print_outcome, put
from portfold.cli.rows import in_columns
from portfold.cli.typed import typed

if TYPE_CHECKING:
    from portfold.coordinator.views.compared import Books
    from portfold.coordinator.views.portfolio_view import PortfolioView
    from portfold.events.wire.bus import Bus
    from portfold.workers.brokers.settlement import Settles

_TITLES = ("", "log", "book", "account", "working", "")
_LEFT = frozenset({0, 1, 2, 3, 5})
_PATIENCE_SECONDS = 5.0


def view_now(bus: "Bus") -> "PortfolioView":
    """Returns the portfolio as its coordinator left it; an empty one where none ever led."""
    from portfold.coordinator.views.portfolio_view import PortfolioView
    from portfold.coordinator.views.view_field import view_in

    return view_in(bus.status()) or PortfolioView()


def is_watched(bus: "Bus") -> bool:
    """Returns whether an account is compared with the log; no, where nobody can say."""
    from portfold.events.wire.errors import BusError

    try:
        return view_now(bus).account is not None
    except BusError:
        return False


def books_in(file: Path, kind: str, orders: "Settles | None") -> "Books | None":
    """Reads the broker's book; None where there is no file. Raises BookFailed."""
    from portfold.coordinator.views.compared import Believed, Books
    from portfold.events.legs import Leg
    from portfold.workers.brokers.book_correction import can_be_corrected, reports_fills
    from portfold.workers.brokers.legs_book import PaperBook
    from portfold.workers.brokers.traderspost.reconciliation import Reconciliation

    if not file.exists():
        return None
    book = PaperBook(file, _PATIENCE_SECONDS)
    try:
        held = book.read_legs(None)
    finally:
        book.close()
    believed = orders.believed_entries() if isinstance(orders, Reconciliation) else []
    return Books(
        [Leg(one.symbol, one.side, one.size, one.owner) for one in held],
        [Believed(one.id, one.owner, one.symbol, one.size) for one in believed],
        corrected=can_be_corrected(kind),
        executed=reports_fills(kind),
    )


def print_comparison(bus: "Bus", books: "Books | None", named: Path | None) -> None:
    """Prints a row a symbol, and below it what would settle each difference that stands.

    `named`: the book that was named on the command line, which then stands in what is to be typed.
    """
    from portfold.coordinator.views.compared import compared, remedies

    view = view_now(bus)
    account, now_ms = view.account, bus.now_ms()
    rows = compared(view, books, now_ms)
    print(_account_line(view, now_ms))
    if rows:
        for line in in_columns([_TITLES, *rows], _LEFT):
            print(line)
    elif account is None or account.as_of_ms:
        print("Nothing is open.")
    for remedy in remedies(view, books):
        print(f"\n{remedy.subject}, {remedy.note}{':' if remedy.commands else '.'}")
        for command in remedy.commands:
            changes_book = " --in-book" in command or " --not-filled" in command
            file = f" --book {shlex.quote(str(named))}" if named is not None and changes_book else ""
            print(f"    {typed(command)}{file}")
    print()


def _account_line(view: "PortfolioView", now_ms: int) -> str:
    from portfold.exchange_time import span

    account = view.account
    if account is None:
        return "No account is watched: log and book alone are compared."
    if not account.as_of_ms:
        return f"Account {account.account} was not reported yet. Start: {typed('portfold account')}"
    age = span(max(0, now_ms - account.as_of_ms))
    silent = f", SILENT: is one running? {typed('portfold account')}" if account.silent else ""
    return f"Account {account.account}, as {account.source} had it {age} ago{silent}"


def settle_account(bus: "Bus", *, by: str | None, reason: str | None) -> None:
    """Prints what it changes to take the account as right; gives the order where somebody says who and why.

    Raises Failure where no account is watched, or the order is refused.
    """
    from portfold.coordinator.views.compared import effect_of_settling
    from portfold.events.account import AccountSettled
    from portfold.remedies import ACCOUNT_IS_RIGHT

    account = (view := view_now(bus)).account
    if account is None:
        raise Failure("No account is watched, so there is none to take as right.")
    for line in effect_of_settling(view):
        print(line)
    if not by and not reason:
        print(f"Nothing is changed yet. To do it: {typed(ACCOUNT_IS_RIGHT)}")
    elif not by or not reason:
        raise Unusable("reconcile: expected --by and --reason: who says so, and why.")
    else:
        event = put(bus, AccountSettled(by=by, reason=reason, account=account.account))
        print_outcome(bus, event, f"Account {account.account} is taken as right.")
