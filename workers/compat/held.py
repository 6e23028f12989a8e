"""What one drop-in holds: its positions, and the slots that were granted and are not registered yet.

Any thread may use it; each method is one step. Nothing here asks the bus, so that an emergency can.
"""

import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

from events.fields import Side
from events.legs import Holding
from workers.compat.positions import Leg
from workers.decision import Decision


class Granted(NamedTuple):
    """A slot, and what was asked for."""

    decision: Decision
    side: Side
    size: int

    def covers(self, side: Side, size: int) -> bool:
        """Whether a fill of that is what was granted, in time."""
        return (side, size) == (self.side, self.size) and time.monotonic() < self.decision.good_until


class Held:
    """By symbol."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._granted: dict[str, Granted] = {}
        self._legs: dict[str, Leg] = {}

    def grant(self, symbol: str, granted: Granted) -> None:
        """A slot is ours from now on."""
        with self._lock:
            self._granted[symbol] = granted

    def ungrant(self, symbol: str) -> Granted | None:
        """The slot is about to be used, or given back; None where there is none."""
        with self._lock:
            return self._granted.pop(symbol, None)

    def add(self, fresh: Leg) -> None:
        """A fill: with what is open in the symbol, at the average price."""
        with self._lock:
            before = self._legs.get(fresh.symbol)
            self._legs[fresh.symbol] = before.joined(fresh) if before else fresh

    def take_over(self, earlier: Iterable[Leg]) -> None:
        """Counts as ours what an earlier life held; what is known here already stays as it is."""
        with self._lock:
            for leg in earlier:
                self._legs.setdefault(leg.symbol, leg)

    def forget(self, symbol: str) -> Leg | None:
        """Closed."""
        with self._lock:
            return self._legs.pop(symbol, None)

    def leg(self, symbol: str) -> Leg | None:
        """What is open in the symbol."""
        with self._lock:
            return self._legs.get(symbol)

    def symbols(self) -> list[str]:
        """Of the positions."""
        with self._lock:
            return sorted(self._legs)

    def slots(self) -> list[str]:
        """The symbols that were granted and are not registered: something may have been ordered."""
        with self._lock:
            return sorted(self._granted)

    def holdings(self) -> list[Holding]:
        """The positions, as the coordinator is told of them."""
        with self._lock:
            return [Holding(leg.symbol, leg.side, leg.size, leg.price) for leg in self._legs.values()]
