"""Verifying a record: everything decided again up to its end, and held against anchors kept elsewhere."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from portfold.coordinator.audit.record.anchor import Anchor
from portfold.coordinator.audit.record.record import ArchivedRecord, LiveRecord, Record
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.recorded import Difference, Recorded
from portfold.coordinator.store.verification import See, Verification
from portfold.events.stream_id import ORIGIN, StreamId

_TOLD_EVERY = 1000


class Verified(Struct, frozen=True):
    """What came of it: so many `events` and `decisions` of so many trading `days` are right.

    `difference` is the first that is not, where it ended; None when all up to `cursor` is right, where the
    chain is `chain`. `by_chain_alone` counts those of the events that were not decided again, from
    `not_decided_from` on, as another version of the rules had made other decisions. `undecided` events lie
    behind `cursor`. `state` is what the events come to.
    """

    events: int
    decisions: int
    days: int
    cursor: StreamId
    chain: str
    state: State
    difference: Difference | None = None
    by_chain_alone: int = 0
    not_decided_from: StreamId | None = None
    undecided: int = 0


def verify(
    record: Record,
    *,
    anchors: Sequence[Anchor] = (),
    observe: See | None = None,
    on_progress: Callable[[int], object] = lambda _: None,
) -> Verified:
    """Verifies all of the record, and that it is the one the `anchors` were made of, by their place on it.

    Shows `observe` each event that was decided again, and `on_progress` now and then how many are done.
    Raises what reading the record raises.
    """
    run, held, difference = Verification(observe), _AnchorCheck(anchors), None
    for recorded in _entries(record, run):
        difference = run.go_on(recorded)
        if difference is None and held.due:
            difference = held.at(recorded.event.id, run)
        if difference is not None:
            break
        if run.events % _TOLD_EVERY == 0:
            on_progress(run.events)
    difference = difference or held.at_end(run) or _at_end(record, run)
    return Verified(
        run.events,
        run.decisions,
        run.days,
        run.cursor,
        run.chain,
        run.state,
        difference,
        run.by_chain_alone,
        run.not_decided_from,
        record.undecided() if isinstance(record, LiveRecord) and difference is None else 0,
    )


def _entries(record: Record, run: Verification) -> Iterator[Recorded]:
    if isinstance(record, ArchivedRecord):
        return record.recorded(lambda: run.chain)
    return record.recorded()


def _at_end(record: Record, run: Verification) -> Difference | None:
    wrong = run.wrong_end(record.cursor, record.chain)
    stray = record.stray() if wrong is None and isinstance(record, LiveRecord) else None
    if stray is None:
        return wrong
    event = stray.id.event()
    sentence = f"Decision {stray.id} is on record, and event {event} is not decided, or is not there."
    return Difference(event, run.cursor, sentence, stray, None)


class _AnchorCheck:
    """Anchors, of which those are still `due` whose events are to come."""

    def __init__(self, anchors: Sequence[Anchor]) -> None:
        self.due = deque((StreamId.parse(anchor.cursor), anchor) for anchor in anchors)

    def at(self, event: StreamId, run: Verification) -> Difference | None:
        """Says why the history up to this event is not that of an anchor which was made at it."""
        while self.due and event >= self.due[0][0]:
            due, anchor = self.due.popleft()
            if event > due:
                sentence = f"Event {due}, at which the anchor of {anchor.made} was made, is not on record."
                return Difference(due, run.proven, sentence)
            if run.chain != anchor.chain:
                sentence = (
                    f"The history up to event {event} adds up, but is another than when the anchor of "
                    f"{anchor.made} was made: the chain was {anchor.chain} then and is {run.chain} now."
                )
                return Difference(due, ORIGIN, sentence)
        return None

    def at_end(self, run: Verification) -> Difference | None:
        """Says why the record ends before an anchor, if it does."""
        if not self.due:
            return None
        due, anchor = self.due[0]
        sentence = (
            f"The record ends at event {run.cursor}, before event {due}, at which the anchor of "
            f"{anchor.made} was made: its end is missing."
        )
        return Difference(due, run.cursor, sentence)
