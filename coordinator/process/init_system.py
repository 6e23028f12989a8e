"""Tells the init system that started this process, such as systemd, that it is ready and that it goes on.

The protocol is that of sd_notify(3): datagrams of NAME=VALUE lines to the socket that the environment names.
A sign of life comes from the work itself, never from a thread of its own: one of a process that hangs would
be worth nothing. Guarantees: nothing here raises or waits; where nobody listens, nothing is sent.
"""

import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

_SOCKET = "NOTIFY_SOCKET"
_LONGEST_TEXT = 200


class InitSystem:
    """Whoever listens at a socket's address, as in `NOTIFY_SOCKET`; nobody where that is empty."""

    def __init__(self, address: str = "", monotonic: Callable[[], float] = time.monotonic) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._monotonic = monotonic
        self._said, self._signed = "", float("-inf")

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "InitSystem":
        """Returns the one that the environment names, or nobody."""
        return cls(environ.get(_SOCKET, ""))

    def alive(self, doing: str) -> None:
        """Gives a sign of life, once a second at most, and says what the process does where that changed.

        It is ready as soon as it does something: empty is `doing` while it still begins.
        """
        lines = []
        if doing != self._said:
            lines = ["READY=1"] if not self._said else []
            lines.append(f"STATUS={' '.join(doing.split())[:_LONGEST_TEXT]}")
        now = self._monotonic()
        if now - self._signed >= 1.0:
            self._signed = now
            lines.append("WATCHDOG=1")
        if self._send(lines):
            self._said = doing

    def ending(self) -> None:
        """Says that the process ends by itself, as it was asked to."""
        self._send(["STOPPING=1"])

    def _send(self, lines: list[str]) -> bool:
        """Returns whether they were taken: what was not is said again."""
        if lines and self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
                to.settimeout(0)
                to.sendto("\n".join(lines).encode(), self._address)
                return True
        return False
