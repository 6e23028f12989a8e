"""How a long-running command is told to stop: SIGTERM, or Ctrl-C, once. A second Ctrl-C stops at once.

One that only looks has nothing to bring to an end: it is stopped wherever it is.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

from portfold.cli.exits import INTERRUPTED, OK


class Stop:
    """Its `event` is set by the first signal, `exit_code` is the one that this asks for.

    A thread of its own sets the event: an Event has a lock, and a handler that interrupts the very thread
    that has it, in the middle of a wait, would wait for ever.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self.exit_code = OK
        self._told = False
        self._heard: SimpleQueue[int | None] = SimpleQueue()  # made to be put into from a handler
        self._setting = threading.Thread(target=self._set, name="signals", daemon=True)
        self._setting.start()

    def heard(self, number: int, _frame: FrameType | None) -> None:
        """The signals' handler."""
        if self._told and number == signal.SIGINT:
            raise KeyboardInterrupt
        if number == signal.SIGINT:
            self.exit_code = INTERRUPTED
        self._told = True
        self._heard.put(number)

    def close(self) -> None:
        """Ends the thread."""
        self._heard.put(None)
        self._setting.join()

    def _set(self) -> None:
        if self._heard.get() is not None:
            self.event.set()


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """Within the block, signals set the Stop instead of ending the process."""
    stop = Stop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, stop.heard) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Within the block SIGTERM ends the command at once, and in order, as Ctrl-C does by itself."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(OK)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
