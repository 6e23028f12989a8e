"""Watches one portfolio for all pages that are open: reads it once, and tells each page what has changed.

Guarantees: however many pages are open, the server is asked by one thread, at most ten times a second, and
not at all while nobody looks; a page that takes nothing for long is let go, and holds up no other. Where the
watch hangs or has died it is not fresh, so that no page passes for live.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from itertools import chain
from typing import NamedTuple, Protocol

from markupsafe import Markup
from msgspec import Struct, field

from portfold.cli.watch.status.contact import Contact, Glimpse
from portfold.coordinator.audit.record.following import Note
from portfold.coordinator.audit.record.tail import Tail, TailLine
from portfold.coordinator.audit.report.curves import Curve
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError

LINES_KEPT = 200
MOST_WAITING = 64
_SHORTEST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0
_DECIDED_WITHIN_SECONDS = 0.02


class Moment(NamedTuple):
    """What a page is made of, but for the lines of the log: the status, and the day's curve."""

    glimpse: Glimpse
    curve: Curve


Parts = Mapping[str, str]
"""Parts of the page by the name of where they belong, as HTML that a template made."""


class Draws(Protocol):
    """Draws what a page shows; called in the threads that watch."""

    def parts(self, moment: Moment) -> dict[str, str]:
        """Draws all parts but the lines."""
        ...

    def line(self, line: TailLine | Note) -> str:
        """Draws a line of the log, which names itself so that a page takes it once."""
        ...


