"""Corrects the book of a broker that reports no fills, when a person has said what is really held.

Guarantees: only what that person named is changed; a leg of the other side stays.
"""

from collections.abc import Mapping
from pathlib import Path

from portfold.config import Contract
from portfold.events.incoming import PositionSettled
from portfold.workers.brokers.legs_book import PaperBook
from portfold.workers.brokers.orders_book import open_orders_book
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition

_PATIENCE_SECONDS = 5.0
_KINDS = ("paper", "traderspost")


def can_be_corrected(kind: str) -> bool:
    """Returns whether a broker of this kind believes its fills: another reports what was really filled."""
    return kind in _KINDS


def correct(kind: str, path: Path, contracts: Mapping[str, Contract], held: PositionSettled) -> None:
    """Puts into the book what the settlement says is held. Raises BrokerError."""
    if not can_be_corrected(kind):
        raise BrokerError(f"--in-book: the broker {kind} reports its fills itself, so its book is its own")
    if not path.exists():
        raise BrokerError(f"--in-book: there is no book {path}")
    book = open_book(path)
    try:
        with book.transaction() as entries:
            before = entries.leg(held.worker, held.symbol)
            if not held.size and before is not None and before.side != held.side:
                return
            contract = contracts.get(held.symbol)
            commission = contract.commission_per_side * held.size if contract else held.price * 0
            entries.write_leg(
                BrokerPosition(held.worker, held.symbol, held.side, held.size, held.price, commission)
            )
            if held.size:
                entries.write_mark(held.symbol, held.price)
    finally:
        book.close()


def open_book(path: Path) -> PaperBook:
    """Opens the book of such a broker. Raises BookFailed."""
    return open_orders_book(path, _PATIENCE_SECONDS)
