"""The demo's child processes. Guarantees: all of them have ended when the demo ends, however it does."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from portfold.cli.exits import Failure
from portfold.cli.run.leash import leashed
from portfold.events.roles.credentials import ENVIRONMENT_VARIABLE

_END_SECONDS = 30.0
_PAUSE_SECONDS = 0.02


class ChildDied(Failure):
    """A process that the demo needs has ended by itself."""


class Children:
    """Runs `portfold` commands as processes, their logs in `folder`; ends them all with its block.

    Each comes to the server under its role, by the file `credentials`.
    """

    def __init__(self, folder: Path, credentials: Path) -> None:
        self._folder = folder
        self._users = {ENVIRONMENT_VARIABLE: str(credentials)}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop(list(self._running))

    def start(self, name: str, words: Sequence[str], variables: Mapping[str, str] | None = None) -> int:
        """Starts `portfold WORDS`, its log in `<name>.log`; returns the process's id.

        `variables` are added to its environment.
        """
        with self.log_of(name).open("ab") as log:
            child = subprocess.Popen(
                [*leashed(), *words],
                stdin=subprocess.PIPE,  # the leash
                stdout=log,
                stderr=log,
                env={**os.environ, **self._users, **(variables or {})},
                start_new_session=True,  # a Ctrl-C is the demo's to deal with
            )
        self._running[name] = child
        return child.pid

    def log_of(self, name: str) -> Path:
        """Returns the file of the process's log."""
        return self._folder / f"{name}.log"

    def check(self) -> None:
        """Raises ChildDied when one of them has ended."""
        for name, child in self._running.items():
            code = child.poll()
            if code is not None:
                raise self._died(name, child, code)

    def wait(self, names: Sequence[str]) -> None:
        """Waits until these have ended by themselves. Raises ChildDied for one that fails or does not."""
        deadline = time.monotonic() + _END_SECONDS
        for name in names:
            child = self._running[name]
            try:
                code = child.wait(max(_PAUSE_SECONDS, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise ChildDied(f"The process {name} (pid {child.pid}) did not end when it should.") from None
            self._forget(name)
            if code != 0:
                raise self._died(name, child, code)

    def stop(self, names: Sequence[str]) -> None:
        """Ends these processes in good order, after half a minute by force."""
        ending = [name for name in names if name in self._running]
        for name in ending:
            self._running[name].terminate()
        deadline = time.monotonic() + _END_SECONDS
        for name in ending:
            child = self._running[name]
            try:
                child.wait(max(_PAUSE_SECONDS, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(_END_SECONDS)
            self._forget(name)

    def _died(self, name: str, child: "subprocess.Popen[bytes]", code: int) -> ChildDied:
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return ChildDied(f"The process {name} (pid {child.pid}) {how}; its log is {self.log_of(name)}")

    def _forget(self, name: str) -> None:
        child = self._running.pop(name)
        if child.stdin is not None:
            child.stdin.close()
