"""Limits on trial: a candidate's limits beside those in force, from a place of the log on, event by event.

It is a what-if that goes on with the log (see `comparison` for what is assumed). Guarantees: the book on
trial begins as the recorded one stands, with its positions, its money and what is latched; each event is
decided again and held against the record before the two are compared; nothing is written anywhere.
"""

import msgspec
from msgspec import Struct

from portfold.coordinator.audit.record.moment import Exchange, exchange_of
from portfold.coordinator.audit.what_if.baseline import Baseline, Met
from portfold.coordinator.audit.what_if.comparison import OtherBook
from portfold.coordinator.audit.what_if.findings import Finding
from portfold.coordinator.audit.what_if.overrides import OVERRIDABLE, Overrides
from portfold.coordinator.fold.limits import Limits, limits_differing, limits_of
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.store.snapshot import Checkpoint
from portfold.events.incoming import ClockTicked
from portfold.events.limits_changed import LimitsChanged


class TrialBegan(Struct, frozen=True, tag_field="what", tag=True):
    """Where a trial begins: after the event `after`, on the trading day `day`, nothing in an empty log.

    `whole_day`: that day is followed from its beginning. `trial` are the candidate's limits that
    differ from those in force, whose values are in `recorded`; `not_on_trial` those that stay as on the log.
    """

    after: str
    day: str
    whole_day: bool
    zone: str
    recorded: dict[str, str]
    trial: dict[str, str]
    not_on_trial: dict[str, str]


class Trial:
    """Goes along the log from `begins_at` on, which it changes, with the `candidate`'s limits beside it."""

    def __init__(
        self, candidate: LimitsChanged, begins_at: Checkpoint, day: str = "", *, whole_day: bool = True
    ) -> None:
        overrides = Overrides.candidate(candidate)
        self._candidate = limits_of(candidate)
        self._day, self._whole_day = day, whole_day
        self._after = begins_at.cursor
        self._baseline = Baseline(begins_at)
        self._book = OtherBook(overrides, _copied(begins_at.state))

    @property
    def exchange(self) -> Exchange:
        """Returns whose clock the log goes by; the candidate's before its first limits."""
        return exchange_of(self._baseline.state.limits or self._candidate)

    def begin(self) -> list[TrialBegan | Finding]:
        """Puts the candidate's limits in force beside those on the log. Raises RefusedField."""
        state = self._baseline.state
        sizes = {key: held.size for key, held in state.positions.items()}
        begins = Met(
            self._after,
            ClockTicked(),
            repeated=False,
            decisions=[],
            sizes=sizes,
            second_close=False,
            state=state,
        )
        found = self._book.put_in_force(begins)
        return [self._began(state), *found]

    def hear(self, recorded: Recorded) -> list[Finding]:
        """Takes the next event; returns what differs. Raises LogDiffers, RecordError, RefusedField."""
        return self._book.hear(self._baseline.meet(recorded))

    def so_far(self) -> list[Finding]:
        """Returns what is open now and would not be, and the day under way; the trial goes on."""
        return self._book.end(self._baseline.state)

    def _began(self, state: State) -> TrialBegan:
        limits = state.limits
        here, there = _differing(limits, self._candidate) if limits is not None else ({}, {})
        return TrialBegan(
            after=str(self._after),
            day=self._day,
            whole_day=self._whole_day,
            zone=self.exchange.zone,
            recorded={name: here[name] for name in here if name in OVERRIDABLE},
            trial={name: there[name] for name in there if name in OVERRIDABLE},
            not_on_trial={name: there[name] for name in there if name not in OVERRIDABLE},
        )


def _differing(limits: Limits, candidate: Limits) -> tuple[dict[str, str], dict[str, str]]:
    """Returns by name what differs, as it is in force and as the candidate has it."""
    return limits_differing(candidate, limits), limits_differing(limits, candidate)


def _copied(state: State) -> State:
    """Returns a state of its own, by the way that a snapshot goes."""
    return msgspec.json.decode(msgspec.json.encode(state), type=State)
