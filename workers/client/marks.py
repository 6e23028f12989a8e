"""Marks at a measured pace: on change, at most every so often, the latest never lost for good."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from portfold.clock import Clock
from portfold.events.fields import Side


class Mark(NamedTuple):
    """What an open position would make at `price`, in dollars; `moment_ms` is the market's time of that."""

    symbol: str
    side: Side
    price: Decimal
    unrealized: Decimal
    moment_ms: int = 0


class Marks:
    """Passes marks on to `publish`, each symbol's at most every `every_seconds`.

    One that comes too soon, or that the bus does not take, waits, replaced by later ones, for `publish_due`.
    One like the last is passed on only when `repeat_seconds` have gone by, so that a market at rest does not
    look like a dead worker.
    """

    def __init__(
        self, publish: Callable[[Mark], bool], *, every_seconds: float, repeat_seconds: float, clock: Clock
    ) -> None:
        self._publish = publish
        self._every_seconds = every_seconds
        self._repeat_seconds = max(repeat_seconds, every_seconds)
        self._clock = clock
        self._lock = threading.Lock()
        self._published: dict[str, tuple[Mark, float]] = {}
        self._waiting: dict[str, Mark] = {}

    def offer(self, mark: Mark) -> bool:
        """Publishes the mark if it is time; true if it went out."""
        with self._lock:
            return self._offer(mark)

    def due_in(self, symbol: str) -> float:
        """Returns in how many seconds a mark of the symbol that differs from its last may go out."""
        with self._lock:
            last = self._published.get(symbol)
            return 0.0 if last is None else last[1] + self._every_seconds - self._clock.monotonic()

    def publish_due(self) -> None:
        """Publishes what has waited long enough."""
        with self._lock:
            for mark in list(self._waiting.values()):
                self._offer(mark)

    def forget(self, symbol: str) -> None:
        """Drops the waiting mark of a position that is closed."""
        with self._lock:
            self._published.pop(symbol, None)
            self._waiting.pop(symbol, None)

    def _offer(self, mark: Mark) -> bool:
        last, at = self._published.get(mark.symbol, (None, 0.0))
        age = self._clock.monotonic() - at
        wait_seconds = self._repeat_seconds if last == mark else self._every_seconds
        if last is not None and self._every_seconds and age < wait_seconds:
            self._waiting[mark.symbol] = mark
            return False
        self._waiting.pop(mark.symbol, None)
        if self._publish(mark):
            self._published[mark.symbol] = (mark, self._clock.monotonic())
            return True
        self._waiting[mark.symbol] = mark
        return False
