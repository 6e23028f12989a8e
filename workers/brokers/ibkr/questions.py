"""Questions to the broker that are answered by rows and then an end, each for a bounded time."""

import asyncio
from collections.abc import Callable
from typing import Any

Key = int | str
"""The number of a request; a word where the protocol gives none."""


class Questions:
    """Those that are open, on the event loop of the connection. `are_behind`: one without a number was given
    up on this connection, so that its answer, should it come, would be taken for the answer to the next.
    """

    def __init__(self) -> None:
        self._open: dict[Key, tuple[asyncio.Future[list[Any]], list[Any]]] = {}
        self.are_behind = False

    async def ask(self, key: Key, send: Callable[[Key], object], seconds: float) -> list[Any]:
        """Sends, and returns the rows of the answer. Raises TimeoutError, ConnectionError."""
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._open[key] = future, []
        try:
            send(key)
            async with asyncio.timeout(seconds):  # unlike wait_for it never takes an answer for a cancel's
                return await future
        except (TimeoutError, asyncio.CancelledError):
            self.are_behind = self.are_behind or isinstance(key, str)
            raise
        finally:
            self._open.pop(key, None)

    def is_open(self, key: Key) -> bool:
        """Returns whether an answer to it is waited for."""
        return key in self._open

    def take_row(self, key: Key, row: Any) -> None:
        """Takes in a row; one that nobody asked for is left."""
        if key in self._open:
            self._open[key][1].append(row)

    def take_end(self, key: Key) -> None:
        """Answers the question with the rows there are."""
        future, rows = self._open.get(key, (None, []))
        if future is not None and not future.done():
            future.set_result(rows)

    def break_off(self) -> None:
        """Fails all that is open: the connection is gone."""
        for future, _rows in self._open.values():
            if not future.done():
                future.set_exception(ConnectionError("the connection was closed"))
        self._open.clear()
        self.are_behind = False
