"""The alerts of one destination that wait to be sent, and the cursor up to which they were.

Bounded: when it is full no more is read from the log, where everything waits as well. An event may have
several alerts, sent in several messages, so the cursor has a part: which alert of the next event
comes next.
"""

from collections import deque
from itertools import islice
from typing import NamedTuple

from portfold.events.stream_id import StreamId
from portfold.events.wire.notifier_bus import DeliveryCursor
from portfold.workers.notify.alert import Alert
from portfold.workers.notify.book import AlertMemory, book_text

MOST_EVENTS = 10_000
_LOOKED_AT = 2_000


class WaitingEvent(NamedTuple):
    """An event that was read: those of its alerts that are wanted, by their number, and the book after it.

    `at` None: the notifier's own words. `since` is when it was read, in seconds of a steady clock.
    """

    at: StreamId | None
    alerts: tuple[tuple[int, Alert], ...]
    book: AlertMemory
    since: float


class Waiting:
    """Keeps the alerts in the order of the log, from the cursor `start` on, where the book was `book`."""

    def __init__(self, start: DeliveryCursor, book: AlertMemory) -> None:
        self._held: deque[WaitingEvent] = deque()
        self._cursor = start.cursor
        self._book = book
        self._resume = start.part
        self._done = 0
        self._count = 0
        self._behind = 0

    @property
    def is_full(self) -> bool:
        return len(self._held) >= MOST_EVENTS

    @property
    def count(self) -> int:
        """Returns how many alerts wait."""
        return self._count

    @property
    def alerts(self) -> list[Alert]:
        """Returns the first of them: more than any message holds."""
        waiting = (alert for held in self._held for _, alert in held.alerts)
        return list(islice(waiting, self._done, self._done + _LOOKED_AT))

    @property
    def since(self) -> float:
        """Returns when the first of them was read; only where there is one."""
        return next(held.since for held in self._held if held.alerts)

    def add(self, held: WaitingEvent) -> None:
        """Adds the next event, without those of its alerts that were sent before a restart."""
        if held.at is not None and self._resume:
            left = tuple((number, alert) for number, alert in held.alerts if number >= self._resume)
            held, self._resume = held._replace(alerts=left), 0
        self._held.append(held)
        self._count += len(held.alerts)
        if self._count == 0:
            self._pass_silent()

    def deliver(self, count: int) -> None:
        """Takes out the next `count` alerts: they were sent."""
        self._done += count
        self._count -= count
        while self._held and self._held[0].alerts and self._done >= len(self._held[0].alerts):
            self._done -= len(self._held[0].alerts)
            self._pass_first()
            self._pass_silent()

    def _pass_silent(self) -> None:
        """Passes over events without alerts."""
        while self._held and not self._held[0].alerts:
            self._pass_first()

    def _pass_first(self) -> None:
        held = self._held.popleft()
        self._book = held.book
        self._behind += 1
        if held.at is not None:
            self._cursor = held.at

    @property
    def behind(self) -> int:
        """Returns how many events, and words of our own, are dealt with and not yet noted."""
        return self._behind

    @property
    def delivered(self) -> DeliveryCursor:
        """Returns the cursor by now."""
        return DeliveryCursor(self._cursor, self._part, book_text(self._book))

    def noted(self) -> None:
        """Notes that the cursor is written down."""
        self._behind = 0

    @property
    def _part(self) -> int:
        """Returns which alert of the next event comes next; the notifier's own words do not count."""
        for held in self._held:
            if held.at is not None:
                return held.alerts[self._done][0] if held is self._held[0] and held.alerts else _first(held)
        return self._resume


def _first(held: WaitingEvent) -> int:
    return held.alerts[0][0] if held.alerts else 0
