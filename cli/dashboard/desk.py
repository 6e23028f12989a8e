"""One portfolio as the dashboard has it: where it lies, its watch, and its record when somebody asks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portfold.cli.dashboard.drawing import Drawing, PortfolioDrawing
from portfold.cli.dashboard.figures.counting import DecisionCounts
from portfold.cli.dashboard.watching import Watch, wall_ms
from portfold.cli.target import ResolvedTarget
from portfold.cli.watch.status.contact import Contact
from portfold.cli.watch.status.look import Look
from portfold.coordinator.audit.record.moment import Exchange
from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.tail import Choice, Tail
from portfold.coordinator.audit.record.timeline import Wanted
from portfold.coordinator.audit.report.days import Asked, gather
from portfold.errors import PortfoldError
from portfold.events.wire.bus import Bus


class Desk(NamedTuple):
    """A portfolio: `place` is where it lies, `look` reads how it stands, `watch` for all pages.

    `counts` are of its decisions, for metrics.
    """

    place: ResolvedTarget
    look: Look
    watch: Watch
    counts: DecisionCounts

    @property
    def portfolio(self) -> str:
        """Returns its name."""
        return self.place.portfolio

    @property
    def zone(self) -> ZoneInfo:
        """Returns the time zone in which times are shown."""
        return self.look.zone

    @contextmanager
    def record(self) -> Iterator[LiveRecord]:
        """Yields the record up to now. Raises BusError, and what reading raises."""
        bus = self.place.bus()
        try:
            yield LiveRecord(bus, archive_of(self.place), self.place.shown)
        finally:
            bus.close()

    def log_name(self) -> str:
        """Returns the name that only this log has, in a form that can be a folder's. Raises BusError."""
        bus = self.place.bus()
        try:
            name = bus.known_log_name()
        finally:
            bus.close()
        return name if name.isalnum() and name.isascii() else ""

    def tail(self, bus: Bus, wanted: Wanted, *, everything: bool) -> Tail:
        """Returns the end of the log, of what is wanted."""
        return tail_of(self.place, bus, wanted, everything=everything)

    def begin(self) -> None:
        """Begins to watch; what the day was so far is read meanwhile."""
        self.watch.start()
        threading.Thread(target=self._read_the_day, name="the day so far", daemon=True).start()

    def _read_the_day(self) -> None:
        with suppress(PortfoldError), self.record() as record:  # the page says what is wrong with it
            for account in gather(record, Asked(latest="day")).accounts[-1:]:
                self.watch.know_earlier(account.day, account.total_curve.points)

    def end(self) -> None:
        """Ends the watch."""
        self.watch.end()
        self.counts.end()
        self.look.close()


def open_desk(place: ResolvedTarget, drawing: Drawing) -> Desk:
    """Returns the desk of that portfolio, which watches from `begin` on."""
    look = Look.at(place)
    contact = Contact(look.now, wall_ms=wall_ms, zone=look.zone)
    bus = place.bus()

    tail = tail_of(place, place.bus(), Wanted(), everything=False)
    draws = PortfolioDrawing(drawing, place.portfolio, look.zone)
    return Desk(place, look, Watch(bus, contact, tail, draws), DecisionCounts(place.bus()))


def tail_of(place: ResolvedTarget, bus: Bus, wanted: Wanted, *, everything: bool) -> Tail:
    """Returns the end of that portfolio's log, of what is wanted."""
    day = place.configuration.runtime.trading_day
    return Tail(bus, archive_of(place), Choice(wanted, everything, Exchange(day.zone, day.roll)))


def archive_of(place: ResolvedTarget) -> Path | None:
    """Returns the folder that history was moved to, where one is configured."""
    named = place.configuration.runtime.archive_folder
    return Path(named) if named else None
