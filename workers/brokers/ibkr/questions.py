"""Questions to the broker that are answered by rows and then an end, each for a bounded time.

Guarantees: an answer that comes after its question was given up answers no later one. It says what was so
before that was asked, and what has been ordered in between would seem never to have arrived. Answers to a
word carry no number, but come in the order of their questions, so those that are owed are counted.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from portfold.workers.brokers.protocol import BrokerError

_NO_SUCH_CONTRACT = 200

Key = int | str
"""The number of a request; a word where the protocol gives none."""


class Refused(BrokerError):
    """The gateway answered a question with an error: what it was asked for is not known."""


class Questions:
    """Those that are open, on the event loop of the connection. `are_confused`: an answer may have been taken
    for that of an earlier question, which never came: only a new connection makes that certain.
    """

    def __init__(self) -> None:
        self._open: dict[Key, tuple[asyncio.Future[list[Any]], list[Any]]] = {}
        self._owed = Counter[str]()
        self.are_confused = False

    async def ask(self, key: Key, send: Callable[[Key], object], seconds: float) -> list[Any]:
        """Sends, and returns the rows of the answer. Raises TimeoutError, ConnectionError, Refused."""
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._open[key] = future, []
        owed, before = self._owed, self._owed[str(key)]
        try:
            send(key)
            async with asyncio.timeout(seconds):  # unlike wait_for it never takes an answer for a cancel's
                return await future
        finally:
            self._open.pop(key, None)
            if isinstance(key, str) and future.cancelled() and owed is self._owed:  # given up
                self.are_confused = self.are_confused or owed[key] < before
                owed[key] += 1

    def is_open(self, key: Key) -> bool:
        """Returns whether an answer to it is waited for."""
        return key in self._open

    @property
    def are_owed(self) -> bool:
        """Returns whether an answer may still come to a question that was given up."""
        return any(self._owed.values())

    def take_row(self, key: Key, row: Any) -> None:
        """Takes in a row; one that nobody asked for is left."""
        if key in self._open:
            self._open[key][1].append(row)

    def take_end(self, key: Key) -> None:
        """Answers the question with the rows there are, unless this ends the answer to one before it."""
        future, rows = self._open.get(key, (None, []))
        if isinstance(key, str) and self._owed[key]:
            self._owed[key] -= 1
            rows.clear()
        elif future is not None and not future.done():
            future.set_result(rows)

    def take_refusal(self, key: Key, code: int, text: str) -> None:
        """Fails the question: what has come of an answer may be a part. That there is no such contract is an
        answer.
        """
        future, _rows = self._open.get(key, (None, []))
        if code == _NO_SUCH_CONTRACT:
            self.take_end(key)
        elif future is not None and not future.done():
            future.set_exception(Refused(f"Interactive Brokers refused to answer ({code}): {text}"))

    def break_off(self) -> None:
        """Fails all that is open: the connection is gone."""
        for future, _rows in self._open.values():
            if not future.done():
                future.set_exception(ConnectionError("the connection was closed"))
        self._open.clear()
        self._owed = Counter()  # not cleared: what is given up right now was asked on the old connection
        self.are_confused = False
