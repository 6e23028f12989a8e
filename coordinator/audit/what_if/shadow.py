"""A trial that follows the log live: it begins at a trading day's beginning and goes on as the log does.

Guarantees: it only reads, and outlasts absences of the server like every follower. Where the log lost what
the trial has heard already, the trial begins again, as its book would hold what never was. A page of entries
and two states are in memory, however long the log and the trial. It hears a quarter of a second at once: what
it finds is told within that, and whoever decides shares its processors with no reader of every event.
"""

from collections.abc import Iterator
from pathlib import Path

from portfold.coordinator.audit.record.following import Following, Note
from portfold.coordinator.audit.record.moment import Moment
from portfold.coordinator.audit.what_if.beginning import beginning_of_trial
from portfold.coordinator.audit.what_if.findings import Finding
from portfold.coordinator.audit.what_if.trial import Trial, TrialBegan
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus


class Shadow(Following[TrialBegan | Finding]):
    """The trial of a candidate's limits on one portfolio; `archive` is the folder of what left the server."""

    gathers_seconds = 0.25

    def __init__(
        self, bus: Bus, archive: Path | None, candidate: LimitsChanged, since: Moment | None = None
    ) -> None:
        super().__init__(bus, archive)
        self._candidate = candidate
        self._since = since
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
        begins = beginning_of_trial(self._bus, self._archive, self._candidate, self._since)
        self._reader.cursor = begins.at.cursor
        self.trial = Trial(self._candidate, begins.at, begins.day, whole_day=begins.whole_day)
        return self.trial

    def _set_back(self, decided: StreamId) -> str:
        self.trial, self._reader.cursor = None, ORIGIN
        return f"The trial begins again; {decided} is the last event now."

    @property
    def heard(self) -> StreamId:
        """Returns the last event that the trial has heard."""
        return self._reader.cursor

    def up_to_now(self) -> Iterator[TrialBegan | Finding]:
        """Yields what a trial up to the present end of the log finds. Raises what `begin` raises."""
        decided = self._decided()
        trial = self._new_trial()
        yield from trial.begin()
        for recorded in self._reader.up_to(decided):
            yield from trial.hear(recorded)
        yield from trial.so_far()
