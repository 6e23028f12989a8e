"""The demo's eyes: reads both streams as anybody may, each on a thread and a connection of its own.

It writes nothing, and nobody waits for it but the demo's own last page.
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol, Self

from cli.demo.sight import Sight, Told, View
from events.bus import Bus, Entry
from events.errors import BusError
from events.stream_id import ORIGIN, StreamId

_READ_AT_ONCE = 500
_BLOCK_MS = 200
_CLOSE_SECONDS = 5.0


class Watch:
    """Shows a Sight what is on the log; within a `with` block."""

    def __init__(self, events_bus: Bus, decisions_bus: Bus) -> None:
        self._sight = Sight()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        tails = (
            (events_bus.events_after, self._sight.see_event),
            (decisions_bus.decisions_after, self._sight.see_decision),
        )
        self._threads = [
            threading.Thread(target=self._follow, args=tail, name="watch", daemon=True) for tail in tails
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join(_CLOSE_SECONDS)

    def view(self) -> View:
        """What there is to be seen now."""
        with self._changed:
            return self._sight.view()

    def take_notes(self) -> list[Told]:
        """What has become worth a line since the last call, where there is no screen."""
        with self._changed:
            return self._sight.take_notes()

    def catch_up(self, last: StreamId, *, seconds: float) -> bool:
        """Waits until the event `last` is seen and every stop is timed; false when that does not come."""
        with self._changed:
            return self._changed.wait_for(lambda: self._sight.cursor >= last and self._sight.timed, seconds)

    def _follow(self, read: "_Read", see: Callable[[Entry, float], None]) -> None:
        after = ORIGIN
        while not self._closing.is_set():
            try:
                entries = read(after, count=_READ_AT_ONCE, block_ms=_BLOCK_MS)
            except BusError:
                return  # the demo notices by itself; what was seen stays
            now = time.monotonic()
            if entries:
                after = entries[-1].id
                with self._changed:
                    for entry in entries:
                        see(entry, now)
                    self._changed.notify_all()


class _Read(Protocol):
    def __call__(self, after: StreamId, *, count: int, block_ms: int) -> list[Entry]: ...
