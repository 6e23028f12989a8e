"""An event on record with its decisions, and whether those are what the fold makes of it."""

from typing import NamedTuple

from msgspec import Struct

from portfold.coordinator.store.ledger import Decided
from portfold.events.chain import link
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry

_BINDING = 4  # words at the end of a decision that name its event and the chain


class Recorded(NamedTuple):
    """An event, and every decision that stands after the one before it and up to its own last."""

    event: Entry
    decisions: list[Entry]


class Difference(Struct, frozen=True):
    """The first difference between the record and the fold: it shows at `event`, which may be missing itself.

    Everything up to the event `proven` is right, so the altered entry lies behind it. `recorded` is what
    stands there, `expected` what should; None for nothing.
    """

    event: StreamId
    proven: StreamId
    sentence: str
    recorded: Entry | None = None
    expected: Entry | None = None


def difference(decided: Decided, recorded: Recorded, proven: StreamId) -> Difference | None:
    """Says why the decisions on record do not follow from the event; None where they do."""
    if decided.entries == recorded.decisions:
        return None
    on_record = iter(recorded.decisions)
    for expected in (Entry(*entry) for entry in decided.entries):
        found = next(on_record, None)
        if found is None or found.id > expected.id:
            follows = f", where {found.id} stands" if found else ""
            sentence = f"Decision {expected.id} of event {decided.at} is not on record{follows}."
            return Difference(decided.at, proven, sentence, None, expected)
        if found.id < expected.id:
            return _uncalled_for(found, decided.at, proven)
        if found.fields != expected.fields:
            return Difference(decided.at, proven, _unlike(found, expected, decided.at), found, expected)
    return _uncalled_for(next(on_record), decided.at, proven)


def bound_otherwise(chain: str, recorded: Recorded, proven: StreamId) -> Difference | None:
    """Says why the decisions on record do not carry their event and the chain; None where they do."""
    event = recorded.event.id
    binding = ["event", str(event), "chain", chain]
    for found in recorded.decisions:
        if found.fields[-_BINDING:] != binding:
            expected = Entry(found.id, [*found.fields[:-_BINDING], *binding])
            return Difference(event, proven, _unlike(found, expected, event), found, expected)
    return None


def chain_after(previous: str, recorded: Recorded) -> str:
    """Returns the chain over what is on record, without deciding anything."""
    event, decisions = recorded
    return link(
        previous, str(event.id), event.fields, [decision.fields[:-_BINDING] for decision in decisions]
    )


def _uncalled_for(found: Entry, event: StreamId, proven: StreamId) -> Difference:
    """Reports a decision that nothing led to."""
    cause = found.id.event()
    why = "does not lead to it" if cause == event else "is not there"
    sentence = f"Decision {found.id} is on record, and event {cause} {why}."
    return Difference(cause, proven, sentence, found, None)


def _unlike(found: Entry, expected: Entry, event: StreamId) -> str:
    """Names the first word that differs. Where only the chain does, an earlier entry differs."""
    if found.fields[:-1] == expected.fields[:-1]:
        return (
            f"Decision {found.id} of event {event} is right, but the chain on it is not: that event, or one "
            "before it that led to no decision, was altered, removed or put in."
        )
    for was, should in zip(found.fields, expected.fields, strict=False):
        if was != should:
            return (
                f"Decision {found.id} of event {event} says {was[:80]!r} where the fold says {should[:80]!r}."
            )
    return (
        f"Decision {found.id} of event {event} has {len(found.fields)} words where the fold says "
        f"{len(expected.fields)}."
    )
