"""Limits on trial over a log in memory, or a story that is written down, from any place of it."""

from typing import Any, TypeVar

from msgspec import Struct, structs

from portfold.coordinator.audit.what_if.findings import Finding
from portfold.coordinator.audit.what_if.trial import Trial, TrialBegan
from portfold.coordinator.audit.what_if.trial_tally import RuleRow, TrialTally
from portfold.coordinator.store.follower import Follower
from portfold.events.codec import decode_event
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId
from tests.audit.in_memory import InMemory

Kind = TypeVar("Kind", bound=Struct)


class Tried:
    """What came of a trial of `candidate` from after the event `since` on, or from the log's beginning."""

    def __init__(self, record: InMemory, candidate: LimitsChanged, since: StreamId | None = None) -> None:
        follower = Follower()
        events = list(record.recorded())
        before = [one for one in events if since is not None and one.event.id <= since]
        for one in before:
            follower.advance(*one.event)
        self.trial = Trial(candidate, follower.checkpoint)
        self.tally = TrialTally()
        self.found: list[TrialBegan | Finding] = [*self.trial.begin()]
        for one in events[len(before) :]:
            self.found += self.trial.hear(one)
        self.found += self.trial.so_far()
        for found in self.found:
            if not isinstance(found, TrialBegan):
                self.tally.add(found, self.trial.exchange)

    def each(self, kind: type[Kind]) -> list[Kind]:
        """The findings of a kind."""
        return [found for found in self.found if isinstance(found, kind)]

    def row(self, rule: str) -> RuleRow:
        """The only row of a rule."""
        (row,) = [row for row in self.tally.rows if row.rule == rule]
        return row


def candidate_like(record: InMemory, **changed: Any) -> LimitsChanged:
    """The first limits of the record, with these changed."""
    for one in record.recorded():
        event = decode_event(one.event.fields)
        if isinstance(event, LimitsChanged):
            return structs.replace(event, **changed)
    raise AssertionError("no limits on this log")
