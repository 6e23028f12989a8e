"""How a long-running command is told to stop: SIGTERM, or Ctrl-C, once. A second Ctrl-C stops at once.

One that only looks has nothing to bring to an end: it is stopped wherever it is.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from cli.exits import INTERRUPTED, OK


class Stop:
    """Set by the first signal; knows which exit code that asks for."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.exit_code = OK

    def heard(self, number: int, _frame: FrameType | None) -> None:
        """The signals' handler."""
        if self.event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        if number == signal.SIGINT:
            self.exit_code = INTERRUPTED
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
