"""The account of the paper broker: as its book has it, with a start of one's own choice.

It answers for the book, not for a broker: it shows what a log without faults would agree with.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from msgspec import Struct

from portfold.config import Contract
from portfold.config.rules import Exact
from portfold.dollars import ZERO, gross_pnl
from portfold.events.fields import Side
from portfold.events.legs import Holding
from portfold.workers.account.source import AccountSetup, AccountSnapshot, AccountUnreadable
from portfold.workers.brokers.legs_book import BookFailed, Entries, PaperBook
from portfold.workers.brokers.paper_cash import CASH_TABLE, cash_moved
from portfold.workers.brokers.protocol import BrokerPosition

_PATIENCE = 2.0
_FINEST_PRICE = Decimal("1E-10")
_DOLLARS = Exact(Decimal(0), Decimal("999999999.99"), 2, "dollars")


class PaperOptions(Struct, frozen=True):
    """`start_equity`: dollars in the account before its first fill."""

    start_equity: Annotated[Decimal, _DOLLARS] = Decimal(50_000)


class PaperSource:
    """Reads the account from the book at `book`."""

    def __init__(self, book: Path, contracts: Mapping[str, Contract], start_equity: Decimal) -> None:
        self._contracts = contracts
        self._start = start_equity
        self._book = PaperBook(book, _PATIENCE, tables=(CASH_TABLE,))

    def read(self) -> AccountSnapshot:
        """Reads the book as it is at one moment. Raises AccountUnreadable."""
        try:
            with self._book.reading() as entries:
                legs, moved = entries.legs(None), cash_moved(entries)
                unrealized = sum((self._open_profit(entries, leg) for leg in legs), ZERO)
        except BookFailed as failed:
            raise AccountUnreadable(str(failed)) from failed
        return AccountSnapshot(self._start + moved + unrealized, moved, unrealized, tuple(netted(legs)))

    def close(self) -> None:
        """Lets go of the book."""
        self._book.close()

    def _open_profit(self, entries: Entries, leg: BrokerPosition) -> Decimal:
        contract = self._contracts.get(leg.symbol)
        if contract is None:
            raise AccountUnreadable(f"The book holds {leg.symbol}, which contracts.json does not know")
        return gross_pnl(leg.side, leg.price, entries.mark(leg.symbol), leg.size, contract.point_value)


def netted(legs: Iterable[BrokerPosition]) -> list[Holding]:
    """Returns the legs as an account holds them: net, each symbol once, at the average price of its side."""
    by_symbol: dict[str, list[BrokerPosition]] = {}
    for leg in legs:
        by_symbol.setdefault(leg.symbol, []).append(leg)
    return [held for symbol, own in sorted(by_symbol.items()) if (held := _net(symbol, own)) is not None]


def _net(symbol: str, legs: list[BrokerPosition]) -> Holding | None:
    size = sum(leg.size if leg.side == "long" else -leg.size for leg in legs)
    if not size:
        return None
    side: Side = "long" if size > 0 else "short"
    own = [leg for leg in legs if leg.side == side]
    average = sum((leg.price * leg.size for leg in own), ZERO) / sum(leg.size for leg in own)
    return Holding(symbol, side, abs(size), average.quantize(_FINEST_PRICE).normalize())


def open_paper(setup: AccountSetup) -> PaperSource:
    """Returns the source of kind `paper`. Raises ConfigError, BookFailed."""
    return PaperSource(setup.book, setup.configuration.contracts, setup.options(PaperOptions).start_equity)
