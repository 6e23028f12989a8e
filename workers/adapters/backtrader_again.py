"""Exits of a live cerebro's strategy that the broker did not do: they stay under way and are tried again.

It exists because a refusal that a strategy is handed back waits for its next bar, if it thinks of it at all.
As with a worker's own exits it is seconds, at growing pauses; one of which nobody knows waits for the next
bar, by when its answer may have come. Only for the thread of the cerebro.
"""

from typing import Any, NamedTuple

from portfold.clock import Clock, SystemClock
from portfold.workers.pauses import Pauses

_FIRST_SECONDS = 2.0
_LONGEST_SECONDS = 60.0


class _WaitingExit(NamedTuple):
    """Once its pause is over, or only at the next bar."""

    order: Any
    only_at_a_bar: bool


class ExitsAgain:
    """Keeps the orders to try again, by Backtrader's number of each."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._pauses = Pauses(clock or SystemClock(), _FIRST_SECONDS, _LONGEST_SECONDS)
        self._waiting: dict[int, _WaitingExit] = {}
        self._tried: set[int] = set()

    def later(self, order: Any) -> float:
        """Has the order tried again. Returns in how many seconds."""
        self._waiting[order.ref] = _WaitingExit(order, only_at_a_bar=False)
        return self._pauses.begin(order.ref)

    def at_the_next_bar(self, order: Any) -> None:
        """Has the order tried at the next bar, when its answer may have come."""
        self._waiting[order.ref] = _WaitingExit(order, only_at_a_bar=True)
        self._pauses.end(order.ref)

    def due(self, *, bar_ended: bool) -> list[Any]:
        """Returns what is to be tried now; at a bar all of it. Each is put back if it is not done."""
        for done in self._tried - self._waiting.keys():
            self._pauses.end(done)
        due = [
            one.order
            for ref, one in self._waiting.items()
            if bar_ended or (not one.only_at_a_bar and self._pauses.is_over(ref))
        ]
        self._tried = {order.ref for order in due}
        for order in due:
            del self._waiting[order.ref]
        return due

    def drop(self, order: Any) -> bool:
        """Drops the order. Returns whether it was waiting."""
        self._pauses.end(order.ref)
        return self._waiting.pop(order.ref, None) is not None

    def waiting(self) -> list[Any]:
        """Returns the orders, the oldest first."""
        return [one.order for one in self._waiting.values()]
