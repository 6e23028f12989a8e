"""The cash of the paper book: what its fills have moved, so that paper has an account like any other.

Commission is paid with each fill, profit and loss is moved when contracts are closed.
"""

from decimal import Decimal

from portfold.workers.brokers.legs_book import Entries

CASH_TABLE = (
    "CREATE TABLE IF NOT EXISTS cash (only INTEGER PRIMARY KEY CHECK (only = 1), moved TEXT NOT NULL)"
)


def cash_moved(entries: Entries) -> Decimal:
    """Returns the dollars that all fills together have moved since the book began."""
    row = entries.connection.execute("SELECT moved FROM cash").fetchone()
    return Decimal(row[0]) if row else Decimal(0)


def move_cash(entries: Entries, dollars: Decimal) -> None:
    """Adds to it what a fill moves."""
    moved = cash_moved(entries) + dollars
    entries.connection.execute("INSERT OR REPLACE INTO cash (only, moved) VALUES (1, ?)", (str(moved),))
