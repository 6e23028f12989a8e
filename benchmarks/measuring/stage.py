"""The stage of a benchmark: a server of its own in a temporary folder, and real processes on it.

After an exception, Ctrl-C or SIGTERM nothing is left: processes are ended, the folder is removed. If the
benchmark itself is killed, its processes see their standard input end, and end by themselves.
"""

import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from types import FrameType
from typing import Any

from benchmarks.measuring.realistic_log import LogEntry
from portfold.cli.run.leash import leashed
from portfold.config import write_defaults
from portfold.errors import PortfoldError
from portfold.events.roles.credentials import ENVIRONMENT_VARIABLE
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import AppendFsync, EmbeddedServer

APPENDFSYNC: AppendFsync = "always"
PATIENCE_SECONDS = 60.0
"""The longest any single step may take on a busy machine before the benchmark gives up."""

_ROOT = Path(__file__).parents[2]
_END_SECONDS = 10.0
_LOOK_SECONDS = 0.003
_ADDED_AT_ONCE = 1000


class BenchmarkFailed(Exception):
    """A benchmark that cannot be measured; the message says why."""


class BenchmarkProcess:
    """A process of the benchmark: reads lines, prints lines, and writes its log to a file."""

    def __init__(self, words: list[str], log: Path, variables: Mapping[str, str]) -> None:
        self._log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, *words],
                cwd=_ROOT,
                env=os.environ | dict(variables),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                bufsize=1,
                start_new_session=True,  # Ctrl-C is for the benchmark, which ends its children itself
            )

    def send(self, line: str) -> None:
        """Sends a line. Raises BenchmarkFailed where the process has ended."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n")
        except BrokenPipeError:
            raise self.failure("ended") from None

    def receive(self, seconds: float = PATIENCE_SECONDS) -> str:
        """Waits so long for a line and returns it. Raises BenchmarkFailed where none comes."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                raise self.failure("said nothing in time")
        line = self._process.stdout.readline()
        if not line:
            raise self.failure("ended")
        return line

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_for_log(self, *texts: str) -> None:
        """Waits until its log holds one of `texts`. Raises BenchmarkFailed where none appears in time."""
        give_up = monotonic() + PATIENCE_SECONDS
        while not any(text in self._log.read_text(errors="replace") for text in texts):
            if self._process.poll() is not None:
                raise self.failure("ended")
            if monotonic() > give_up:
                raise self.failure(f"did not say {' or '.join(map(repr, texts))} in time")
            sleep(_LOOK_SECONDS)

    def kill(self) -> None:
        """Kills the process, as a crash would."""
        self._process.kill()

    def failure(self, what: str) -> BenchmarkFailed:
        """Returns the error that this process did `what`, with the last lines of its log."""
        last_lines = self._log.read_text(errors="replace").splitlines()[-5:]
        return BenchmarkFailed("\n".join([f"The process {self._log.stem} {what}.", *last_lines]))

    def ask_to_end(self) -> None:
        self._process.terminate()

    def end(self) -> None:
        """Waits until the process has ended; kills it where that takes too long."""
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_END_SECONDS)
        self._process.communicate()  # closes the pipes


class Stage:
    """A running server and the processes started on it.

    At `url` portfold's processes come under their roles, as always, and yardsticks may do anything without a
    name; at `hand` one may do anything as the keeper of the server.
    """

    def __init__(self, folder: Path, server: EmbeddedServer) -> None:
        self.folder = folder
        self.url, self.hand = server.url, server.users.keepers_url(server.url)
        self._users = {ENVIRONMENT_VARIABLE: str(server.users.file)}
        self.server_pid = server.pid
        keeper: Any = connect(self.hand)
        with closing(keeper):
            keeper.execute_command("ACL SETUSER", "default", "on", "nopass", "~*", "&*", "+@all")
        self._config = folder / "config"
        write_defaults(self._config)
        self._children: list[BenchmarkProcess] = []

    def bus(self, portfolio: str) -> Bus:
        """Returns a bus to the portfolio on this server."""
        return Bus(connect(self.hand, timeout_seconds=PATIENCE_SECONDS + 1), portfolio)

    def put_on_server(self, key: str, log: Sequence[LogEntry]) -> None:
        """Adds the entries to the stream `key`, each with its own ID."""
        client: Any = connect(self.hand, timeout_seconds=PATIENCE_SECONDS)
        for start in range(0, len(log), _ADDED_AT_ONCE):
            with client.pipeline(transaction=False) as commands:
                for at, fields in log[start : start + _ADDED_AT_ONCE]:
                    commands.execute_command("XADD", key, str(at), *fields)
                commands.execute()
        client.close()

    def start(self, name: str, *words: str, **variables: str) -> BenchmarkProcess:
        """Starts `python WORDS`, with these variables in its environment."""
        child = BenchmarkProcess(list(words), self.folder / f"{name}.log", self._users | variables)
        self._children.append(child)
        return child

    def begun(self, name: str, child_name: str, *words: str) -> BenchmarkProcess:
        """Starts one of `benchmarks.children`; returns once it says anything. Raises BenchmarkFailed."""
        child = self.start(name, "-m", f"benchmarks.children.{child_name}", *words)
        child.receive()
        return child

    def sync_to_disk(self, when: AppendFsync) -> None:
        """Has the server sync what it writes so from now on."""
        client = connect(self.hand, timeout_seconds=PATIENCE_SECONDS)
        client.config_set("appendfsync", when)
        client.close()

    def start_coordinator(self, portfolio: str, **variables: str) -> BenchmarkProcess:
        """Starts `portfold coordinator` with the packaged configuration; returns once it decides.

        Raises BenchmarkFailed where it decides nothing in time.
        """
        child = self.start_another(portfolio, f"coordinator-{portfolio}", **variables)
        bus = self.bus(portfolio)
        # Its first decision, on the limits it puts in force, begins the trading day.
        decided = bus.decisions_after(ORIGIN, count=1, block_ms=int(PATIENCE_SECONDS * 1000))
        bus.close()
        if not decided:
            raise child.failure("decided nothing in time")
        return child

    def start_standby(self, portfolio: str, name: str) -> BenchmarkProcess:
        """Starts a coordinator, called `name`; returns once it stands by, or leads where the other lost the
        lease."""
        child = self.start_another(portfolio, name)
        child.wait_for_log("Standing by", "initialized successfully")
        return child

    def start_another(self, portfolio: str, name: str, **variables: str) -> BenchmarkProcess:
        """Starts a coordinator, called `name`, and returns at once."""
        return self.start(
            name,
            *(*leashed()[1:], "coordinator", "--portfolio", portfolio, "--config", str(self._config)),
            **{"PORTFOLD_URL": self.url, **variables},
        )

    def end(self) -> None:
        for child in self._children:
            child.ask_to_end()
        for child in self._children:
            child.end()


def played(measure: Callable[[Stage], None]) -> int:
    """Measures on a stage that is torn down however the measurement ends; returns the exit code."""
    try:
        with _on_stage() as stage:
            measure(stage)
    except (BenchmarkFailed, PortfoldError) as failed:
        print(f"Not measured: {failed}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


@contextmanager
def _on_stage() -> Iterator[Stage]:
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        with ExitStack() as after:
            folder = Path(after.enter_context(TemporaryDirectory(prefix="portfold-bench-")))
            server = after.enter_context(EmbeddedServer(folder / "server", appendfsync=APPENDFSYNC))
            stage = Stage(folder, server)
            after.callback(stage.end)
            yield stage
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # once is enough, and leaving must not be interrupted
    sys.exit(128 + number)
