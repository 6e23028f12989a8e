"""Corrects the book of a broker when a person has said what is really held.

A broker that reports no fills may believe what never was; one that does hears nothing of what a person closed
there by hand. Guarantees: only what that person named is changed; a leg of the other side stays, and nothing
is changed while an order of ours may still be filled, as that would be counted on top. A stop that an entry
named is none of a position that was not entered by it.
"""

from collections.abc import Mapping
from pathlib import Path

from portfold.config import Contract
from portfold.events.incoming import PositionSettled
from portfold.workers.brokers.ibkr.order_records import OrderRecords, open_records
from portfold.workers.brokers.legs_book import PaperBook
from portfold.workers.brokers.orders_book import open_orders_book
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition
from portfold.workers.brokers.registry import PAPER
from portfold.workers.brokers.resting.on_paper import STOPS_TABLE, RestingStops

_PATIENCE_SECONDS = 5.0
_TRUE_FILLS = "ibkr"
_KINDS = (PAPER, "traderspost", _TRUE_FILLS)


def can_be_corrected(kind: str) -> bool:
    """Returns whether the book of a broker of this kind is one of ours."""
    return kind in _KINDS


def reports_fills(kind: str) -> bool:
    """Returns whether what such a broker's book was entered at are executions, and not believed."""
    return kind == _TRUE_FILLS


def correct(kind: str, path: Path, contracts: Mapping[str, Contract], held: PositionSettled) -> None:
    """Puts into the book what the settlement says is held. Raises BrokerError."""
    if not can_be_corrected(kind):
        raise BrokerError(f"--in-book: the book of the broker {kind} is its own")
    if not path.exists():
        raise BrokerError(f"--in-book: there is no book {path}")
    book = open_book(kind, path)
    try:
        with book.transaction() as entries:
            if kind == _TRUE_FILLS:
                _refuse_while_at_work(OrderRecords(entries), held)
            before = entries.leg(held.worker, held.symbol)
            if not held.size and before is not None and before.side != held.side:
                return
            contract = contracts.get(held.symbol)
            commission = contract.commission_per_side * held.size if contract else held.price * 0
            entries.write_leg(
                BrokerPosition(held.worker, held.symbol, held.side, held.size, held.price, commission)
            )
            if kind == PAPER and not (before is not None and _is_same(before, held)):
                RestingStops(entries, contracts).forget(held.worker, held.symbol)
            if held.size and kind != _TRUE_FILLS:
                entries.write_mark(held.symbol, held.price)
    finally:
        book.close()


def _refuse_while_at_work(orders: OrderRecords, held: PositionSettled) -> None:
    """Raises BrokerError while an order may change what is to be said; a stop that rests is fitted to it."""
    for order in orders.open():
        if (order.owner, order.symbol) == (held.worker, held.symbol) and not order.rested:
            raise BrokerError(
                f"--in-book: order {order} is {order.life.state}, and may change what is held; settle it "
                f"first: portfold reconcile {order.reference}"
            )


def _is_same(before: BrokerPosition, held: PositionSettled) -> bool:
    """Returns whether it is the position that was there, if not as much of it: a stop beside it stays."""
    return bool(held.size) and (before.side, before.price) == (held.side, held.price)


def open_book(kind: str, path: Path) -> PaperBook:
    """Opens the book of such a broker. Raises BrokerError."""
    if kind == _TRUE_FILLS:
        return open_records(path, _PATIENCE_SECONDS)
    if kind == PAPER:
        return PaperBook(path, _PATIENCE_SECONDS, tables=(STOPS_TABLE,))
    return open_orders_book(path, _PATIENCE_SECONDS)
