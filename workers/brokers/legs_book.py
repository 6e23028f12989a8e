"""The book of the paper broker: one SQLite file that all processes of a portfolio share.

Guarantees: everything happens in transactions under the file's write lock, whole or not at all, whoever dies
when; of two that close the same contracts one finds them and the other does not. An owner's contracts in a
symbol are one leg, long or short. Every symbol ever traded has a mark, its last price. An exit is written
down in the transaction that closes the contracts and stays until somebody confirms it; no two exits of a book
ever have the same number.

What it does not guarantee: unless it is durable, a power cut may lose the last moments
(`synchronous=NORMAL`: the file stays sound, but commits do not wait for the disk, which paper does not need),
and the numbers of the exits lost with them are given out again. Of the exits of one owner that nobody
confirms, those before the newest `UNREPORTED_EXITS` are lost. A network drive will not do, for SQLite's
write-ahead log needs memory that all its processes share.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from portfold.events.fields import Side
from portfold.workers.brokers.order import ExitFill
from portfold.workers.brokers.protocol import UNREPORTED_EXITS, BrokerError, BrokerPosition, NotOpen

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS legs (
        owner TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, size INTEGER NOT NULL CHECK (size > 0),
        price TEXT NOT NULL, commission TEXT NOT NULL, PRIMARY KEY (owner, symbol))""",
    "CREATE TABLE IF NOT EXISTS marks (symbol TEXT PRIMARY KEY, price TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS unreported_exits (
        number INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, symbol TEXT NOT NULL,
        side TEXT NOT NULL, size INTEGER NOT NULL CHECK (size > 0), price TEXT NOT NULL,
        commission TEXT NOT NULL, fill_id TEXT NOT NULL UNIQUE, entry_price TEXT NOT NULL,
        entry_commission TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS unreported_exits_of_owner ON unreported_exits (owner, number)",
)
_PAUSE = 0.005  # seconds
_CONFIRM_SECONDS = 0.2


class BookFailed(BrokerError):
    """The book could not be used: it is locked, full, or no book. Nothing was changed in it."""


class PaperBook:
    """The file at `path`, made if it is new. Any thread may use it; not to be carried over a fork.

    Waits at most `patience` seconds for other threads, and as long again for other processes; then, as for
    a file that is no book, it is a BookFailed. Who reads waits for nobody who writes, and opening a book that
    is there neither. Another broker's book may be `called` otherwise, hold more
    `tables`, and be `durable`: then a commit waits for the disk, so that not even a power cut loses it.
    """

    def __init__(
        self,
        path: Path,
        patience: float,
        *,
        called: str = "paper book",
        tables: Sequence[str] = (),
        durable: bool = False,
    ) -> None:
        self._path = path
        self._patience = patience
        self._called = called
        self._confirmed: dict[str, None] = {}  # reported exits that are still to be removed, oldest first
        try:
            self._writes = _Access(_open(path, patience, (*_SCHEMA, *tables), durable=durable))
            # A book in memory is one connection's alone.
            apart = str(path) != ":memory:"
            self._reads = _Access(_open_to_read(path, patience)) if apart else self._writes
        except sqlite3.Error as error:
            raise self._failure(error, patience) from error

    @contextmanager
    def transaction(self, patience: float | None = None) -> Iterator["Entries"]:
        """Opens a transaction, for this caller alone: committed at the end, rolled back by any exception.

        `patience` shortens the wait for the lock.
        """
        patience = self._patience if patience is None else patience
        confirmed = list(self._confirmed)
        with self._begun(self._writes, "BEGIN IMMEDIATE", patience) as entries:
            for fill_id in confirmed:
                entries.remove_unreported_exit(fill_id)
            yield entries
        for fill_id in confirmed:
            self._confirmed.pop(fill_id, None)

    def confirm(self, fill_id: str) -> None:
        """Removes an exit that is reported, or does nothing where it is removed already.

        Waits briefly, as others wait for who confirms. A BookFailed takes nothing back: this process
        knows that the exit is reported, and its next transaction removes it.
        """
        self._confirmed[fill_id] = None
        if len(self._confirmed) > UNREPORTED_EXITS:
            self._confirmed.pop(next(iter(self._confirmed)), None)
        with self.transaction(_CONFIRM_SECONDS):
            pass

    def reading(self) -> AbstractContextManager["Entries"]:
        """Returns what the book held at this moment, only to be read."""
        return self._begun(self._reads, "BEGIN", self._patience)

    def read_legs(self, owner: str | None) -> list[BrokerPosition]:
        """Returns the legs of one owner or of all."""
        with self.reading() as entries:
            return entries.legs(owner)

    def read_unreported_exits(self, owner: str | None) -> list[ExitFill]:
        """Reads one owner's exits that nobody has confirmed, oldest first."""
        with self.reading() as entries:
            found = entries.unreported_exits(owner)
        return [fill for fill in found if fill.fill_id not in self._confirmed]

    def close(self) -> None:
        """Lets go of the file. What is open stays open in it."""
        for access in (self._reads, self._writes):
            self._take_turn(access, self._patience)
            try:
                access.connection.close()
            finally:
                access.lock.release()

    @contextmanager
    def _begun(self, access: "_Access", begin: str, patience: float) -> Iterator["Entries"]:
        self._take_turn(access, patience)
        try:
            access.wait_for_others(patience)
            with access.connection:  # commits or rolls back
                access.connection.execute(begin)
                yield Entries(access.connection)
        except sqlite3.Error as error:
            raise self._failure(error, patience) from error
        finally:
            access.lock.release()

    def _take_turn(self, access: "_Access", patience: float) -> None:
        """Waits for the other threads; whoever calls releases the lock. Raises BookFailed."""
        if not access.lock.acquire(timeout=patience):
            raise BookFailed(
                f"The {self._called} {self._path} was in use by another thread for {patience:g} s"
            )

    def _failure(self, error: sqlite3.Error, patience: float) -> BookFailed:
        if _is_busy(error):
            return BookFailed(
                f"The {self._called} {self._path} was locked by another process for {patience:g} s"
            )
        return BookFailed(f"The {self._called} {self._path} could not be used: {error}")


