"""Watches the workers' heartbeats for the leader, and turns a lapse into an event.

A lost worker is a fact about the world, so it goes on the log like any other: a replay needs no clock.
"""

from collections.abc import Callable

from portfold.coordinator.fold.state import State
from portfold.events.incoming import WorkerLost
from portfold.events.wire.bus import Bus

_LOOK_SECONDS = 0.5


class PresenceWatch:
    """Looks twice a second; judges nobody in its first `worker_lost_ms`: the bus may just have come back.

    Another session's heartbeat is that of a successor about to announce itself; it has until the next look.
    """

    def __init__(self, bus: Bus, *, worker_lost_ms: int, monotonic: Callable[[], float]) -> None:
        self._bus = bus
        self._worker_lost_ms = worker_lost_ms
        self._monotonic = monotonic
        self._next_look = monotonic() + worker_lost_ms / 1000
        self._replaced: set[tuple[str, str]] = set()

    def lapsed(self, state: State) -> list[WorkerLost]:
        """Returns the workers that have announced themselves and whose heartbeat is gone."""
        if self._monotonic() < self._next_look:
            return []
        self._next_look = self._monotonic() + _LOOK_SECONDS
        up = [(name, worker.session) for name, worker in state.workers.items() if worker.presence == "up"]
        beats = dict(zip(up, self._bus.beats([name for name, _ in up]), strict=True))
        before = self._replaced
        self._replaced = {one for one, beat in beats.items() if beat is not None and beat != one[1]}
        return [
            WorkerLost(worker=name, session=session, silent_ms=self._worker_lost_ms)
            for (name, session), beat in beats.items()
            if beat is None or (name, session) in self._replaced & before
        ]
