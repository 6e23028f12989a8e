"""Coordinators as processes of their own, to be watched, paused, stopped and killed.

Run as a module this is one of them: the production composition root with a configuration folder, a log on
standard error and SIGTERM as the only way to end it in good order.
"""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

from msgspec.structs import replace

from portfold.cli.stopping import stopped_by_signals
from portfold.config import Configuration, load, write_defaults
from portfold.coordinator.process import leader
from portfold.coordinator.process.process import run
from portfold.events.roles.server_roles import COORDINATOR
from portfold.events.wire.connection import Place
from portfold.log import open_log
from tests.forked import Forked
from tests.server import under
from tests.waiting import until

ROOT = Path(__file__).parents[1]
READY = "Portfolio coordinator initialized successfully"
NOT_COORDINATING = "Not coordinating, so no entry is answered; trying again"


class Logged:
    """Somebody who writes a log of one JSON object a line."""

    @property
    def running(self) -> bool:
        """Whether there may be more to come."""
        raise NotImplementedError

    def written(self) -> str:
        """All of the log so far."""
        raise NotImplementedError

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged so far; a traceback would be no JSON and fail the test."""
        whole = self.written().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def texts(self) -> list[str]:
        """The event texts of its lines."""
        return [line["event"] for line in self.lines()]

    def says(self, text: str, *, times: int = 1) -> dict[str, Any]:
        """Waits until lines whose text holds `text` have come so many times; returns the last of them."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            running = self.running
            found[:] = [line for line in self.lines() if text in line["event"]]
            return len(found) >= times or not running

        until(look, f"{text!r} in a log")
        assert len(found) >= times, f"it ended without saying {text!r}: {self.written()}"
        return found[times - 1]


class ChildProcess(Logged):
    """A process of ours that writes its log to the file `log`."""

    def __init__(self, module: str, *arguments: str, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            # In a folder where no ./config lies: what is not given is the packaged default.
            self._process = Forked(module, arguments, folder=folder, environment=os.environ, out=log, err=log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def written(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def pause(self) -> None:
        """Stops it in its tracks, as a debugger or a starved machine would."""
        self.signal(signal.SIGSTOP)

    def wake(self) -> None:
        self.signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ends it in good order; returns its exit code."""
        self.signal(signal.SIGTERM)
        return self._process.wait(20)

    def kill(self) -> None:
        """Ends it as a crash would."""
        self.signal(signal.SIGKILL)
        self._process.wait(20)

    def end(self) -> None:
        """Ends it however it is, for good: at the end of a test."""
        with contextlib.suppress(ProcessLookupError):
            self.kill()


class Coordinators:
    """Starts coordinator processes for a test; none outlives it."""

    def __init__(self, folder: Path, url: str, portfolio: str) -> None:
        self._folder = folder
        self._url = url
        self._portfolio = portfolio
        self._started: list[ChildProcess] = []

    def start(
        self,
        *,
        config: Path | None = None,
        clock: Literal["server", "driven"] = "server",
        url: str | None = None,
        portfolio: str | None = None,
        ready: bool = True,
    ) -> ChildProcess:
        """A coordinator; once it leads, unless told not to wait for that."""
        started = ChildProcess(
            "tests.processes",
            url or self._url,
            portfolio or self._portfolio,
            clock,
            *([str(config)] if config else []),
            folder=self._folder,
            name=f"coordinator-{len(self._started) + 1}",
        )
        self._started.append(started)
        if ready:
            started.says(READY)
        return started

    def end(self) -> None:
        for started in self._started:
            started.end()


class CoordinatorThread(Logged):
    """The same code in a thread of the test's own process, for where nobody needs to kill it."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        url: str,
        portfolio: str,
        clock: Literal["server", "driven"] = "server",
    ) -> None:
        self._stop, self._said = threading.Event(), io.StringIO()
        log, self._lines = open_log("coordinator", target=self._said)
        lives = partial(run, configuration, Place(under(COORDINATOR, url, portfolio), None, portfolio))
        self._thread = threading.Thread(target=partial(lives, clock=clock, log=log, stop=self._stop))
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def written(self) -> str:
        return self._said.getvalue()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(20)
        self._lines.close()


def _unhurried(configuration: Configuration) -> Configuration:
    """With a lease that outlasts a process whose other threads leave the leader no time."""
    lease_ms = max(configuration.runtime.lease_ms, 3_000)
    return replace(configuration, runtime=replace(configuration.runtime, lease_ms=lease_ms))


@contextlib.contextmanager
def coordinating(
    url: str,
    portfolio: str,
    *,
    config: Path | None = None,
    clock: Literal["server", "driven"] = "server",
) -> Iterator[CoordinatorThread]:
    """Within the block a thread coordinates; it leads when the block begins."""
    configuration = _unhurried(load(str(config) if config else None, {}, Path("/")))
    with patch.object(leader, "_LONGEST_WAIT_MS", 200):  # so that it ends as soon as with a shorter lease
        thread = CoordinatorThread(configuration, url=url, portfolio=portfolio, clock=clock)
        try:
            thread.says(READY)
            yield thread
        finally:
            thread.stop()


def is_gone(process: int) -> bool:
    """Whether it has ended, be it that nobody has asked for its exit code yet."""
    return state_of(process) in ("", "Z")


def state_of(process: int) -> str:
    """The letter that `ps` shows for what it does, T where it was stopped; nothing where there is none."""
    shown = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip()[:1]


def more_tries(client: Any) -> None:
    """Waits for two more of a coordinator that refuses: each looks at the server's settings first."""

    def tries() -> int:
        return int(client.info("commandstats")["cmdstat_config|get"]["calls"])

    before = tries()
    until(lambda: tries() >= before + 2, "more tries")


def config_folder(
    folder: Path, *, limits: Mapping[str, object] | None = None, runtime: Mapping[str, object] | None = None
) -> Path:
    """The packaged configuration in `folder`, with some limits and some of runtime.json changed."""
    if not folder.exists():
        write_defaults(folder)
    for file, section, changes in (
        ("portfolio_optimization.json", "portfolio_constraints", limits),
        ("runtime.json", None, runtime),
    ):
        tree = json.loads((folder / file).read_text())
        (tree[section] if section else tree).update(changes or {})
        (folder / file).write_text(json.dumps(tree))
    return folder


def main(url: str, portfolio: str, clock: Literal["server", "driven"], config: str | None = None) -> None:
    """Coordinates until SIGTERM."""
    log, lines = open_log("coordinator")
    try:
        with stopped_by_signals() as stop:
            run(
                load(config, {}, Path.cwd()),
                Place(under(COORDINATOR, url, portfolio), None, portfolio),
                clock=clock,
                log=log,
                stop=stop.event,
            )
    finally:
        lines.close()


if __name__ == "__main__":
    url, portfolio, clock, *config = sys.argv[1:]
    main(url, portfolio, "driven" if clock == "driven" else "server", *config)
