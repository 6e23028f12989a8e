"""The event loop that one connection of the client lives in, in a thread of its own.

The client would use one loop for the whole process, log its complaints about broken connections in many
lines, and leave a connection open that never answered. Guarantees: at the end every connection that was made
here is closed, nothing waits any more, and nothing was written to stderr.
"""

import asyncio
import threading
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
        self._thread = threading.Thread(target=self._run, name="databento loop", daemon=True)
        self._thread.start()

    @property
    def is_hung_up(self) -> bool:
        """Returns whether there was a connection, and there is none any more."""
        return bool(self.loop.connections) and all(each.is_closing() for each in self.loop.connections)

    def break_off(self) -> None:
        """Closes connections, and breaks off what waits for them; from any thread."""
        with suppress(RuntimeError):  # it is closed
            self.loop.call_soon_threadsafe(_break_off, self.loop)

    def close(self) -> None:
        """Ends the loop; nothing of the client may use it afterwards."""
        self.loop.call_soon_threadsafe(_end, self.loop, _ROUNDS_TO_CLOSE)
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        """Closes the loop as well: on a machine under load it may end after nobody waits for it any more."""
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()


def _break_off(loop: _Loop) -> None:
    for connection in loop.connections:
        connection.abort()
    for task in asyncio.all_tasks(loop):
        task.cancel()


def _end(loop: _Loop, rounds: int) -> None:
    """Stops the loop some rounds later: sockets close, and tasks end, a round after they were told to."""
    if rounds:
        _break_off(loop)
        loop.call_soon(_end, loop, rounds - 1)
    else:
        loop.stop()
