"""Stops a long-running command in good order, by SIGTERM or Ctrl-C; a second Ctrl-C stops it at once.

A command that only reads has nothing to finish: `ended_by_sigterm` ends it wherever it is.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

from portfold.cli.exits import INTERRUPTED, OK


class StopSignal:
    """Sets `event` at the first signal, and `exit_code` to the code that belongs to that signal.

    A separate thread sets the event: an Event has a lock, and a signal handler that interrupts the thread
    holding it, in the middle of a wait, would wait for ever.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self.exit_code = OK
        self._signalled = False
        self._received: SimpleQueue[int | None] = SimpleQueue()  # its put is safe in a signal handler
        self._setting = threading.Thread(target=self._set, name="signals", daemon=True)
        self._setting.start()

    def receive(self, number: int, _frame: FrameType | None) -> None:
        """Handles a signal; raises KeyboardInterrupt at a Ctrl-C after the first signal."""
        if self._signalled and number == signal.SIGINT:
            raise KeyboardInterrupt
        if number == signal.SIGINT:
            self.exit_code = INTERRUPTED
        self._signalled = True
        self._received.put(number)

    def close(self) -> None:
        """Ends the thread."""
        self._received.put(None)
        self._setting.join()

    def _set(self) -> None:
        if self._received.get() is not None:
            self.event.set()


@contextmanager
def stopped_by_signals() -> Iterator[StopSignal]:
    """Yields a StopSignal that SIGTERM and Ctrl-C set, instead of ending the process, within the block."""
    stop = StopSignal()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, stop.receive) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Makes SIGTERM end the command at once and in good order within the block, as Ctrl-C does by itself."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(OK)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
