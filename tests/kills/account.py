"""The account at the broker, where it lies: what is held there, and what was closed there, is the truth.

At TradersPost that is a process of its own, which holds what the signals that reached it say, whatever those
who sent them believe. On paper it is the book: whatever is committed there happened.
"""

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from portfold.workers.brokers.orders_book import open_orders_book
from tests.kills.children import Hear, Life, Nursery

Leg = tuple[str, str]
"""A worker and a symbol."""

_EXITS_KEPT = (
    "CREATE TABLE IF NOT EXISTS all_exits (fill_id TEXT, owner TEXT, symbol TEXT, size INTEGER)",
    """CREATE TRIGGER IF NOT EXISTS keep_exit AFTER INSERT ON unreported_exits BEGIN
        INSERT INTO all_exits VALUES (new.fill_id, new.owner, new.symbol, new.size); END""",
)
_ORDERS = """SELECT id, owner, symbol, does,
    state IN ('unknown', 'unproven', 'flattened', 'sending') OR said = 'settled by a person'
    OR said LIKE '%then all was closed by%' OR said LIKE 'TradersPost answered late%'
    FROM orders WHERE state NOT IN ('refused', 'given_up') ORDER BY rowid"""
"""All orders that may have come, and whether nobody knew of them for some time."""


class Account(Protocol):
    """Contracts are counted with their sign, short ones below zero."""

    def held(self) -> Mapping[Leg, int]:
        """What is held now; nothing of size 0."""
        ...

    def did(self, order: str) -> bool:
        """Whether an order arrived, and opened or closed something."""
        ...

    def wrong(self) -> list[str]:
        """What no trading program may do to an account."""
        ...


def worker_of(symbol: str) -> str:
    """Names the worker that trades the symbol."""
    return f"ibs-{symbol}"


def keep_all_exits(book: Path) -> None:
    """Makes the book, which from now on keeps the name of every exit that was ever noted in it."""
    open_orders_book(book, 5.0).close()
    with sqlite3.connect(book) as connection:
        for statement in _EXITS_KEPT:
            connection.execute(statement)
    connection.close()


def rows(book: Path, query: str) -> list[tuple[Any, ...]]:
    """What the book holds, looked at from outside."""
    connection = sqlite3.connect(book, timeout=10)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


class PaperAccount:
    """The legs of the paper book."""

    def __init__(self, book: Path) -> None:
        self._book = book

    def held(self) -> Mapping[Leg, int]:
        legs = rows(self._book, "SELECT owner, symbol, side, size FROM legs")
        return {(owner, symbol): size if side == "long" else -size for owner, symbol, side, size in legs}

    def did(self, order: str) -> bool:
        raise AssertionError(f"on paper no order is ever unknown, and {order} was asked about")

    def wrong(self) -> list[str]:
        return []


class Signal(NamedTuple):
    """A signal that came, and how many contracts it opened or closed."""

    order: str
    leg: Leg
    action: str
    did: int


class TradersPostAccount:
    """The process at `url`, begun in `nursery`."""

    def __init__(self, nursery: Nursery, book: Path) -> None:
        # One request after the other: who looks sees all that was sent before, its sender dead or alive.
        server = HTTPServer(("127.0.0.1", 0), _Handler)
        self._port = int(server.server_address[1])
        self.url = f"http://127.0.0.1:{self._port}/webhook"
        self._book = book
        nursery.start("account", _life(server))
        server.socket.close()  # the child has its own

    def held(self) -> Mapping[Leg, int]:
        return {_leg(ticker): size for ticker, size in self._asked("held").items() if size}

    def did(self, order: str) -> bool:
        return any(one.order == order and one.did for one in self.signals())

    def signals(self) -> list[Signal]:
        """All that came, in order."""
        return [
            Signal(order, _leg(ticker), action, did) for order, ticker, action, did in self._asked("signals")
        ]

    def wrong(self) -> list[str]:
        """An order that came twice; a position that went through zero; an exit of nothing without a doubt."""
        signals, found = self.signals(), list(self._asked("crossed"))
        times = Counter(one.order for one in signals)
        found += [f"order {order} came {n} times" for order, n in times.items() if n > 1]
        did = {one.order: one.did for one in signals}
        doubtful: set[Leg] = set()
        for order, owner, symbol, does, doubted in rows(self._book, _ORDERS):
            leg = (owner, symbol)
            if doubted:
                doubtful.add(leg)
            elif does == "enter":  # none is sent while anything is in doubt
                doubtful.discard(leg)
            if does == "exit" and did.get(order) == 0 and leg not in doubtful:
                found.append(f"order {order} was to close {symbol} of {owner}, which was closed already")
        return found

    def _asked(self, what: str) -> Any:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", f"/{what}")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


class Books:
    """In the account's process: what came and what is held."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}
        self.signals: list[tuple[str, str, str, int]] = []
        self.crossed: list[str] = []

    def take(self, signal: Mapping[str, Any]) -> None:
        ticker, action = signal["ticker"], signal["action"]
        size, wanted = self.held.get(ticker, 0), int(signal.get("quantity", 0))
        if action == "exit":
            did = min(abs(size), wanted or abs(size))
            self.held[ticker] = size - did if size > 0 else size + did
        else:
            did = wanted
            self.held[ticker] = size + (did if action == "buy" else -did)
            if size * self.held[ticker] < 0 or abs(self.held[ticker]) < abs(size):
                self.crossed.append(f"{action} {did} {ticker} with {size} held")
        self.signals.append((signal["extras"]["order"], ticker, action, did))


_BOOKS = Books()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        signal = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        _BOOKS.take(signal)
        self._say({"success": True, "id": "1"})

    def do_GET(self) -> None:
        self._say(getattr(_BOOKS, self.path[1:]))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass

    def _say(self, what: object) -> None:
        content = json.dumps(what).encode()
        with contextlib.suppress(ConnectionError):  # who has asked is dead
            self._send(content)

    def _send(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _life(server: HTTPServer) -> Life:
    def live(orders: Callable[[Hear], None]) -> None:
        orders(lambda _: None)
        server.serve_forever(0.05)

    return live


def _leg(ticker: str) -> Leg:
    symbol = ticker.removesuffix("Z2025")
    return worker_of(symbol), symbol
