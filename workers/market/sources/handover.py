"""What crosses from the thread of a session to whoever reads it: a queue with a bound.

Guarantees: nothing is lost in it, and the order stays; once it is closed nobody waits for room.
"""

import queue
import threading
from contextlib import suppress

from portfold.workers.market.sources.items import Item

LOOK_SECONDS = 0.2
_ITEMS_AT_ONCE = 1_000


class Handover:
    """At most `most` items wait in it."""

    def __init__(self, most: int) -> None:
        self._items: queue.Queue[Item] = queue.Queue(most)
        self._is_closed = threading.Event()

    @property
    def is_closed(self) -> bool:
        """Returns whether nobody reads any more."""
        return self._is_closed.is_set()

    def close(self) -> None:
        """Nobody reads any more; may be called twice, and from any thread."""
        self._is_closed.set()

    def take(self, seconds: float) -> list[Item]:
        """Returns what has come, oldest first; waits so long for the first."""
        items: list[Item] = []
        with suppress(queue.Empty):
            items.append(self._items.get(timeout=seconds))
            while len(items) < _ITEMS_AT_ONCE:
                items.append(self._items.get_nowait())
        return items

    def put(self, item: Item) -> None:
        """Hands an item over, however long it takes until there is room; none once it is closed."""
        while not self.is_closed:
            try:
                self._items.put(item, timeout=LOOK_SECONDS)
            except queue.Full:
                continue
            return

    def put_now(self, item: Item) -> bool:
        """Hands an item over if there is room; returns whether there was."""
        try:
            self._items.put_nowait(item)
        except queue.Full:
            return False
        return True
