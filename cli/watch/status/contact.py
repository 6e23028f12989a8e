"""Reads a portfolio's status again and again, while its server may go away, come back, or be restarted."""

from collections.abc import Callable
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portfold.coordinator.views.overview import Overview
from portfold.events.wire.errors import BusError
from portfold.exchange_time import span, zoned_clock


class Glimpse(NamedTuple):
    """The status seen last, if any; `trouble`: why it is not newer; `news`: a restart, a time away."""

    seen: Overview | None
    trouble: str
    news: str


class Contact:
    """Reads by `look`; `wall_ms` is this machine's clock, `zone` the time zone that times are shown in."""

    def __init__(
        self, look: Callable[[], Overview | None], *, wall_ms: Callable[[], int], zone: ZoneInfo
    ) -> None:
        self._look = look
        self._wall_ms = wall_ms
        self._zone = zone
        self._seen: Overview | None = None
        self._away_since: int | None = None
        self._news = ""

    def glimpse(self) -> Glimpse:
        """Reads once. A server that is away is reported in the glimpse, not raised."""
        try:
            seen = self._look()
        except BusError as error:
            now_ms = self._wall_ms()
            self._away_since = now_ms if self._away_since is None else self._away_since
            since = f"since {zoned_clock(self._away_since, self._zone)} ({span(now_ms - self._away_since)})"
            return Glimpse(self._seen, f"{since}, trying again: {error}", self._news)
        self._note_return(seen)
        self._seen = seen or self._seen
        return Glimpse(seen, "", self._news)

    def _note_return(self, seen: Overview | None) -> None:
        before, now_ms = self._seen, self._wall_ms()
        restarted = bool(before and seen and before.server.run != seen.server.run)
        what = "the server was restarted, or is another one" if restarted else ""
        if self._away_since is not None:
            away = span(now_ms - self._away_since)
            what = f"the server was away for {away}" + (" and was restarted" if restarted else "")
            self._away_since = None
        if what:
            self._news = f"{zoned_clock(now_ms, self._zone)}: {what}"
