"""The event loop that one connection of the client lives in, in a thread of its own.

The client would use one loop for the whole process, log its complaints about broken connections in many
lines, and leave a connection open that never answered. Guarantees: at the end every connection that was made
here is closed, nothing waits any more, and nothing was written to stderr.
"""

import asyncio
import threading
from concurrent import futures
from contextlib import suppress
from typing import Any

_END_SECONDS = 2.0
_ROUNDS_TO_CLOSE = 5


class _Loop(asyncio.SelectorEventLoop):
    """Remembers its connections, as the client forgets those that never answered."""

    def __init__(self) -> None:
        super().__init__()
        self.connections: list[asyncio.Transport] = []
        self.set_exception_handler(lambda _loop, _context: None)  # a session tells its end itself

    async def create_connection(self, *given: Any, **named: Any) -> Any:
        transport, protocol = await super().create_connection(*given, **named)
        self.connections.append(transport)
        return transport, protocol


class ClientLoop:
    """Runs from the beginning to `close`."""

    def __init__(self) -> None:
        self.loop = _Loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="databento loop", daemon=True)
        self._thread.start()

    def break_off(self) -> None:
        """Closes connections, and breaks off what waits for them; from any thread."""
        with suppress(RuntimeError):  # it is closed
            self.loop.call_soon_threadsafe(_break_off, self.loop)

    def close(self) -> None:
        """Ends the loop; nothing of the client may use it afterwards."""
        with suppress(futures.TimeoutError):
            asyncio.run_coroutine_threadsafe(_end_all(self.loop), self.loop).result(_END_SECONDS)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_END_SECONDS)
        if not self._thread.is_alive():
            self.loop.close()


def _break_off(loop: _Loop, spared: asyncio.Task[None] | None = None) -> None:
    for connection in loop.connections:
        connection.abort()
    for task in asyncio.all_tasks(loop) - {spared}:
        task.cancel()


async def _end_all(loop: _Loop) -> None:
    _break_off(loop, asyncio.current_task())
    for _ in range(_ROUNDS_TO_CLOSE):  # sockets close, and tasks end, a round later
        await asyncio.sleep(0)
