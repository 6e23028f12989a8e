"""An order on its way from the thread that sends it to the connection's, which alone may write.

Guarantees: what was not written within a moment never is, also where the process was halted in between, or
the machine slept.
"""

import threading
import time
from collections.abc import Callable

from portfold.workers.brokers.protocol import BrokerError

HAND_OVER_SECONDS = 1.0
"""After this an order that was not written yet never is: its `may_send` is too old."""


class NotSent(BrokerError):
    """The order was not written, and never will be."""


def clocks() -> tuple[float, float]:
    """Returns seconds by two clocks: one never jumps, but stands still while a machine sleeps."""
    return time.monotonic(), time.time()


class HandingOver:
    """One order. Either the one thread writes it, or the other gives it up: never both, never neither."""

    def __init__(self, now: Callable[[], tuple[float, float]] = clocks) -> None:
        self._now = now
        self._begun = now()
        self._changed = threading.Condition()
        self._wanted = True
        self._written_to: int | None = None
        self._failed: NotSent | None = None

    def do(self, write: Callable[[], int]) -> None:
        """Writes, unless nobody wants that any more; `write` returns the number of the connection."""
        with self._changed:
            if not self._wanted:
                return
            try:
                self._refuse_what_is_old()
                self._written_to = write()
            except NotSent as error:
                self._failed = error
            except ConnectionError as error:  # before a byte was written
                self._failed = NotSent(f"No connection to Interactive Brokers: {error}")
            self._changed.notify_all()

    def wait(self, seconds: float) -> int:
        """Returns the connection that it was written to. Raises NotSent; after that it never will be."""
        with self._changed:
            self._changed.wait_for(lambda: self._written_to is not None or self._failed, seconds)
            self._wanted = False
            if self._written_to is not None:
                return self._written_to
            raise self._failed or NotSent("The connection was too busy to send an order")

    def _refuse_what_is_old(self) -> None:
        seconds = max(now - begun for now, begun in zip(self._now(), self._begun, strict=True))
        if seconds > HAND_OVER_SECONDS:
            raise NotSent(f"An order was not sent any more: {seconds:.0f} s went by before it could be")
