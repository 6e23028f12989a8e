"""The account of the trading day under way, kept event by event.

The record is folded as it was at the time, and every decision is compared with the one on record: an account
must not show what was never decided. Memory holds one day, however long the log.
"""

from collections.abc import Callable

from portfold.coordinator.audit.report.bookkeeping import Before, before, begin, close, enter
from portfold.coordinator.audit.report.day_account import DayAccount, Flattening
from portfold.coordinator.audit.report.flattenings import Flattenings
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.ledger import Decided
from portfold.coordinator.store.recorded import Recorded, difference
from portfold.coordinator.store.snapshot import Checkpoint
from portfold.events.decisions import StopLossTriggered
from portfold.events.stream_id import StreamId
from portfold.exchange_time import week_of

NO_DAY = ""


class Accounting:
    """Goes along a record with one account open, that of the day under way where that is wanted.

    What came before the first day counts as a part of it, as it does for the coordinator; its account has no
    `day` until then. `unlike` names the first decision on record that is not the one made here.
    It `begins` with the first event, or behind a checkpoint: of an earlier week than any day that is wanted,
    as stops are counted by the week, and where no flattening is under way.
    """

    def __init__(
        self, wants: Callable[[str], bool] = lambda _day: True, begins: Checkpoint | None = None
    ) -> None:
        self.account: DayAccount | None = None
        self.unlike = ""
        self._wants = wants
        self._follower = Follower(begins)
        self._flattenings = Flattenings()
        self._proven = self._follower.cursor
        self._week = NO_DAY
        self._stops_in_week = 0

    @property
    def day(self) -> str:
        """Returns the trading day under way; empty before the first."""
        return self._follower.state.day.date

    @property
    def under_way(self) -> Flattening | None:
        """Returns the flattening that has not ended."""
        return self._flattenings.under_way

    def take(self, recorded: Recorded) -> Decided:
        """Enters the next event. Where it begins a day, `account` is another from then on."""
        state, (at, fields) = self._follower.state, recorded.event
        if self.account is not None and at.ms >= state.day.ends_ms > 0:
            close(self.account, state)  # as it is before the next day begins
        met = before(state, fields)
        if self.account is None and met.day == NO_DAY:
            self.account = begin(state, at.ms, met)
        decided = self._follower.again(recorded)
        if state.day.date != met.day:
            self._turn_to_day(state, at.ms, met)
        self._compare(decided, recorded)
        self._stops_in_week += sum(isinstance(one, StopLossTriggered) for one in decided.decisions)
        begun = self._flattenings.follow(decided, state)
        if self.account is not None:
            self.account.flattenings += begun
            enter(self.account, decided, state, met)
            self.account.stops_in_week = self._stops_in_week
        return decided

    def end(self, cursor: StreamId, chain: str) -> None:
        """Closes the account at the end of the record, whose head is said to be at `cursor` with `chain`."""
        if self.account is not None:
            close(self.account, self._follower.state)
        if not self.unlike and not self._follower.leads_to(cursor, chain):
            self.unlike = f"The record up to {self._follower.cursor} does not lead to its head."

    def _turn_to_day(self, state: State, ms: int, met: Before) -> None:
        day = state.day.date
        if week_of(day) != self._week:
            self._week, self._stops_in_week = week_of(day), 0
        if self.account is not None and met.day != NO_DAY:
            self.account.over = True
            self.account = None
        if not self._wants(day):
            self.account = None
            return
        if self.account is None:
            self.account = begin(state, ms, met)
            if self._flattenings.under_way is not None:
                self.account.flattenings.append(self._flattenings.under_way)
        self.account.day = day

    def _compare(self, decided: Decided, recorded: Recorded) -> None:
        if self.unlike:
            return
        unlike = difference(decided, recorded, self._proven)
        self.unlike = unlike.sentence if unlike is not None else ""
        self._proven = decided.at if recorded.decisions else self._proven
