"""A worker's sign of life, and its own notice of having been away.

A process that was paused does not feel it; but its clock shows the gap. After one so long that the
coordinator may have counted the worker as lost, `woke_up` is called: it can announce
itself again.
"""

import threading
from collections.abc import Callable, Generator

from portfold.clock import Clock


class Heartbeat:
    """Calls `beat` every so often on a thread of its own, and `woke_up` before it after a long gap."""

    def __init__(
        self,
        *,
        every_seconds: float,
        lost_after_seconds: float,
        beat: Callable[[], None],
        woke_up: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._every_seconds = every_seconds
        self._lost_after_seconds = lost_after_seconds
        self._beat = beat
        self._woke_up = woke_up
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Ends the thread; waits at most two beats for what it is doing."""
        self._stop.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(2 * self._every_seconds)

    def _go_on(self) -> None:
        for pause_seconds in self.steps():
            if self._stop.wait(pause_seconds):
                return

    def steps(self) -> Generator[float, None, None]:
        """Beats, step by step: yields how many seconds to wait before the next."""
        last = self._clock.monotonic()
        while True:
            yield self._every_seconds
            now = self._clock.monotonic()
            if now - last >= self._lost_after_seconds:
                self._woke_up()
            self._beat()
            last = now
