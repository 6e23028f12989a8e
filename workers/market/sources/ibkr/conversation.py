"""The client's end of one connection: questions with bounded waits, and how the connection is let go.

Guarantees: every wait has a bound; at the end nothing of the client is left in the loop.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from portfold.workers.brokers.ibkr.questions import Key, Questions
from portfold.workers.market.sources.ibkr.listener import Hears, Listener


class Refused(Exception):
    """An error that answers a question: its `code`, and in words what Interactive Brokers said."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Conversation:
    """On one event loop; `broken` is called once the gateway has closed the connection."""

    def __init__(self, hears: Hears, broken: Callable[[], object]) -> None:
        from ib_async.client import Client  # noqa: PLC0415 - an extra, and heavy

        self.client: Any = Client(Listener(hears))  # type: ignore[no-untyped-call]
        self.client.conn.disconnected += self._broken
        self._tell = broken
        self._questions = Questions()
        self._refused: dict[Key, Refused] = {}

    def _broken(self, _message: str = "") -> None:
        self._tell()

    async def connect(self, host: str, port: int, client_id: int, seconds: float) -> None:
        """Connects, and shakes hands. Raises OSError, TimeoutError."""
        await self.client.connectAsync(host, port, client_id, seconds)

    async def ask(self, send: Callable[[int], object], seconds: float) -> list[Any]:
        """Asks under a number of its own, and returns the rows. Raises Refused, TimeoutError,
        ConnectionError.
        """
        key = self.client.getReqId()
        return await self._answer(key, lambda: send(key), seconds)

    async def time_ms(self, seconds: float) -> int:
        """Returns what time it is there, in whole seconds. Raises TimeoutError, ConnectionError."""
        rows = await self._answer("time", self.client.reqCurrentTime, seconds)
        return int(rows[-1]) * 1000

    async def _answer(self, key: Key, send: Callable[[], object], seconds: float) -> list[Any]:
        rows = await self._questions.ask(key, lambda _key: send(), seconds)
        if refused := self._refused.pop(key, None):
            raise refused
        return rows

    def take_row(self, key: Key, row: Any) -> None:
        """Takes in a row of an answer."""
        self._questions.take_row(key, row)

    def take_end(self, key: Key) -> None:
        """Takes in the end of an answer."""
        self._questions.take_end(key)

    def take_refusal(self, key: Key, code: int, text: str) -> bool:
        """Returns whether an error answers a question that is open."""
        if not self._questions.is_open(key):
            return False
        self._refused[key] = Refused(code, text)
        self._questions.take_end(key)
        return True

    async def let_go(self) -> None:
        """Closes the connection."""
        self._questions.break_off()
        self.client.conn.disconnected -= self._broken
        transport = self.client.conn.transport
        try:
            self.client.disconnect()
        except OSError:  # it says goodbye on a socket that may be gone
            if transport is not None:
                transport.abort()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)  # the transport closes in the loop's next round
