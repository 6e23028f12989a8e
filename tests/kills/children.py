"""Processes forked from one that has everything imported: there within milliseconds, and as real as any.

The parent holds a line to each child: a word on it is an order, its end means that the parent is gone and the
child has to go too. So nothing is left, however this ends.
"""

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

Hear = Callable[[str], None]
Life = Callable[[Callable[[Hear], None]], None]
"""What a child does. It is given a function that says who hears its orders."""

_FAILED = 70


class Child:
    """A process; `orders` may be sent to it until it has ended."""

    def __init__(self, name: str, pid: int, line: int) -> None:
        self.name = name
        self.pid = pid
        self._line = line
        self.code: int | None = None

    def order(self, word: str) -> None:
        """Sends it a word; one that is dead hears nothing."""
        if self.code is not None:
            return
        with contextlib.suppress(BrokenPipeError):
            os.write(self._line, f"{word}\n".encode())

    def kill(self) -> None:
        """Kills it with -9 and waits for its end."""
        if self.ended():
            return
        os.kill(self.pid, signal.SIGKILL)
        self._note(os.waitpid(self.pid, 0)[1])

    def ended(self) -> bool:
        """Whether it has ended; `code` then says how: below 0, by that signal."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._note(status)
        return self.code is not None

    def let_go(self) -> None:
        """Closes what a fork has of the line to it."""
        if self.code is None:
            os.close(self._line)

    def _note(self, status: int) -> None:
        self.code = os.waitstatus_to_exitcode(status)
        os.close(self._line)


class Nursery:
    """Where children are forked. Only from a process with a single thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._children: list[Child] = []

    def start(self, name: str, life: Life) -> Child:
        """A child that leads its life, its standard output and error in a file of its own."""
        mouth, line = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            for other in self._children:
                other.let_go()
            os.close(line)
            os._exit(_live(life, mouth, self.folder / f"{name}.log"))
        os.close(mouth)
        child = Child(name, pid, line)
        self._children.append(child)
        return child

    def end(self) -> None:
        """Kills whoever is left."""
        for child in self._children:
            child.kill()


def _live(life: Life, mouth: int, log: Path) -> int:
    """In the child: leads its life; its exit code."""
    try:
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.setsid()  # out of reach of the terminal's Ctrl-C
        life(lambda hear: _listen(mouth, hear))
    except BaseException:  # noqa: BLE001 - it must not go on as its parent would
        traceback.print_exc()
        return _FAILED
    return 0


def _listen(mouth: int, hear: Hear) -> None:
    def listen() -> None:
        with os.fdopen(mouth) as orders:
            for order in orders:
                hear(order.strip())
        os._exit(_FAILED)  # the parent is gone

    threading.Thread(target=listen, name="orders", daemon=True).start()
