"""Looking again and again at a portfolio whose server may go away, come back, or be restarted meanwhile."""

from collections.abc import Callable
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portfold.coordinator.views.overview import Overview
from portfold.events.wire.errors import BusError
from portfold.exchange_time import clock, span


class Glimpse(NamedTuple):
    """What was seen last, if anything; why there is nothing newer; what became of the server meanwhile."""

    seen: Overview | None
    trouble: str
    news: str


class Contact:
    """Looks by `look`; `wall_ms` is this machine's clock, shown on the clocks of `zone`."""

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
        """Looks once; a server that is away is no error here."""
        try:
            seen = self._look()
        except BusError as error:
            now_ms = self._wall_ms()
            self._away_since = now_ms if self._away_since is None else self._away_since
            since = f"since {clock(self._away_since, self._zone)} ({span(now_ms - self._away_since)})"
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
            self._news = f"{clock(now_ms, self._zone)}: {what}"
