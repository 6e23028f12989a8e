"""Processes of ours that are there in milliseconds: forked from one that has imported what they import.

Each runs its module as `python -m` would, and is as real as any: its folder, environment, files and signals
are its own, and its interpreter is shut down in the end. What is not tried is the start of Python itself: who
is about that, or gives Python a setting, starts `python -m` (`tests/cli/test_launch.py`).
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, NamedTuple

_ROOT = Path(__file__).parents[1]
IMPORTED = (
    "portfold.cli.dashboard.serving",
    "portfold.cli.main",
    "portfold.coordinator.process.process",
    "portfold.coordinator.views.overview",
    "portfold.workers.flattener.process",
    "portfold.workers.notify.process",
    "portfold.workers.run.process",
)
"""Before the first fork. None of them starts a thread."""
_LENGTH = 4
_FILES = 4


class Order(NamedTuple):
    """What a process is to be."""

    module: str
    arguments: list[str]
    folder: str
    environment: dict[str, str]

    def obeyed(self) -> None:
        """In the new process: is it, to its end."""
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment)
        time.tzset()
        sys.argv[1:] = self.arguments
        sys.modules.pop(self.module, None)  # its first import was of the one that forks
        runpy.run_module(self.module, run_name="__main__", alter_sys=True)


class Forked:
    """A process under way, to be asked and told as `subprocess.Popen` is."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        out: IO[bytes],
        err: IO[bytes],
    ) -> None:
        """Starts it, with nothing to read."""
        order = Order(module, list(arguments), str(folder), dict(environment))
        self.returncode: int | None = None
        self._told, tells = os.pipe()
        with Path(os.devnull).open("rb") as nothing:
            self.pid = _parent().forks(order, (nothing.fileno(), out.fileno(), err.fileno(), tells))
        os.close(tells)

    def poll(self) -> int | None:
        """Its exit code, below 0 a signal's number; None as long as it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Its exit code, once it has ended; TimeoutExpired if it does not."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            self.returncode = os.waitstatus_to_exitcode(int(os.read(self._told, 20)))
            os.close(self._told)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it as a crash would."""
        self.send_signal(signal.SIGKILL)


class _Parent:
    """The one that forks, seen from the tests."""

    def __init__(self) -> None:
        self._line, its = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.forked", str(its.fileno())],
            cwd=_ROOT,
            env=os.environ | {"PYTHONPATH": str(_ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
        )
        its.close()
        atexit.register(self.end)

    def forks(self, order: Order, files: Sequence[int]) -> int:
        """The process that follows the order; `files` are its standard three, and where its end is told."""
        words = json.dumps(order).encode()
        socket.send_fds(self._line, [len(words).to_bytes(_LENGTH, "big")], files)
        self._line.sendall(words)
        born = self._line.recv(_LENGTH, socket.MSG_WAITALL)
        assert born, "the one that forks is gone; its last words are on standard error"
        return int.from_bytes(born, "big")

    def end(self) -> None:
        """Lets it go, and whoever is left of its children."""
        self._line.close()
        self._process.wait(20)


@cache
def _parent() -> _Parent:
    return _Parent()


# --- in the one that forks --------------------------------------------------------------------------------


class _Nursery:
    """Forks whenever it is told to, and tells of each child how it ended."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._tells: dict[int, int] = {}
        self._ended, self._bell = os.pipe()
        os.set_blocking(self._bell, False)

    def order(self) -> Order | None:
        """In each child what it was born for; in the one that forks None, once nobody is left to tell it."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._bell)
        while True:
            readable = select.select([self._line.fileno(), self._ended], [], [])[0]
            if self._ended in readable:
                os.read(self._ended, 1000)
                self._bury()
            if self._line.fileno() in readable:
                heard, files, *_ = socket.recv_fds(self._line, _LENGTH, _FILES)
                if not heard:
                    return None
                words = self._line.recv(int.from_bytes(heard, "big"), socket.MSG_WAITALL)
                if self._is_the_child(files):
                    return Order(*json.loads(words))

    def end(self) -> None:
        """Kills whoever is left."""
        for pid in self._tells:
            os.kill(pid, signal.SIGKILL)

    def _is_the_child(self, files: Sequence[int]) -> bool:
        *standard, tells = files
        pid = os.fork()
        if pid == 0:
            self._lets_go()
            os.close(tells)
            for number, file in enumerate(standard):
                os.dup2(file, number)
        else:
            self._tells[pid] = tells
            self._line.sendall(pid.to_bytes(_LENGTH, "big"))
        for file in standard:
            os.close(file)
        return pid == 0

    def _lets_go(self) -> None:
        """In the child: of all that is its parent's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for file in (self._ended, self._bell, *self._tells.values()):
            os.close(file)
        self._tells.clear()
        self._line.close()

    def _bury(self) -> None:
        while self._tells:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            tells = self._tells.pop(pid)
            with contextlib.suppress(BrokenPipeError):
                os.write(tells, str(status).encode())
            os.close(tells)


def main(line: int) -> None:
    """Forks until nobody is left to tell it."""
    for module in IMPORTED:
        importlib.import_module(module)
    gc.freeze()
    nursery = _Nursery(socket.socket(fileno=line))
    if order := nursery.order():
        order.obeyed()
    else:
        nursery.end()


if __name__ == "__main__":
    main(int(sys.argv[1]))
