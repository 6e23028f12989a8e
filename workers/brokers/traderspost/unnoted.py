"""What became of exits that the book could not take in, being locked or full when the answer came.

Guarantees: who closes the same contracts again, in this process, has it noted first, and gets the fill of an
exit that was taken in place of a second order. Of one owner and symbol one exit is kept, before all others
one that was taken. It ends with the process: whoever comes next finds the contracts open.
"""

import threading
from typing import NamedTuple

from portfold.workers.brokers.order import ExitFill
from portfold.workers.brokers.orders_book import BrokerOrder, State
from portfold.workers.brokers.traderspost.believed import Believed


class Became(NamedTuple):
    """The exit is in `state` now; for one that was taken with what `Believed.exited` asks for."""

    order: BrokerOrder
    state: State
    message: str
    sure: int = 0
    everything: bool = False


class Unnoted:
    """Exits not noted yet. Any thread may use it. True while there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], Became] = {}

    def __bool__(self) -> bool:
        return bool(self._kept)

    def keep(self, became: Became) -> None:
        """Keeps the outcome until it is noted."""
        key = (became.order.owner, became.order.symbol)
        with self._lock:
            before = self._kept.get(key)
            if before is None or before.state != "accepted":
                self._kept[key] = became

    def of(self, owner: str, symbol: str) -> Became | None:
        """Returns what is not noted yet of the owner's exits on the symbol."""
        with self._lock:
            return self._kept.get((owner, symbol))

    def perhaps_done(self, owner: str, symbol: str) -> BrokerOrder | None:
        """Returns the order of that, where it has closed contracts or may have."""
        became = self.of(owner, symbol)
        return became.order if became and became.state in ("accepted", "unknown") else None

    def note(self, became: Became, believed: Believed) -> ExitFill | None:
        """Writes the outcome into the book, unless settled. Returns the fill of an exit that was taken."""
        if believed.orders.is_settled(became.order.id):
            return None
        if became.state == "accepted":
            return believed.exited(became.order, sure=became.sure, everything=became.everything)
        believed.note(became.order, became.state, became.message)
        return None

    def forget(self, became: Became) -> None:
        """Forgets what is in the book now."""
        key = (became.order.owner, became.order.symbol)
        with self._lock:
            if self._kept.get(key) is became:
                del self._kept[key]
