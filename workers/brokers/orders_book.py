"""The orders of a broker that does not report their outcome: a table beside the legs of the book.

An order is written down before it is sent, so that no death between the two is forgotten:

    sending ──▶ accepted                    it was taken: its fill is believed
            ──▶ refused, given_up           it was not: nothing is open of it
            ──▶ unproven                    an exit was taken, and nothing was surely open
            ──▶ unknown ──▶ accepted        an entry that was taken after all
                        ──▶ flattened       an exit after which one of all there was, without a quantity, was
                                            taken: nothing of the owner's is open any more
    unknown, flattened, given_up, refused, unproven ──▶ filled, not_filled      a person has looked

Entries `sending` and `unknown` count as open, whatever is sent after them. While an order on a symbol is
sending, unknown or flattened no other entry on it is sent, and while an exit is sending or unknown no other
exit of its owner that names a quantity. Of what is settled the newest `SETTLED_KEPT` are kept, and the
entries of what is open, which say in which contract it is.
"""

import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from portfold.events.fields import Side
from portfold.workers.brokers.legs_book import Entries, PaperBook

SETTLED_KEPT = 10_000
TABLES = (
    """CREATE TABLE IF NOT EXISTS orders (
        id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, sender TEXT NOT NULL, owner TEXT NOT NULL,
        symbol TEXT NOT NULL, side TEXT NOT NULL, size INTEGER NOT NULL CHECK (size > 0), does TEXT NOT NULL,
        contract TEXT NOT NULL, price TEXT NOT NULL, state TEXT NOT NULL, said TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS orders_by_symbol ON orders (symbol, state)",
    "CREATE TABLE IF NOT EXISTS untold (id TEXT PRIMARY KEY, pnl TEXT NOT NULL)",
)

State = Literal[
    "sending",
    "accepted",
    "refused",
    "given_up",
    "unknown",
    "unproven",
    "flattened",
    "filled",
    "not_filled",
]
PERHAPS_OPEN: tuple[State, ...] = ("sending", "unknown")
UNSETTLED: tuple[State, ...] = (*PERHAPS_OPEN, "flattened")
HELD_BY: tuple[State, ...] = ("accepted", "filled", *PERHAPS_OPEN)
"""Of entries: what is held was, or may have been, entered by them."""
NOT_COUNTED: tuple[State, ...] = ("refused", "given_up", "unproven", "not_filled")

_COLUMNS = "id, at_ms, sender, owner, symbol, side, size, does, contract, price, state, said"


class BrokerOrder(Struct, frozen=True):
    """One order, sent by `sender` for `owner` at `at_ms` (of this machine's clock).

    `side` is that of the position. `price` is what its fill is believed to be at, `contract` its name at the
    broker, `said` (a column on disk) the last answer about it.
    """

    id: str
    at_ms: int
    sender: str
    owner: str
    symbol: str
    side: Side
    size: int
    does: Literal["enter", "exit"]
    contract: str
    price: Decimal
    state: State = "sending"
    said: str = ""

    def __str__(self) -> str:
        return f"{self.id} ({self.does} {self.side} {self.size} {self.contract} of {self.owner})"


class Orders:
    """The orders within one transaction of the book."""

    def __init__(self, entries: Entries) -> None:
        self._connection = entries.connection

    def write(self, order: BrokerOrder) -> None:
        """Writes the order, new or with its new state."""
        row = msgspec.structs.asdict(order) | {"price": str(order.price)}
        self._connection.execute(
            f"INSERT INTO orders ({_COLUMNS}) VALUES (:{_COLUMNS.replace(', ', ', :')})"  # noqa: S608 - ours
            " ON CONFLICT (id) DO UPDATE SET"
            " price = excluded.price, state = excluded.state, said = excluded.said",
            row,
        )
        self._connection.execute(
            f"DELETE FROM orders WHERE state NOT IN {_among(UNSETTLED)}"  # noqa: S608 - our own words
            " AND rowid <= (SELECT MAX(rowid) FROM orders) - ?"
            " AND NOT (does = 'enter' AND EXISTS (SELECT 1 FROM legs"
            " WHERE legs.owner = orders.owner AND legs.symbol = orders.symbol))",
            (*UNSETTLED, SETTLED_KEPT),
        )

    def order(self, order_id: str) -> BrokerOrder | None:
        """Returns the order of that name."""
        return next(iter(self._select("id = ?", (order_id,))), None)

    def is_settled(self, order_id: str) -> bool:
        """Returns whether the order's outcome is known; false for one that is not written down yet."""
        order = self.order(order_id)
        return order is not None and order.state not in PERHAPS_OPEN

    def unsettled(self) -> list[BrokerOrder]:
        """Returns the orders whose outcome nobody knows, oldest first."""
        return self.in_states(UNSETTLED)

    def note_unpublished(self, order_id: str, pnl: Decimal | None) -> None:
        """Notes that the settled order and its P&L are still to be published; with None they are."""
        self._connection.execute("DELETE FROM untold WHERE id = ?", (order_id,))
        if pnl is not None:
            self._connection.execute("INSERT INTO untold (id, pnl) VALUES (?, ?)", (order_id, str(pnl)))

    def unpublished_pnl(self, order_id: str) -> Decimal | None:
        """Returns the P&L of a settlement that is still to be published; None when it is."""
        found = self._connection.execute("SELECT pnl FROM untold WHERE id = ?", (order_id,)).fetchone()
        return Decimal(found[0]) if found else None

    def unpublished(self) -> list[BrokerOrder]:
        """Returns the settled orders that are still to be published."""
        return self._select("id IN (SELECT id FROM untold)", ())

    def of(self, owner: str, symbol: str, states: Sequence[State]) -> list[BrokerOrder]:
        """Returns the owner's orders on the symbol that are in one of `states`, oldest first."""
        return [one for one in self.in_states(states) if (one.owner, one.symbol) == (owner, symbol)]

    def sent_after(self, order: BrokerOrder, state: State) -> list[BrokerOrder]:
        """Returns the owner's later orders on the symbol that are in `state`, oldest first, whatever clocks
        say.
        """
        where = "owner = ? AND symbol = ? AND state = ? AND rowid > (SELECT rowid FROM orders WHERE id = ?)"
        return self._select(where, (order.owner, order.symbol, state, order.id))

    def in_states(self, states: Sequence[State]) -> list[BrokerOrder]:
        """Returns all that are in one of `states`, oldest first."""
        return self._select(f"state IN {_among(states)}", tuple(states))

    def _select(self, condition: str, values: tuple[str, ...]) -> list[BrokerOrder]:
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM orders WHERE {condition} ORDER BY rowid",  # noqa: S608 - our own words
            values,
        )
        return [_order(row) for row in rows]


def now_ms() -> int:
    """This machine's clock, in milliseconds; only the age of an order is measured by it."""
    return time.time_ns() // 1_000_000


def open_orders_book(path: Path, patience: float) -> PaperBook:
    """Returns the book with the orders in it. Raises BrokerError."""
    return PaperBook(path, patience, called="book of orders", tables=TABLES, durable=True)


def _among(states: Sequence[State]) -> str:
    return f"({', '.join('?' * len(states))})"


def _order(row: Sequence[Any]) -> BrokerOrder:
    columns = dict(zip(BrokerOrder.__struct_fields__, row, strict=True))
    columns["price"] = Decimal(columns["price"])
    return BrokerOrder(**columns)
