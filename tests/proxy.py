"""A network that can fail at will: a TCP proxy before a server.

It forwards bytes both ways. On request it loses the answer to the next command that contains some word, or
the command itself, by cutting the connection; or it replaces some bytes of the answers by others.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

_CHUNK = 1 << 16


class Proxy:
    """Listens on a port of its own and forwards to `port`, both on loopback."""

    def __init__(self, port: int, *, replace: tuple[bytes, bytes] = (b"", b"")) -> None:
        self._port = port
        self._replace = replace
        self._lock = threading.Lock()
        self._word = b""
        self._lose: Literal["answer", "command"] = "answer"
        self._left = 0
        self.lost = 0
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, name="proxy")]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def lose(self, what: Literal["answer", "command"], word: bytes, times: int = 1) -> None:
        """The next so many commands that contain `word` never arrive, or their answers do not."""
        with self._lock:
            self._word, self._lose, self._left = word, what, times

    def cut(self) -> None:
        """Cuts every connection there is."""
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def redirect(self, port: int) -> None:
        """From now on leads to another server, as an address does after a failover."""
        self._port = port
        self.cut()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            thread = threading.Thread(target=self._serve, args=(client,), name="proxied")
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with (
            client,
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self._port)) as server,
        ):
            with self._lock:
                self._open |= {client, server}
            doomed = threading.Event()
            answers = threading.Thread(target=self._forward_answers, args=(server, client, doomed))
            answers.start()
            try:
                self._forward_commands(client, server, doomed)
            finally:
                self._hang_up(client, server)
                answers.join()
                with self._lock:
                    self._open -= {client, server}

    def _forward_commands(
        self, client: socket.socket, server: socket.socket, doomed: threading.Event
    ) -> None:
        while data := client.recv(_CHUNK):
            if self._is_to_be_lost(data):
                if self._lose == "command":
                    return
                doomed.set()
            server.sendall(data)

    def _forward_answers(self, server: socket.socket, client: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(_CHUNK):
                if doomed.is_set():  # the server has done it; nobody hears of that
                    break
                client.sendall(data.replace(*self._replace) if self._replace[0] else data)
        self._hang_up(client, server)

    def _is_to_be_lost(self, data: bytes) -> bool:
        with self._lock:
            if not self._left or self._word not in data:
                return False
            self._left -= 1
            self.lost += 1
            return True

    def _hang_up(self, *sockets: socket.socket) -> None:
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy_to(port: int, *, replace: tuple[bytes, bytes] = (b"", b"")) -> Iterator[Proxy]:
    """A proxy to `port` for the block. In every answer `replace` puts its second part for its first."""
    proxy = Proxy(port, replace=replace)
    try:
        yield proxy
    finally:
        proxy.close()
