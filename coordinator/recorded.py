"""What lies on record: an event with the decisions that were written on it, and whether they are what the
fold makes of it.
"""

from typing import NamedTuple

from coordinator.ledger import Decided
from events.bus import Entry
from events.chain import link

_BINDING = 4  # words at the end of a decision that name its event and the chain


class Recorded(NamedTuple):
    """An event, and every decision that stands after the one before it and up to its own last."""

    event: Entry
    decisions: list[Entry]


def difference(decided: Decided, recorded: Recorded) -> str:
    """Why the decisions on record are not those that follow from the event; nothing when they are."""
    on_record = iter(recorded.decisions)
    for at, fields in decided.entries:
        found = next(on_record, None)
        if found is None:
            return (
                f"Decision {at} of event {decided.at} is not on record: expected {at} next on the decisions "
                "stream."
            )
        if found.id != at:
            return f"Event {decided.at}: expected {at} next on the decisions stream, found {found.id}."
        if found.fields != fields:
            return f"Decision {at} of event {decided.at} {_unlike(found.fields, fields)}."
    too_many = next(on_record, None)
    return f"Decision {too_many.id} is on the decisions stream, and no event led to it." if too_many else ""


def chain_after(previous: str, recorded: Recorded) -> str:
    """The chain over what is on record, without deciding anything."""
    event, decisions = recorded
    return link(previous, str(event.id), event.fields, [one.fields[:-_BINDING] for one in decisions])


def _unlike(found: list[str], expected: list[str]) -> str:
    """The first word that differs."""
    for was, should in zip(found, expected, strict=False):
        if was != should:
            return f"says {was[:80]!r} where the fold says {should[:80]!r}"
    return f"has {len(found)} words where the fold says {len(expected)}"
