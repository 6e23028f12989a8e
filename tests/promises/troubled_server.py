"""A real server that can be made full, slow, read-only, loading, busy or unable to write."""

import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from redis import Redis, RedisError

from portfold.events.roles.own_server import KEEPER
from portfold.events.wire.embedded import server_binary
from tests.proxy import Proxy
from tests.rig.node import free_ports
from tests.server import keepers_sha256
from tests.waiting import until

_LOADED = 20_000  # keys, of 2 ms each
_SPINS = "local n = 0 while true do n = n + 1 end"


class TroubledServer:
    """Runs on a free port, behind a proxy; what it acknowledged it keeps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (self.port,) = free_ports(1)
        self._process = self._spawn()
        self.proxy = Proxy(self.port)
        self.answers()

    @property
    def url(self) -> str:
        return self.proxy.url

    def _spawn(self, *more: str) -> subprocess.Popen[bytes]:
        words = (
            *(
                str(server_binary()),
                "--bind",
                "127.0.0.1",
                "--port",
                str(self.port),
                "--dir",
                str(self.folder),
            ),
            *("--appendonly", "yes", "--appendfsync", "always", "--save", "", "--busy-reply-threshold", "50"),
            *("--enable-debug-command", "local", "--enable-protected-configs", "local", *more),
            *("--user", KEEPER, "on", f"#{keepers_sha256()}", "~*", "&*", "+@all"),
        )
        return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def client(self) -> "Redis":
        return Redis(port=self.port, decode_responses=True, socket_timeout=30)

    def answers(self) -> None:
        def ping() -> bool:
            with suppress(RedisError), self.client() as client:
                return bool(client.ping())
            return False

        until(ping, "the server")

    def set(self, **settings: str) -> None:
        with self.client() as client:
            for name, value in settings.items():
                client.config_set(name.replace("_", "-"), value)

    def end(self) -> None:
        self.proxy.close()
        self._process.kill()
        self._process.wait()

    # --- troubles, each within its block --------------------------------------------------------------------

    @contextmanager
    def full(self) -> Iterator[None]:
        self.set(maxmemory="1mb")
        yield
        self.set(maxmemory="0")

    @contextmanager
    def slow(self) -> Iterator[None]:
        """It lies still for as long as the block lasts, and then answers all that was asked."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        with self.client() as client:
            client.execute_command("REPLICAOF", "127.0.0.1", "1")
            yield
            client.execute_command("REPLICAOF", "NO", "ONE")

    @contextmanager
    def loading(self) -> Iterator[None]:
        """It was restarted, and reads its file, key by key and very slowly, before it answers."""
        with self.client() as client:
            client.mset({f"padding-{number}": "x" for number in range(_LOADED)})
            client.bgrewriteaof()
            until(lambda: client.info("persistence")["aof_rewrites"] == 1, "a file that is read key by key")
            until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "that file")
        self._process.kill()
        self._process.wait()
        self._process = self._spawn(
            "--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"
        )
        with self.client() as client:
            until(lambda: _says(client, "LOADING"), "a server that loads")
        yield
        self._process.kill()
        self._process.wait()
        self._process = self._spawn()
        self.answers()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """A script that never ends."""

        def spin() -> None:
            with suppress(RedisError), self.client() as client:
                client.eval(_SPINS, 0)

        thread = threading.Thread(target=spin)
        thread.start()
        with self.client() as client:
            until(lambda: _says(client, "BUSY"), "a busy server")
            yield
            client.execute_command("SCRIPT", "KILL")
        thread.join()

    @contextmanager
    def half_open(self) -> Iterator[None]:
        """Connections come about, and nothing is ever answered on them."""
        with socket.create_server(("127.0.0.1", 0), backlog=128) as silent:
            self.proxy.redirect(int(silent.getsockname()[1]))
            yield
        self.proxy.redirect(self.port)

    @contextmanager
    def failing(self) -> Iterator[None]:
        """It cannot write to its disk, and takes nothing until it can."""
        gone = self.folder / "gone"
        gone.mkdir()
        self.set(save="100000 100000", dir=str(gone))
        gone.rmdir()
        with self.client() as client:
            client.bgsave()
            until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", "a failed save")
            yield
            client.config_set("dir", str(self.folder))
            client.config_set("save", "")

    @contextmanager
    def gone(self) -> Iterator[None]:
        """It was killed, and nobody started it again yet."""
        self._process.kill()
        self._process.wait()
        yield
        self._process = self._spawn()
        self.answers()


def _says(client: "Redis", word: str) -> bool:
    try:
        client.ping()
    except RedisError as error:
        return word in str(error) or word in type(error).__name__.upper()
    return False


TROUBLES: dict[str, Callable[[TroubledServer], AbstractContextManager[None]]] = {
    name: getattr(TroubledServer, name)
    for name in ("full", "slow", "read_only", "loading", "busy", "half_open", "failing", "gone")
}
