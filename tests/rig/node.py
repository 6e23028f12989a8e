"""One server of several, from the embedded server's own binary, whatever else it is told to be."""

import random
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from redis import Redis, RedisError

from portfold.events.roles.own_server import KEEPER
from portfold.events.wire.embedded import HOST, server_binary
from tests.server import keepers_sha256
from tests.waiting import until

_PORTS, _PORTS_BESIDE = (20_000, 29_000), (20_000, 22_700)
"""Below those that the system hands to outgoing connections, and so is what lies 10,000 above the latter."""


class Node:
    """A server on a port of its own; `words` come first on its command line, `settings` are its own."""

    def __init__(self, folder: Path, port: int, *words: str, **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port
        self._folder = folder
        self._words = words
        self._settings = {"bind": HOST, "port": str(port), "dir": str(folder), "save": "", **settings}
        # As on an embedded server; a Sentinel has no use for one.
        keeper = ("--user", KEEPER, "on", f"#{keepers_sha256()}", "~*", "&*", "+@all")
        self._keeper = () if "--sentinel" in words else keeper
        self.is_up = False
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def start(self) -> None:
        """Starts it, or starts it again with what it has kept; returns when it answers."""
        named = [
            word for name, value in self._settings.items() for word in (f"--{name.replace('_', '-')}", value)
        ]
        with (self._folder / "node.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(server_binary()), *self._words, *named, *self._keeper],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            until(self._answers, f"the node on {self.port} to answer")
        except BaseException:
            self.kill()
            raise
        self.is_up = True

    def ask(self, *words: str) -> Any:
        """Gives it a command on a connection of its own."""
        with Redis(HOST, self.port, decode_responses=True, socket_timeout=10) as client:
            return client.execute_command(*words)

    def facts(self, section: str) -> dict[str, Any]:
        """Returns a section of its INFO."""
        with Redis(HOST, self.port, decode_responses=True, socket_timeout=10) as client:
            found: dict[str, Any] = client.info(section)
            return found

    def kill(self) -> None:
        """Kills it with -9; nothing if it is not running."""
        self.is_up = False
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)
            self._process = None

    def freeze(self) -> None:
        """Stops it in mid-air, as a machine that hangs."""
        self.is_up = False
        self._signal(signal.SIGSTOP)

    def come_back(self) -> None:
        """Goes on where it was frozen; where it was killed, starts again."""
        if self._process is None:
            self.start()
        else:
            self._signal(signal.SIGCONT)
            self.is_up = True

    def _signal(self, which: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(which)

    def _answers(self) -> bool:
        if self._process is not None and (code := self._process.poll()) is not None:
            raise AssertionError(f"the node on {self.port} ended with {code}: see {self._folder}/node.log")
        try:
            return bool(self.ask("PING"))
        except RedisError:
            return False


def free_ports(count: int, *, beside: int = 0) -> list[int]:
    """Returns so many ports that nobody listens on now; with `beside` that one above each is free as well."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(*_PORTS_BESIDE if beside else _PORTS)
        if port in found or any(abs(port - other) in (0, beside) for other in found):
            continue
        try:
            for wanted in {port, port + beside}:
                with socket.socket() as tried:
                    tried.bind((HOST, wanted))
        except OSError:
            continue
        found.append(port)
    return found
