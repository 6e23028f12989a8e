"""Which event somebody means: by its ID, by that of a decision, or the last one about something."""

from collections.abc import Callable
from typing import NamedTuple

from portfold.coordinator.audit.explain.late_start import backwards, unfolded_from
from portfold.coordinator.audit.record.record import Record
from portfold.coordinator.audit.record.timeline import Wanted
from portfold.errors import PortfoldError
from portfold.events.stream_id import ORIGIN, StreamId


class NotOnRecord(PortfoldError):
    """The event or decision asked for is not on record. Its text is a sentence."""


class Found(NamedTuple):
    """The event that is meant, and its decision where that was. `note` says what else the ID could mean."""

    event: StreamId
    decision: StreamId | None = None
    note: str = ""


def find_id(record: Record, wanted: StreamId, on_progress: Callable[[int], object]) -> Found:
    """Finds the event `wanted`; if there is none, the event of the decision `wanted`. Raises NotOnRecord."""
    decided: Found | None = None
    # A decision has the millisecond of its event.
    before, earlier, entries = unfolded_from(record, StreamId(wanted.ms, 0))
    for done, (event, decisions) in enumerate(entries, start=earlier + 1):
        if event.id > wanted:
            break
        if event.id == wanted:
            return _event_before_decision(wanted, decided)
        if any(decision.id == wanted for decision in decisions):
            decided = Found(event.id, wanted)
        before = event.id
        on_progress(done)
    if decided is None:
        there = f"; the event before it is {before}" if before != ORIGIN else ""
        raise NotOnRecord(f"There is no event and no decision {wanted} on record{there}.")
    return decided


def _event_before_decision(event: StreamId, decided: Found | None) -> Found:
    if decided is None or decided.event == event:
        return Found(event)
    return Found(event, note=f"{event} is also a decision of event {decided.event}: ask for that event.")


def find_last(record: Record, wanted: Wanted, on_progress: Callable[[int], object]) -> Found:
    """Finds the last decision that is wanted. Raises NotOnRecord."""
    done = 0
    for stretch in backwards(record):
        found: Found | None = None
        for event, decisions in stretch:
            for decision in decisions:
                if wanted.has(decision.fields):
                    found = Found(event.id, decision.id)
            done += 1
            on_progress(done)
        if found is not None:
            return found
    raise NotOnRecord("There is no such decision on record.")
