"""Exits of a live cerebro's strategy that the broker did not do: they stay under way and are tried again.

It exists because a refusal that a strategy is handed back waits for its next bar, if it thinks of it at all.
As with a worker's own exits it is seconds, at growing pauses; one of which nobody knows waits for the next
bar, by when its answer may have come. Only for the thread of the cerebro.
"""

from typing import Any, NamedTuple

from portfold.clock import Clock, SystemClock

_FIRST_SECONDS = 2.0
_LONGEST_SECONDS = 60.0


class _Again(NamedTuple):
    """When, monotonic, and after which pause; None at the next bar."""

    order: Any
    at: float | None
    pause_seconds: float


class ExitsAgain:
    """By Backtrader's number of the order."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._waiting: dict[int, _Again] = {}
        self._tried: dict[int, float] = {}

    def later(self, order: Any) -> float:
        """Within seconds: in how many."""
        pause = min(2 * self._tried.get(order.ref, _FIRST_SECONDS / 2), _LONGEST_SECONDS)
        self._waiting[order.ref] = _Again(order, self._clock.monotonic() + pause, pause)
        return pause

    def at_the_next_bar(self, order: Any) -> None:
        """When its answer may have come."""
        self._waiting[order.ref] = _Again(order, None, _FIRST_SECONDS / 2)

    def due(self, *, bar_ended: bool) -> list[Any]:
        """What is to be tried now; at a bar all of it. Each is put back if it is not done."""
        now = self._clock.monotonic()
        due = [one for one in self._waiting.values() if bar_ended or (one.at is not None and now >= one.at)]
        self._tried = {one.order.ref: one.pause_seconds for one in due}
        for one in due:
            del self._waiting[one.order.ref]
        return [one.order for one in due]

    def drop(self, order: Any) -> bool:
        """Whether it was waiting; it does no longer."""
        return self._waiting.pop(order.ref, None) is not None

    def waiting(self) -> list[Any]:
        """The orders, the oldest first."""
        return [one.order for one in self._waiting.values()]
