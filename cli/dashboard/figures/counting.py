"""Counts decisions as they come, by kind and code, and how long each answer took, for metrics.

Guarantees: begins when somebody first asks, so that who reads no metrics pays for none; after that the server
is asked once for whatever has come meanwhile. A time is that between two readings of the server's own clock:
the request's stream ID, and when its answer could be read. What came while the server was away, or faster
than it was read, is counted and not timed. Bounded, whatever words stand in the stream.
"""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from typing import get_args

from msgspec import Struct, field

from portfold.events.decisions import Decision, EntryAllowed, EntryDenied, PortfolioFlat
from portfold.events.wire.bus import Bus, Entry
from portfold.events.wire.errors import BusError

WAIT_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
FLAT_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
OTHER = "other"
_KINDS = {kind.__name__ for kind in get_args(Decision)}
_ANSWERS = (EntryAllowed.__name__, EntryDenied.__name__)
_MOST_CODES = 200
_LONGEST_CODE = 40
_AT_ONCE = 1000
_BLOCK_MS = 1000
_PAUSE_SECONDS = 1.0


class Histogram(Struct):
    """How many were at most as long as each of the `bounds`, in seconds, and how long all were together."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    def add(self, seconds: float) -> None:
        """Counts one."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    def cumulated(self) -> list[tuple[str, float]]:
        """Returns how many were at most so long, by the bound, the last without one."""
        names = [*(f"{bound:g}" for bound in self.bounds), "+Inf"]
        return [(name, float(sum(self.counts[: number + 1]))) for number, name in enumerate(names)]


class Counted(Struct):
    """What was counted: decisions by kind and code, how long answers took, and closing everything."""

    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    waits: Histogram = field(default_factory=lambda: Histogram(WAIT_SECONDS))
    flats: Histogram = field(default_factory=lambda: Histogram(FLAT_SECONDS))

    def add(self, entries: Iterable[Entry], now_ms: int | None) -> None:
        """Counts decisions that could be read at `now_ms`; None where that is not known."""
        for entry in entries:
            words = entry.by_name
            kind = words.get("type", "")
            self.kinds[self._named(kind, words.get("code", ""))] += 1
            if kind in _ANSWERS and now_ms is not None:
                self.waits.add(max(0, now_ms - entry.id.ms) / 1000)
            if kind == PortfolioFlat.__name__:
                took = words.get("took_ms", "")
                if took.isascii() and took.isdecimal() and len(took) <= 12:
                    self.flats.add(int(took) / 1000)

    def _named(self, kind: str, code: str) -> tuple[str, str]:
        known = (kind if kind in _KINDS else OTHER, code[:_LONGEST_CODE])
        if known in self.kinds or len(self.kinds) < _MOST_CODES:
            return known
        return (known[0], OTHER)


class DecisionCounts:
    """Counts the decisions of one portfolio, on a connection of its own, from the first `so_far` on."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._counted = Counted()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="decisions counted", daemon=True)
        self._begun = False

    def begin(self) -> None:
        """Begins to count, if nobody has before."""
        with self._lock:
            if not self._begun:
                self._begun = True
                self._thread.start()

    def read(self) -> Counted:
        """Returns what was counted by now."""
        with self._lock:
            counted = self._counted
            return Counted(
                Counter(counted.kinds),
                Histogram(WAIT_SECONDS, list(counted.waits.counts), counted.waits.total),
                Histogram(FLAT_SECONDS, list(counted.flats.counts), counted.flats.total),
            )

    def end(self) -> None:
        """Ends it, within the time of one read."""
        self._ended.set()

    def _run(self) -> None:
        seen, keeps_up = None, False
        while not self._ended.is_set():
            try:
                if seen is None:
                    seen, keeps_up = self._bus.last_decision(), True
                entries, now_ms = self._bus.decisions_heard(seen, count=_AT_ONCE, block_ms=_BLOCK_MS)
            except BusError:
                keeps_up = False
                self._ended.wait(_PAUSE_SECONDS)
                continue
            with self._lock:
                self._counted.add(entries, now_ms if keeps_up else None)
            seen = entries[-1].id if entries else seen
            keeps_up = len(entries) < _AT_ONCE
        self._bus.close()
