"""HTTP with patience that ends: who opens a connection and does not say what he wants is hung up on.

So connections that only stand there cannot keep everybody else out: there is a most of them.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0


class PatientProtocol(H11Protocol):
    """The server's own protocol, which waits only so long for the whole head of a request."""

    head_seconds = HEAD_SECONDS
    _hangs_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Waits for the first head from now on."""
        super().connection_made(transport)
        self._expect_a_head()

    def data_received(self, data: bytes) -> None:
        """Takes what came; a head that began has to end in time, however many bytes of it trickle in."""
        super().data_received(data)
        cycle = getattr(self, "cycle", None)  # none before the first request, whatever its type says
        if cycle is not None and not cycle.response_complete:
            self._expect_none()
        elif self._hangs_up is None:
            self._expect_a_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no more."""
        self._expect_none()
        super().connection_lost(exc)

    def _expect_a_head(self) -> None:
        self._hangs_up = self.loop.call_later(self.head_seconds, self.transport.close)

    def _expect_none(self) -> None:
        if self._hangs_up is not None:
            self._hangs_up.cancel()
            self._hangs_up = None
