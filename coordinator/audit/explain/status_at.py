"""The portfolio as it was at a moment: the log folded up to there."""

from collections.abc import Callable

from msgspec import Struct

from portfold.coordinator.audit.explain.late_start import late_start
from portfold.coordinator.audit.explain.lookup import NotOnRecord
from portfold.coordinator.audit.record.moment import Moment
from portfold.coordinator.audit.record.record import Record
from portfold.coordinator.audit.record.span import Span
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.snapshot import Checkpoint
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.status import status_values
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.events.incoming import CoordinatorStarted
from portfold.events.stream_id import ORIGIN, StreamId


class PastStatus(Struct, frozen=True):
    """The portfolio after `event`, the last one at or before the moment; its view names who led then.

    `next` is the event after it, None where the record ends there.
    """

    event: StreamId
    next: StreamId | None
    view: PortfolioView

    def fields(self) -> dict[str, object]:
        """Returns the fields of `portfold status --json` that the log knows, as values."""
        next_event = str(self.next) if self.next else ""
        return status_values(self.view) | {"leader": self.view.leader, "next_event": next_event}


def status_at(record: Record, moment: Moment, on_progress: Callable[[int], object]) -> PastStatus:
    """Folds up to the moment; shows `on_progress` how many events are done.

    Raises NotOnRecord where nothing had happened yet or the event is not on record, and what reading raises.
    """
    span, after = Span(record, None, moment), None
    latest = span.within(None)[1]  # by the first exchange on record, which is seldom another later
    kept, entries = late_start(record, latest, fits=lambda kept: _is_within(span, kept.checkpoint))
    follower, leader = Follower(kept.checkpoint), kept.leader
    for done, recorded in enumerate(entries, start=kept.events + 1):
        if recorded.event.id > span.within(follower.state.limits)[1]:
            after = recorded.event.id
            break
        decided = follower.again(recorded)
        if isinstance(decided.event, CoordinatorStarted):
            leader = decided.event.leader
        on_progress(done)
    if moment.event is not None and follower.cursor != moment.event:
        raise NotOnRecord(_no_such_event(moment.event, follower.cursor))
    if follower.cursor == ORIGIN:
        raise NotOnRecord(f"Nothing had happened by then: the first event on record is {after or 'none'}.")
    view = portfolio_view(follower.state, follower.cursor, leader=leader)
    return PastStatus(follower.cursor, after, view)


def _is_within(span: Span, checkpoint: Checkpoint) -> bool:
    return checkpoint.cursor <= span.within(checkpoint.state.limits)[1]


def _no_such_event(event: StreamId, before: StreamId) -> str:
    there = f"; the one before it is {before}" if before != ORIGIN else ""
    return (
        f"There is no event {event} on record{there}. (Of a decision, name its event: a decision's ID is its "
        "event's, with the count times 100.)"
    )
