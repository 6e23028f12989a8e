"""Reads along with a log for as long as somebody wants: what is decided is told, in order, and once.

Guarantees: it only reads. It outlasts absences of the server and says so; where the log then ends before what
was told already, it says that too, and leaves to whoever tells where to go on.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from portfold.coordinator.store.log_reader import LogReader
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError
from portfold.exchange_time import span

_BLOCK_MS = 1000
_AT_ONCE = 25
"""Entries in a page: while the server writes a long one out, those who trade wait for it."""
_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 2.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 2.0

Told = TypeVar("Told")


class Note(NamedTuple):
    """A note to whoever reads along, that is no part of the log."""

    text: str


def _never() -> bool:
    return False


class Following(ABC, Generic[Told]):
    """Follows one portfolio's log; `archive` is the folder of what left the server."""

    gathers_seconds = 0.0
    """How long it lets events gather before it reads again: who is woken by each takes from who decides."""

    def __init__(self, bus: Bus, archive: Path | None) -> None:
        self._bus = bus
        self._archive = archive
        self._reader = LogReader(bus, archive=archive, at_once=_AT_ONCE)
        self._stopped: Callable[[], bool] = _never

    @abstractmethod
    def _tell_up_to(self, decided: StreamId) -> Iterator[Told | Note]:
        """Tells what is decided, from the reader's cursor on, which it moves to `decided`."""

    @abstractmethod
    def _set_back(self, decided: StreamId) -> str:
        """Goes on in a log that now ends at `decided`, before what was told already; says how."""

    def follow(
        self, wait: Callable[[float], object] = time.sleep, stopped: Callable[[], bool] = _never
    ) -> Iterator[Told | Note]:
        """Yields what comes next until it is `stopped`; outlasts absences. `wait` spends time."""
        self._stopped = stopped
        trouble, since, pause = "", 0.0, _FIRST_PAUSE_SECONDS
        waiting = _Waiting()
        while not stopped():
            try:
                if trouble:
                    yield from self.after_absence(time.monotonic() - since)
                    trouble, pause = "", _FIRST_PAUSE_SECONDS
                yield from self._next(waiting, wait)
            except BusError as error:
                if not trouble:
                    trouble, since = str(error), time.monotonic()
                    yield Note(f"{trouble} Trying again.")
                wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _next(self, waiting: "_Waiting", wait: Callable[[float], object]) -> Iterator[Told | Note]:
        decided = self._decided()
        if decided > self._reader.cursor:
            yield from self._tell_up_to(decided)
            if self.gathers_seconds:
                wait(self.gathers_seconds)
        elif undecided := self._reader.next_event(block_ms=_BLOCK_MS):
            if waiting.too_long(undecided):
                yield self._not_decided()
            wait(max(_POLL_SECONDS, self.gathers_seconds))

    def after_absence(self, seconds: float) -> Iterator[Note]:
        """Tells where the log ends now: a server may come back without what it had."""
        decided = self._decided()
        yield Note(f"Redis is back, after {span(int(seconds * 1000))}.")
        if decided < self._reader.cursor:
            yield Note(
                f"The log now ends before {self._reader.cursor}, which was told already: it lost its end, "
                f"or is another one. {self._set_back(decided)}"
            )

    def undecided(self, wait: Callable[[float], object] = time.sleep) -> Note | None:
        """Says that more is on the log than was decided on, and does not come to it. Raises BusError."""
        first = self._bus.events_after(self._decided(), count=1)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while first and self._decided() < first[0].id:
            if time.monotonic() >= deadline:
                return self._not_decided()
            wait(_POLL_SECONDS)
        return None

    def _not_decided(self) -> Note:
        leader = self._bus.leader()
        who = f"{leader} leads, and does not come to them" if leader else "nobody leads"
        return Note(f"There are events that are not decided: {who}. See: portfold status")

    def _decided(self) -> StreamId:
        head = self._bus.head()
        return head.cursor if head else ORIGIN


class _Waiting:
    """How long an event waits for its decision, and whether that was said."""

    def __init__(self) -> None:
        self._event = ORIGIN
        self._since = 0.0
        self._said = False

    def too_long(self, event: StreamId) -> bool:
        """Notes that the event waits; returns true once, when that has lasted too long."""
        now = time.monotonic()
        if event != self._event:
            self._event, self._since, self._said = event, now, False
        if self._said or now - self._since < _PATIENCE_SECONDS:
            return False
        self._said = True
        return True
