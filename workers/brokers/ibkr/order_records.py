"""The orders at Interactive Brokers as they are kept on disk: a table beside the legs of the book.

An order is written down, under the reference that it carries at the broker, before it is sent; so whoever
comes next finds it there, and what became of it at the broker. Of orders that are settled the newest
`OVER_KEPT` are kept, and the entries of what is open, which say in which contract it is.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from portfold.events.fields import Side
from portfold.workers.brokers.ibkr.order_life import Execution, OrderLife
from portfold.workers.brokers.legs_book import Entries, PaperBook
from portfold.workers.brokers.order import OVER
from portfold.workers.brokers.protocol import BrokerPosition
from portfold.workers.brokers.resting.protective import StopPlace, protective_fill

OVER_KEPT = 10_000
FIRST_CLIENT_ID = 101
TABLES = (
    """CREATE TABLE IF NOT EXISTS live_orders (
        reference TEXT PRIMARY KEY, owner TEXT NOT NULL, symbol TEXT NOT NULL, does TEXT NOT NULL,
        state TEXT NOT NULL, record BLOB NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS live_orders_by_state ON live_orders (state)",
    "CREATE INDEX IF NOT EXISTS live_orders_by_symbol ON live_orders (owner, symbol)",
    "CREATE TABLE IF NOT EXISTS traded_account (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS client_ids (id INTEGER PRIMARY KEY, owner TEXT NOT NULL UNIQUE)",
)


class LiveOrder(Struct, frozen=True):
    """One order, sent by `sender` for `owner` at `at_ms` (of this machine's clock).

    `side` is that of the position; `contract` our name for what is traded, `con_id` the broker's. `booked`:
    the executions that are in the book already, each with the commission that was booked for it.

    `stop_distance`: how far from what an entry got its protective stop is to rest, if one is;
    `planned_stop`: where, if its strategy names it; `leg_price`: what the leg cost on average with all that
    the entry got, by which the leg is known as its. `stop_price`: where a stop rests. Of the orders in one
    `group` at the broker the first to be executed ends the others.

    `by_person`: somebody has said what became of it; `untold_pnl` are dollars that this made, as long as the
    log is still to be told.
    """

    reference: str
    at_ms: int
    sender: str
    owner: str
    symbol: str
    side: Side
    size: int
    does: Literal["enter", "exit", "stop"]
    contract: str
    con_id: int
    life: OrderLife
    booked: Mapping[str, Decimal] = {}
    stop_distance: Decimal | None = None
    planned_stop: Decimal | None = None
    leg_price: Decimal | None = None
    stop_price: Decimal | None = None
    group: str = ""
    by_person: bool = False
    untold_pnl: Decimal | None = None

    @property
    def place(self) -> StopPlace:
        """Where the protective stop of an entry is to rest."""
        return StopPlace(self.stop_distance, self.planned_stop)

    def is_of(self, leg: BrokerPosition) -> bool:
        """Returns whether the leg is what this entry opened or added to, and nobody has settled it since."""
        return leg.side == self.side and self.leg_price in (None, leg.price)

    @property
    def unbooked(self) -> dict[str, Execution]:
        """The executions that are not in the book yet, by their names."""
        return {name: each for name, each in self.life.executions.items() if name not in self.booked}

    def fill_name(self, execution: str) -> str:
        """Returns what the fill of one of its executions is called: a protective stop's is known by that."""
        return protective_fill(execution) if self.does == "stop" else execution

    @property
    def is_settled(self) -> bool:
        """Returns whether it is over, all that it got is in the book, and the log knows."""
        return self.life.is_over and not self.unbooked and self.untold_pnl is None

    @property
    def rests(self) -> bool:
        """Returns whether it is a protective stop that waits for its price, as the broker has said."""
        return self.does == "stop" and self.life.state == "working"

    @property
    def rested(self) -> bool:
        """Returns whether it is one that did so when it was last heard of."""
        return self.does == "stop" and bool(self.life.heard) and not (self.life.filled or self.life.ended)

    @property
    def buys(self) -> bool:
        return (self.side == "long") == (self.does == "enter")

    def __str__(self) -> str:
        return f"{self.reference} ({self.does} {self.side} {self.size} {self.contract} of {self.owner})"


