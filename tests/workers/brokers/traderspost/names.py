"""Name servers that misbehave: what makes connecting fail, or take its time, before anything can be sent."""

import socket
from collections.abc import Callable
from typing import Any

import pytest


class Names:
    """The lookups of who listens on `port`: each does first what is `first` of what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
        self.first: list[Callable[[], object]] = []
        self._port = port
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)

    def _look_up(self, host: Any, port: Any, *args: Any, **more: Any) -> Any:
        if self.first and port == self._port:
            self.first.pop(0)()
        return self._real(host, port, *args, **more)


def no_such_name() -> None:
    """What a name server that is away says, after a while."""
    raise socket.gaierror("Temporary failure in name resolution")
