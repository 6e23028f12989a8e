"""A portfolio of two symbols to run, and what its processes have logged."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from portfold.cli.exits import UNUSABLE
from portfold.config import Configuration, load
from tests.cli.command_line import Running, portfold, started
from tests.processes import config_folder
from tests.waiting import until


class Place:
    """A portfolio of two symbols, with its configuration's folder."""

    def __init__(self, url: str, portfolio: str, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "mine"
        self.where = ("--url", url, "--portfolio", portfolio, "--config", str(self.config))
        self.configure()

    def configure(self, **runtime: object) -> Configuration:
        limits = {"symbols": ["CL", "ES"], "daily_stop_loss": 1_000_000}
        config_folder(
            self.config, limits=limits, runtime={"worker_lost_seconds": 60, "lease_ms": 3_000, **runtime}
        )
        return load(str(self.config), {}, self.folder)

    @contextmanager
    def running(self, *words: str, **variables: str) -> Iterator[Running]:
        with started("run", *words, *self.where, cwd=self.folder, **variables) as run:
            try:
                yield run
            finally:
                run.process.send_signal(signal.SIGTERM)
                run.ends()

    def refuses(self, *words: str, code: int = UNUSABLE, **variables: str) -> str:
        ran = portfold("run", *words, *self.where, cwd=self.folder, seconds=50, **variables)
        assert (ran.code, ran.out) == (code, ""), ran.err
        return ran.err


def lines(run: Running) -> list[dict[str, Any]]:
    """What supervisor and children have logged so far, line by line."""
    return [json.loads(line) for line in run.said.read_text().rpartition("\n")[0].splitlines()]


def pid_of(run: Running, child: str, start: int = 1) -> int:
    """The process that a child was started as, the first time or later."""

    def starts() -> list[int]:
        own = [line for line in lines(run) if line["event"] == "Started" and line.get("child") == child]
        return [line["pid"] for line in own]

    until(lambda: len(starts()) >= start, f"start {start} of {child}")
    return starts()[start - 1]


SLOWLY = ("--paper", "--bars", "synthetic", "--pace", "0.05", "--days", "400")