class OrderRecords:
    """The orders within one transaction of the book."""

    def __init__(self, entries: Entries) -> None:
        self._connection = entries.connection

    def write(self, order: LiveOrder) -> None:
        """Writes the order, new or as it stands now."""
        self._connection.execute(
            "INSERT INTO live_orders (reference, owner, symbol, does, state, record)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (reference) DO UPDATE SET"
            " state = excluded.state, record = excluded.record",
            (
                order.reference,
                order.owner,
                order.symbol,
                order.does,
                order.life.state if order.is_settled else "open",
                msgspec.json.encode(order),
            ),
        )
        self._connection.execute(
            f"DELETE FROM live_orders WHERE state IN {_PLACES}"  # noqa: S608 - our own words
            " AND rowid <= (SELECT MAX(rowid) FROM live_orders) - ?"
            " AND NOT (does = 'enter' AND EXISTS (SELECT 1 FROM legs"
            " WHERE legs.owner = live_orders.owner AND legs.symbol = live_orders.symbol))",
            (*OVER, OVER_KEPT),
        )

    def write_account(self, account: str) -> None:
        """Notes the account that the orders go to."""
        self._connection.execute("INSERT OR REPLACE INTO traded_account (id, name) VALUES (1, ?)", (account,))

    def order(self, reference: str) -> LiveOrder | None:
        """Returns the order of that reference."""
        return next(iter(self._select("reference = ?", reference)), None)

    def open(self) -> list[LiveOrder]:
        """Returns the orders that are not over, or not booked whole, oldest first."""
        return self._select(f"state NOT IN {_PLACES}", *OVER)

    def entries_of(self, owner: str, symbol: str) -> list[LiveOrder]:
        """Returns the owner's entries on the symbol, oldest first."""
        return self._select("owner = ? AND symbol = ? AND does = 'enter'", owner, symbol)

    def newest_entry(self, owner: str, symbol: str) -> LiveOrder | None:
        """Returns the last of the owner's entries on the symbol that got anything."""
        rows = self._connection.execute(
            "SELECT record FROM live_orders WHERE owner = ? AND symbol = ? AND does = 'enter'"
            " ORDER BY rowid DESC",
            (owner, symbol),
        )
        decoded = (_DECODER.decode(record) for (record,) in rows)
        return next((each for each in decoded if each.booked), None)

    def exits_in(self, stop: LiveOrder) -> list[LiveOrder]:
        """Returns the exits that were placed in the group of the stop."""
        where = "owner = ? AND symbol = ? AND does = 'exit' AND rowid > (SELECT rowid FROM live_orders"
        later = self._select(f"{where} WHERE reference = ?)", stop.owner, stop.symbol, stop.reference)
        return [each for each in later if each.group == stop.group]

    def _select(self, condition: str, *values: str) -> list[LiveOrder]:
        rows = self._connection.execute(
            f"SELECT record FROM live_orders WHERE {condition} ORDER BY rowid",  # noqa: S608 - our own words
            values,
        )
        return [_DECODER.decode(record) for (record,) in rows]


def open_records(path: Path, patience: float) -> PaperBook:
    """Returns the book with the orders in it. Raises BrokerError."""
    return PaperBook(path, patience, called="book of orders", tables=TABLES, durable=True)


def client_id(book: PaperBook, owner: str, first: int) -> int:
    """Returns the owner's number at the gateway, from `first` on: the same in each of its lives, and nobody
    else's of this book. Raises BookFailed.
    """
    with book.transaction() as entries:
        connection: Any = entries.connection
        connection.execute("INSERT OR IGNORE INTO client_ids (owner) VALUES (?)", (owner,))
        (number,) = connection.execute("SELECT id FROM client_ids WHERE owner = ?", (owner,)).fetchone()
    return first + int(number) - 1


def account_of(book: PaperBook) -> str | None:
    """Returns the account that the book is of, as long as anything in it is open. Raises BookFailed."""
    with book.reading() as entries:
        if not entries.legs(None) and not OrderRecords(entries).open():
            return None
        found = entries.connection.execute("SELECT name FROM traded_account").fetchone()
    return str(found[0]) if found else None


_PLACES = f"({', '.join('?' * len(OVER))})"
_DECODER = msgspec.json.Decoder(LiveOrder)
