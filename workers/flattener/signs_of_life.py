"""Who gives signs of life, also where the server's clock was put back.

A sign of life lapses by the server's clock: put back an hour, that of a dead worker is there an hour longer.
But a living worker renews it. Guarantees: who has none is silent, and who has not renewed it for as long as
one lasts, by this machine's clock; who was not seen to renew it yet, and may be silent, is listed apart.
"""

from collections.abc import Iterable
from typing import NamedTuple

from portfold.clock import Clock
from portfold.events.wire.bus import Bus


class Signs(NamedTuple):
    """The workers that are `silent`, and those of which it is not known yet (`unsure`)."""

    silent: set[str]
    unsure: set[str]


class _Sign(NamedTuple):
    """One that lapses at `lapses_ms` by the server's clock, first seen at `since` by ours."""

    lapses_ms: int
    since: float
    renewed: bool


class SignsOfLife:
    """What was seen since this was made. `lapse_seconds`: how long a sign of life lasts, at most."""

    def __init__(self, bus: Bus, *, lapse_seconds: float, clock: Clock) -> None:
        self._bus = bus
        self._lapse_seconds = lapse_seconds
        self._clock = clock
        self._seen: dict[str, _Sign] = {}

    def look(self, workers: Iterable[str]) -> Signs:
        """Looks at these. Raises BusError."""
        names, now = sorted(workers), self._clock.monotonic()
        silent, unsure = set[str](), set[str]()
        for name, lapses_ms in zip(names, self._bus.beats_lapse_at(names), strict=True):
            if lapses_ms is None:
                silent.add(name)
                continue
            before = self._seen.get(name)
            if before is None or before.lapses_ms != lapses_ms:
                self._seen[name] = _Sign(lapses_ms, now, renewed=before is not None)
            sign = self._seen[name]
            if now - sign.since >= self._lapse_seconds:
                silent.add(name)
            elif not sign.renewed:
                unsure.add(name)
        return Signs(silent, unsure)