class _Access:
    """A connection to the file, and whose turn it is to use it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.lock = threading.Lock()
        self._patience = -1.0

    def wait_for_others(self, patience: float) -> None:
        """Sets how many seconds each statement waits for other processes."""
        if patience != self._patience:
            self.connection.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
            self._patience = patience


class Entries:
    """The legs, marks and unreported exits of the book within one transaction, on its `connection`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def leg(self, owner: str, symbol: str) -> BrokerPosition | None:
        return next((leg for leg in self.legs(owner) if leg.symbol == symbol), None)

    def legs(self, owner: str | None) -> list[BrokerPosition]:
        """Returns all legs of the owner, or of everybody for None, by owner and symbol."""
        rows = self.connection.execute(
            "SELECT owner, symbol, side, size, price, commission FROM legs"
            " WHERE :owner IS NULL OR owner = :owner ORDER BY owner, symbol",
            {"owner": owner},
        )
        return [_leg(*row) for row in rows]

    def write_leg(self, leg: BrokerPosition) -> None:
        """Puts the leg in the place of the owner's former one in that symbol; one of no size is removed."""
        if leg.size == 0:
            self.connection.execute(
                "DELETE FROM legs WHERE owner = ? AND symbol = ?", (leg.owner, leg.symbol)
            )
            return
        self.connection.execute(
            "INSERT OR REPLACE INTO legs (owner, symbol, side, size, price, commission)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (leg.owner, leg.symbol, leg.side, leg.size, str(leg.price), str(leg.commission_paid)),
        )

    def mark(self, symbol: str) -> Decimal:
        """Returns the last price of a symbol that was traded."""
        (price,) = self.connection.execute("SELECT price FROM marks WHERE symbol = ?", (symbol,)).fetchone()
        return Decimal(price)

    def write_mark(self, symbol: str, price: Decimal) -> None:
        self.connection.execute(
            "INSERT OR REPLACE INTO marks (symbol, price) VALUES (?, ?)", (symbol, str(price))
        )

    def unreported_exits(self, owner: str | None) -> list[ExitFill]:
        """Returns the exits of the owner, or of everybody for None, that were not removed yet;
        oldest first.
        """
        rows = self.connection.execute(
            "SELECT owner, symbol, side, size, price, commission, fill_id, entry_price, entry_commission"
            " FROM unreported_exits WHERE :owner IS NULL OR owner = :owner ORDER BY number",
            {"owner": owner},
        )
        return [_exit(row) for row in rows]

    def write_unreported_exit(self, fill: ExitFill) -> None:
        """Writes down that `fill` closed contracts. The owner's oldest make room."""
        self.connection.execute(
            "INSERT INTO unreported_exits"
            " (owner, symbol, side, size, price, commission, fill_id, entry_price, entry_commission)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                fill.owner,
                fill.symbol,
                fill.side,
                fill.size,
                str(fill.price),
                str(fill.commission),
                fill.fill_id,
                str(fill.entry_price),
                str(fill.entry_commission),
            ),
        )
        self.connection.execute(
            "DELETE FROM unreported_exits WHERE owner = :owner AND number <= (SELECT number"
            " FROM unreported_exits WHERE owner = :owner ORDER BY number DESC LIMIT 1 OFFSET :kept)",
            {"owner": fill.owner, "kept": UNREPORTED_EXITS},
        )

    def remove_unreported_exit(self, fill_id: str) -> None:
        """Removes the exit if it is there."""
        self.connection.execute("DELETE FROM unreported_exits WHERE fill_id = ?", (fill_id,))


def open_leg(entries: Entries, owner: str, symbol: str, side: Side, size: int) -> BrokerPosition:
    """Returns the leg that holds the contracts. Raises NotOpen."""
    leg = entries.leg(owner, symbol)
    if leg is None or leg.side != side or leg.size < size:
        held = f"is {leg.side} {leg.size}" if leg else "has none"
        raise NotOpen(f"{owner} {held}, so {side} {size} {symbol} cannot be closed")
    return leg


def _leg(owner: str, symbol: str, side: Side, size: int, price: str, commission: str) -> BrokerPosition:
    return BrokerPosition(owner, symbol, side, size, Decimal(price), Decimal(commission))


_AMOUNTS = ("price", "commission", "entry_price", "entry_commission")


def _exit(row: Sequence[Any]) -> ExitFill:
    columns = dict(zip(ExitFill.__struct_fields__, row, strict=True))
    return ExitFill(**columns | {name: Decimal(columns[name]) for name in _AMOUNTS})


def _open(path: Path, patience: float, tables: Sequence[str], *, durable: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    try:
        _switch_to_write_ahead(connection, patience)
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        for statement in tables:
            connection.execute(statement)  # waits for no lock where it is there already
    except BaseException:
        connection.close()
        raise
    return connection


def _open_to_read(path: Path, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _switch_to_write_ahead(connection: sqlite3.Connection, patience: float) -> None:
    """Switches to the write-ahead log, waiting for the lock: for this statement SQLite does not."""
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _is_busy(error: sqlite3.Error) -> bool:
    # The low byte is the kind of error, the rest its particulars. Errors of the module itself have none.
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & 0xFF == sqlite3.SQLITE_BUSY
