"""Reads the events for the demo's screen, on a thread and a connection of its own.

Guarantees: it writes nothing, and only the demo's last page waits for it.
"""

import threading
import time
from typing import Self

from portfold.cli.demo.sight import SeenLine, Sight, View
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError

_READ_AT_ONCE = 500
_BLOCK_MS = 200
_CLOSE_SECONDS = 5.0


class Watch:
    """Feeds a Sight with the events, on a thread of its own, within a `with` block."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._sight = Sight()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._closing.set()
        self._thread.join(_CLOSE_SECONDS)

    def view(self) -> View:
        """Returns what a screen shows now."""
        with self._changed:
            return self._sight.view()

    def take_notes(self) -> list[SeenLine]:
        """Returns the lines noted since the last call, for a demo without a screen."""
        with self._changed:
            return self._sight.take_notes()

    def catch_up(self, last: StreamId, *, seconds: float) -> bool:
        """Waits until the event `last` is seen; returns whether it was in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._sight.cursor >= last, seconds)

    def end(self) -> None:
        """Notes the line of the unfinished day."""
        with self._changed:
            self._sight.end()

    def _follow(self) -> None:
        while not self._closing.is_set():
            try:
                entries = self._bus.events_after(self._sight.cursor, count=_READ_AT_ONCE, block_ms=_BLOCK_MS)
            except BusError:
                return  # the demo fails by itself; the last view stays
            now = time.monotonic()
            with self._changed:
                for entry in entries:
                    self._sight.see_event(entry, now)
                self._changed.notify_all()