class Page:
    """One page that is open: what it has yet to be told, in order."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._messages: asyncio.Queue[Parts | None] = asyncio.Queue(MOST_WAITING)

    async def next(self, patience_seconds: float) -> Parts | None:
        """Waits for the next message; empty where none came in time, None where the page was let go."""
        try:
            async with asyncio.timeout(patience_seconds):
                return await self._messages.get()
        except TimeoutError:
            return {}

    def tell(self, message: Parts | None) -> None:
        """Adds a message, from any thread. A page that takes none is let go."""
        with suppress(RuntimeError):  # its loop is over
            self._loop.call_soon_threadsafe(self._put, message)

    def _put(self, message: Parts | None) -> None:
        if self._messages.full():
            while not self._messages.empty():
                self._messages.get_nowait()
            message = None
        self._messages.put_nowait(message)


class _Pages(Struct):
    """The pages that are open, and what they show."""

    pages: set[Page] = field(default_factory=set)
    shown: dict[str, str] = field(default_factory=dict)


class Watch:
    """The watch over one portfolio. What was drawn longer than `fresh_seconds` ago is not fresh."""

    def __init__(
        self,
        bus: Bus,
        contact: Contact,
        tail: Tail,
        draws: Draws,
        *,
        fresh_seconds: float = 5.0,
    ) -> None:
        self._bus = bus
        self._contact = contact
        self._tail = tail
        self._draws = draws
        self._open = _Pages()
        self._lock = threading.Lock()
        self._drawing = threading.Lock()
        self._fresh_seconds = fresh_seconds
        self._drawn_at = time.monotonic()
        self._somebody_looks = threading.Event()
        self._ended = threading.Event()
        self._curve = Curve()
        self._day = ""
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._new_lines: list[str] = []
        self._threads = [
            threading.Thread(target=self._run, name="watch", daemon=True),
            threading.Thread(target=self._read_lines, name="lines", daemon=True),
        ]

    def start(self) -> None:
        """Begins to watch."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Ends the watch, and lets every page go."""
        self._ended.set()
        self._somebody_looks.set()
        with self._lock:
            for page in self._open.pages:
                page.tell(None)

    # --- pages -------------------------------------------------------------------------------------------

    def opened(self, page: Page) -> None:
        """Adds a page; it is told everything there is."""
        with self._lock:
            self._open.pages.add(page)
            if self._open.shown:
                page.tell({**self._open.shown, "lines": self._newest_first(self._lines)})
            self._somebody_looks.set()

    def closed(self, page: Page) -> None:
        """Removes a page."""
        with self._lock:
            self._open.pages.discard(page)
            if not self._open.pages:
                self._somebody_looks.clear()

    def drawn(self) -> dict[str, str]:
        """Returns all parts of this moment, for a page that is asked for. Raises nothing of the server's."""
        with self._drawing:
            parts = self._draws.parts(self._look())
            self._drawn_at = time.monotonic()
            self._tell(parts)
        return parts | {"lines": self._newest_first(self._lines)}

    def is_fresh(self) -> bool:
        """Returns whether all that watches lives, and has drawn what is told within the last seconds."""
        lives = all(thread.is_alive() for thread in self._threads)
        return lives and time.monotonic() - self._drawn_at < self._fresh_seconds

    # --- the thread that watches -------------------------------------------------------------------------

    def _run(self) -> None:
        seen_to = StreamId(0, 0)
        while not self._ended.is_set():
            if not self._somebody_looks.wait(_LONGEST_PAUSE_SECONDS):
                continue
            self.drawn()
            seen_to = self._wait_for_more(seen_to)

    def _look(self) -> Moment:
        glimpse = self._contact.glimpse()
        seen = glimpse.seen
        if seen is not None and not glimpse.trouble:
            if seen.view.day.date != self._day:
                self._day, self._curve = seen.view.day.date, Curve()
            self._curve.add(seen.now_ms, seen.view.day.pnl)
        return Moment(glimpse, self._curve)

    def know_earlier(self, day: str, points: list[tuple[int, Decimal]]) -> None:
        """Puts what the day was before the watch began in front of its curve, as the record has it."""
        seen = self._curve.points if self._day == day else []
        curve = Curve()
        for ms, amount in (*(one for one in points if not seen or one[0] < seen[0][0]), *seen):
            curve.add(ms, amount)
        if self._day in ("", day):
            self._day, self._curve = day, curve

    def _tell(self, parts: dict[str, str]) -> None:
        with self._lock:
            changed = {name: html for name, html in parts.items() if self._open.shown.get(name) != html}
            self._open.shown |= changed
            if self._new_lines:
                changed["lines"] = self._newest_first(self._new_lines[-LINES_KEPT:])
                self._new_lines.clear()
            if changed:
                for page in self._open.pages:
                    page.tell(changed)

    def _wait_for_more(self, seen_to: StreamId) -> StreamId:
        """Waits until something is said, or a second; then until it is likely to be decided."""
        self._ended.wait(_SHORTEST_PAUSE_SECONDS)
        try:
            last = self._bus.last_event()
            if last == seen_to:
                block_ms = int(1000 * (_LONGEST_PAUSE_SECONDS - _SHORTEST_PAUSE_SECONDS))
                if self._bus.events_after(last, count=1, block_ms=block_ms):
                    self._ended.wait(_DECIDED_WITHIN_SECONDS)
        except BusError:
            self._ended.wait(_LONGEST_PAUSE_SECONDS)
            return seen_to
        return last

    # --- the thread that reads lines ---------------------------------------------------------------------

    def _read_lines(self) -> None:
        while not self._ended.is_set():
            try:
                for line in chain(self._tail.last(LINES_KEPT), self._tail.follow(self._ended.wait)):
                    self._add_line(self._draws.line(line))
                    if self._ended.is_set():
                        return
            except BusError:
                self._ended.wait(_LONGEST_PAUSE_SECONDS)

    def _add_line(self, html: str) -> None:
        with self._lock:
            self._lines.append(html)
            self._new_lines = [*self._new_lines[-LINES_KEPT:], html]

    @staticmethod
    def _newest_first(lines: Iterable[str]) -> str:
        return Markup().join(reversed(list(lines)))


def wall_ms() -> int:
    """Returns this machine's clock, which is shown where no server answers."""
    return time.time_ns() // 1_000_000
