"""Puts a record back into a server, to look at with any Redis client: streams, head and status as they were.

The streams are the record's, entry by entry. The status is what folding them comes to, so that it is there
even where the decisions on record are not those of this version of the rules.
"""

from collections.abc import Callable

from msgspec import Struct

from portfold.coordinator.audit.record.record import Record, RecordError
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.views.status import status_fields
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.events.incoming import CoordinatorStarted
from portfold.events.wire.importer_bus import ImporterBus

_AT_ONCE = 1000


class Imported(Struct):
    """What was put back. `same`: deciding it again gave its decisions, and the chain it is to end with."""

    events: int = 0
    decisions: int = 0
    same: bool = True


def put_back(record: Record, bus: ImporterBus, on_progress: Callable[[int], object]) -> Imported:
    """Puts the record into a portfolio that is not there yet; shows `on_progress` how many events are done.

    Raises RecordError where it is there, BusError, and what reading raises; then it has no head.
    """
    if bus.is_there():
        raise RecordError(
            f"There is a portfolio {bus.keys.name} on this server already, and nothing is added to it. "
            "Name another folder: --dir."
        )
    follower, done, batch = Follower(), Imported(), list[Recorded]()
    leader, epoch = "", 0
    for recorded in record.recorded():
        decided = follower.again(recorded)
        if isinstance(decided.event, CoordinatorStarted):
            leader, epoch = decided.event.leader, decided.event.epoch
        done.same = done.same and decided.entries == recorded.decisions
        batch.append(recorded)
        if len(batch) == _AT_ONCE:
            _put(bus, batch, done)
            on_progress(done.events)
    _put(bus, batch, done)
    if done.events:
        done.same = done.same and (follower.cursor, follower.chain) == (record.cursor, record.chain)
        bus.finish(
            epoch=epoch,
            cursor=record.cursor,
            chain=record.chain,
            folded=done.events,
            status=status_fields(portfolio_view(follower.state, follower.cursor, leader=leader)),
        )
    return done


def _put(bus: ImporterBus, batch: list[Recorded], done: Imported) -> None:
    """Puts the batch in, counts it, and empties it."""
    decisions = [decision for recorded in batch for decision in recorded.decisions]
    try:
        bus.put([recorded.event for recorded in batch], decisions)
    except UnicodeEncodeError as error:
        first, last = batch[0].event.id, batch[-1].event.id
        raise RecordError(
            f"Between {first} and {last} are words that no stream ever held: {error}."
        ) from error
    done.events += len(batch)
    done.decisions += len(decisions)
    batch.clear()
