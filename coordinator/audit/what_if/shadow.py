"""A trial that follows the log live: it begins at a trading day's beginning and goes on as the log does.

Guarantees: it only reads, and outlasts absences of the server like every follower. Where the log lost what
the trial has heard already, the trial begins again, as its book would hold what never was. A page of entries
and two states are in memory, however long the log and the trial.
"""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from portfold.coordinator.audit.record.following import Following, Note
from portfold.coordinator.audit.record.moment import exchange_of
from portfold.coordinator.audit.what_if.findings import Finding
from portfold.coordinator.audit.what_if.trial import Trial, TrialBegan
from portfold.coordinator.fold.limits import limits_of
from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.coordinator.store.follower import Follower, LogDiffers
from portfold.coordinator.store.segment import ArchiveError
from portfold.coordinator.store.snapshot import Checkpoint
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus

FOLDED_AGAIN = 250_000
"""So many events on the server are folded again for the day's beginning; else it is the snapshot."""


class Shadow(Following[TrialBegan | Finding]):
    """The trial of a candidate's limits on one portfolio; `archive` is the folder of what left the server."""

    def __init__(
        self, bus: Bus, archive: Path | None, candidate: LimitsChanged, stopped: Callable[[], bool]
    ) -> None:
        super().__init__(bus, archive)
        self._candidate = candidate
        self._stopped = stopped
        self.trial: Trial | None = None

    def _tell_up_to(self, decided: StreamId) -> Iterator[TrialBegan | Finding | Note]:
        trial = self.trial
        if trial is None:
            trial = self._new_trial()
            yield from trial.begin()
        for recorded in self._reader.up_to(decided):
            if self._stopped():
                return
            yield from trial.hear(recorded)

    def begin(self) -> list[TrialBegan | Finding]:
        """Begins the trial. Raises BusError, LogDiffers, ArchiveError, RefusedField."""
        return self._new_trial().begin()

    def _new_trial(self) -> Trial:
        begins = nearest_beginning(self._bus, self._archive, self._candidate)
        self._reader.cursor = begins.at.cursor
        self.trial = Trial(self._candidate, begins.at, begins.day, whole_day=begins.whole_day)
        return self.trial

    def _set_back(self, decided: StreamId) -> str:
        self.trial, self._reader.cursor = None, ORIGIN
        return f"The trial begins again; {decided} is the last event now."


class Beginning(NamedTuple):
    """Where a trial begins, and the trading day of the log's end; `whole_day`: it is that day's beginning."""

    at: Checkpoint
    day: str
    whole_day: bool


def nearest_beginning(bus: Bus, archive: Path | None, candidate: LimitsChanged) -> Beginning:
    """Returns the last event before the trading day of the log's end, or what lies nearest.

    Where the log is too long to be folded again from further back, or no longer there, it is at the snapshot.
    """
    head = bus.head()
    decided = head.cursor if head else ORIGIN
    snapshot = Follower.from_snapshot(bus, archive)
    exchange = exchange_of(snapshot.state.limits or limits_of(candidate))
    day = trading_day_at(decided.ms, exchange.zone, exchange.roll).date if decided > ORIGIN else ""
    before = StreamId(exchange.day_begins_ms(date.fromisoformat(day)), 0).before() if day else ORIGIN
    follower = snapshot if snapshot.cursor <= before else _further_back(bus, snapshot)
    while follower.cursor < before and follower.step(bus, before):
        pass
    return Beginning(follower.checkpoint, day, whole_day=follower.cursor <= before)


def _further_back(bus: Bus, snapshot: Follower) -> Follower:
    if bus.extent().length > FOLDED_AGAIN:
        return snapshot
    try:
        return snapshot.further_back(bus)
    except (LogDiffers, ArchiveError):  # begins where it can: what is wrong with the rest the audit says
        return snapshot
