"""How a process measures and spends time; never what time it is on the log, which only the log knows.

Given in from outside, so that a simulation can run a whole day of waits in a moment.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds from some beginning that never jump, and waiting by them."""

    def monotonic(self) -> float:
        """Seconds; only differences mean anything."""
        ...

    def sleep(self, seconds: float) -> None:
        """Waits."""
        ...


class SystemClock:
    """The machine's."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
