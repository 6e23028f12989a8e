"""Log, books and account side by side, and the command that would settle what differs. Pure.

Nobody but a person knows which of the three is right: each command says what the account says, and is
printed, never given.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from portfold.coordinator.views.account_view import BEHIND, ShownAccount, ShownDifference, difference_in_words
from portfold.coordinator.views.portfolio_view import PortfolioView, ShownPosition
from portfold.dollars import ZERO, shown
from portfold.events.account import EQUITY
from portfold.events.fields import Side
from portfold.events.legs import Leg
from portfold.exchange_time import span
from portfold.remedies import ACCOUNT_IS_RIGHT, not_filled, settle

FLAT = "flat"
UNKNOWN = "not known"


class Believed(NamedTuple):
    """An entry in a broker's book that was believed filled: the order's name, whose it is, how much."""

    order: str
    worker: str
    symbol: str
    size: int


class Books(NamedTuple):
    """What the broker's book holds, by owner, and the entries in it whose fills were only believed.

    `corrected`: a settlement can correct it; `executed`: its prices are those of executions, and right.
    """

    legs: Sequence[Leg]
    believed: Sequence[Believed] = ()
    corrected: bool = False
    executed: bool = False


class ComparedRow(NamedTuple):
    """What each says of `subject`, a symbol or the equity, in words."""

    subject: str
    log: str
    book: str
    account: str
    working: str
    remark: str


def compared(view: PortfolioView, books: Books | None, now_ms: int) -> list[ComparedRow]:
    """Returns a row for each symbol that any of them has, and one for the equity. `books` is None where
    there is none.
    """
    account = view.account
    there = account if account is not None and account.as_of_ms else None
    held = {one.symbol for one in view.positions} | {leg.symbol for leg in (books.legs if books else ())}
    if there is not None:
        held |= there.positions.keys() | there.working.keys()
    rows = [_row(symbol, view, books, there, now_ms) for symbol in sorted(held)]
    if there is None:
        return rows
    remark = _difference(there, EQUITY, now_ms)
    apart = f"{shown(there.equity - there.expected)} apart" if there.equity != there.expected else ""
    behind = f"not compared yet {BEHIND}" if there.is_behind else ""
    remark = "; ".join(filter(None, (apart, behind, remark)))
    return [*rows, ComparedRow(EQUITY, shown(there.expected), "", shown(there.equity), "", remark)]


def _row(
    symbol: str, view: PortfolioView, books: Books | None, account: ShownAccount | None, now_ms: int
) -> ComparedRow:
    log = {(one.worker, one.side): one.size for one in view.positions if one.symbol == symbol}
    booked = [leg for leg in books.legs if leg.symbol == symbol] if books is not None else []
    book = {(leg.worker, leg.side): leg.size for leg in booked}
    there = UNKNOWN if account is None else _contracts(account.positions.get(symbol, 0))
    remarks = [_difference(account, symbol, now_ms)] if account is not None else []
    if books is not None and book != log:
        remarks.append("the book is not as the log")
    return ComparedRow(
        subject=symbol,
        log=_owned(log),
        book=_owned(book) if books is not None else UNKNOWN,
        account=there,
        working=str(account.working.get(symbol, "")) if account is not None else "",
        remark="; ".join(filter(None, remarks)),
    )


def _owned(legs: Mapping[tuple[str, Side], int]) -> str:
    return ", ".join(f"{side} {size} {worker}" for (worker, side), size in legs.items()) or FLAT


def _contracts(signed: int) -> str:
    return f"{'long' if signed > 0 else 'short'} {abs(signed)}" if signed else FLAT


def _difference(account: ShownAccount, subject: str, now_ms: int) -> str:
    found = next((one for one in account.differences if one.subject == subject), None)
    if found is None:
        return ""
    since = span(max(0, now_ms - found.since_ms))
    return f"DIFFERS for {since}" if found.stands else f"differs for {since}, within the grace"


# --- what would settle it ---------------------------------------------------------------------------------


class Remedy(NamedTuple):
    """The commands of which each would settle `subject`, as far as is known; and a sentence on them."""

    subject: str
    note: str
    commands: tuple[str, ...]


def remedies(view: PortfolioView, books: Books | None) -> list[Remedy]:
    """Returns what would settle each difference that stands, symbols first."""
    account = view.account
    if account is None:
        return []
    symbols = [one for one in account.differing if one.subject != EQUITY]
    found = [_of_symbol(one, view, account, books, alone=len(symbols) == 1) for one in symbols]
    equity = [one for one in account.differing if one.subject == EQUITY]
    if equity and symbols:
        note = "may differ because the positions do: settle these first, and look again"
        found.append(Remedy(EQUITY, note, ()))
    elif equity:
        found.append(Remedy(EQUITY, "if what the account says is right", (ACCOUNT_IS_RIGHT,)))
    return found


def _of_symbol(
    found: ShownDifference, view: PortfolioView, account: ShownAccount, books: Books | None, *, alone: bool
) -> Remedy:
    symbol = found.subject
    legs = [one for one in view.positions if one.symbol == symbol]
    there, here = account.positions.get(symbol, 0), sum(map(_signed, legs))
    if there == here:
        return _of_price(found, legs, account, books)
    if not legs:
        worker = _trader_of(symbol, view)
        whose = "nobody on the log holds it" if worker == "WORKER" else f"{worker} trades it"
        price = f"{account.prices[symbol]:f}" if symbol in account.prices else "PRICE"
        more = _opened(there, f"--price {price}")
        command = settle(symbol, worker, str(abs(there)), _in_book(more, worker, symbol, abs(there), books))
        return Remedy(symbol, f"if it is to be kept ({whose})", (command,))
    pnl = _unseen_pnl(view, account) if alone and len(legs) == 1 else None
    commands = [_settled_alone(leg, there - here, account, books, pnl) for leg in legs]
    note = "if what the account says is right"
    if len(legs) > 1:
        note += ", one of these: only you can know whose it is"
    return Remedy(symbol, note, tuple(line for lines in commands for line in lines))


def _of_price(
    found: ShownDifference, legs: Sequence[ShownPosition], account: ShownAccount, books: Books | None
) -> Remedy:
    """Returns the remedy where the contracts agree: they were entered at another price, or do by now."""
    symbol, there = found.subject, account.prices.get(found.subject)
    if " @ " not in found.reported or there is None or len(legs) != 1:
        return Remedy(symbol, "agrees by now, or only you can know whose price is another", ())
    (leg,) = legs
    more = _opened(_signed(leg), f"--price {there:f}")
    more += " --in-book" if books is not None and books.corrected and not books.executed else ""
    command = settle(symbol, leg.worker, str(leg.size), more)
    return Remedy(symbol, "if what the account says was paid is right", (command,))


def _settled_alone(
    leg: ShownPosition, change: int, account: ShownAccount, books: Books | None, pnl: Decimal | None
) -> list[str]:
    """Returns the commands that make log and account agree by this leg alone."""
    after = _signed(leg) + change
    turned = (after > 0) != (_signed(leg) > 0) and after != 0
    size = 0 if turned else abs(after)
    never = _never_filled(leg, leg.size - size, books)
    if never and not turned:
        return [not_filled(never)]
    price = f"{leg.price if size <= leg.size else account.prices.get(leg.symbol, leg.price):f}"
    more = _opened(_signed(leg), f"--price {price}") if size else ""
    if not size and not turned and pnl:
        more = f"--pnl {pnl:f}"
    if not size and leg.side == "short":
        more = f"--side short {more}".rstrip()
    more = _in_book(more, leg.worker, leg.symbol, size, books)
    lines = [settle(leg.symbol, leg.worker, str(size), more)]
    if turned:
        price = f"{account.prices[leg.symbol]:f}" if leg.symbol in account.prices else "PRICE"
        more = _in_book(_opened(after, f"--price {price}"), leg.worker, leg.symbol, abs(after), books)
        lines.append(settle(leg.symbol, leg.worker, str(abs(after)), more))
    return lines


def _signed(leg: ShownPosition) -> int:
    return leg.size if leg.side == "long" else -leg.size


def _opened(signed: int, price: str) -> str:
    return price if signed > 0 else f"--side short {price}"


def _in_book(more: str, worker: str, symbol: str, size: int, books: Books | None) -> str:
    """Adds that the book is to be corrected too, where it can be and is not so yet."""
    if books is None or not books.corrected:
        return more
    booked = sum(leg.size for leg in books.legs if (leg.worker, leg.symbol) == (worker, symbol))
    return more if booked == size else f"{more} --in-book".lstrip()


def _never_filled(leg: ShownPosition, size: int, books: Books | None) -> str:
    """Names the latest entry that was believed filled and would explain what is missing; empty for none."""
    mine = [
        one
        for one in (books.believed if books else ())
        if (one.worker, one.symbol) == (leg.worker, leg.symbol)
    ]
    return mine[-1].order if mine and mine[-1].size == size else ""


def _unseen_pnl(view: PortfolioView, account: ShownAccount) -> Decimal:
    """Returns what a position that is gone must have made, if it is all that moved the balance; 0 where that
    is within the tolerance.
    """
    made = account.equity - account.expected
    tolerance = view.limits.account_tolerance if view.limits else ZERO
    return made if abs(made) > tolerance else ZERO


def _trader_of(symbol: str, view: PortfolioView) -> str:
    traders = [one.worker for one in view.workers if symbol in one.symbols and one.presence != "retired"]
    return traders[0] if len(traders) == 1 else "WORKER"


# --- taking the account as right --------------------------------------------------------------------------


def effect_of_settling(view: PortfolioView) -> Iterable[str]:
    """Yields what it changes to take the account as right as it is now."""
    account = view.account
    if account is None:
        return
    if account.as_of_ms:
        accepted = account.equity - account.expected
        yield (
            f"The equity of {account.account} is right at {shown(account.equity)}; the log led to "
            f"{shown(account.expected)}. From here on both have to move alike; {shown(accepted)} is accepted."
        )
    else:
        yield f"Nothing was reported of {account.account} yet: no equity is taken as right."
    if any(one.subject == EQUITY for one in account.differing):
        yield "Entries that are denied because the equity differs are allowed again."
    if view.flatten is not None and not view.flatten.left:
        yield "The flatten that waits for the account's word is over, as flat: look at the broker first."
    yield "The day's P&L stays: of the log's and the account's the worse counts for the stop."
    for one in account.differing:
        if one.subject != EQUITY:
            yield f"Not settled by this: {difference_in_words(one)}."
