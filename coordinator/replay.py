"""The replay: every event on the log decided again, and compared with what was decided at the time.

What it proves: the decisions stream is, byte for byte and with nothing more and nothing less, what this
version of the fold makes of the events stream, and the chain leads to the head. It writes nothing, asks
nobody, and holds a batch of entries in memory, however long the log.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from coordinator.follower import Follower
from coordinator.ledger import Decided
from coordinator.state import State
from events.bus import Bus, Entry, Head
from events.stream_id import ORIGIN, StreamId

_READ_AT_ONCE = 1000


class Replayed(Struct, frozen=True):
    """What came of it: `events` and `decisions` that were reproduced, and the `state` they lead to.

    `difference` is empty when that is all there are up to the head; else the sentence that names the first
    entry that is not what it should be, where the replay ended.
    """

    events: int
    decisions: int
    state: State
    difference: str


def replay(bus: Bus, see: Callable[[Decided, State], object] | None = None) -> Replayed:
    """Decides again all that is decided, up to where the head is now; shows `see` each event in turn.

    Raises BusError when the log cannot be read.
    """
    head = bus.head() or Head(0, ORIGIN, "")
    follower = Follower()
    written = _Written(_entries(bus.decisions_after))
    events = decisions = 0
    for event in _entries(bus.events_after):
        if event.id > head.cursor:
            break
        decided = follower.advance(event.id, event.fields)
        difference = written.difference(decided)
        if difference:
            return Replayed(events, decisions, follower.state, difference)
        events += 1
        decisions += len(decided.entries)
        if see is not None:
            see(decided, follower.state)
    difference = written.left_over(head.cursor) or _wrong_end(follower, head)
    return Replayed(events, decisions, follower.state, difference)


class _Written:
    """The decisions stream, read in step with what is decided again."""

    def __init__(self, entries: Iterator[Entry]) -> None:
        self._entries = entries

    def difference(self, decided: Decided) -> str:
        """Why the next decisions on the stream are not those of the event; nothing when they are."""
        for at, fields in decided.entries:
            found = next(self._entries, None)
            if found is None:
                return f"Decision {at} of event {decided.at} is not on the decisions stream."
            if found.id != at:
                return f"Event {decided.at}: expected {at} next on the decisions stream, found {found.id}."
            if found.fields != fields:
                return f"Decision {at} of event {decided.at} {_unlike(found.fields, fields)}."
        return ""

    def left_over(self, cursor: StreamId) -> str:
        """What stands on the stream up to `cursor` though no event led to it; nothing when there is none."""
        found = next(self._entries, None)
        if found is None or found.id.event() > cursor:
            return ""
        return f"Decision {found.id} is on the decisions stream, and no event led to it."


def _unlike(found: list[str], expected: list[str]) -> str:
    """The first word that differs."""
    for was, should in zip(found, expected, strict=False):
        if was != should:
            return f"says {was[:80]!r} where the fold says {should[:80]!r}"
    return f"has {len(found)} words where the fold says {len(expected)}"


def _wrong_end(follower: Follower, head: Head) -> str:
    if follower.cursor != head.cursor:
        return f"The log ends at {follower.cursor}, before the head at {head.cursor}."
    if head.cursor != ORIGIN and follower.chain != head.chain:
        return f"The chain of the log up to {head.cursor} is not the head's."
    return ""


class _Read(Protocol):
    def __call__(self, after: StreamId, *, count: int) -> list[Entry]: ...


def _entries(read: _Read) -> Iterator[Entry]:
    """A stream from its beginning, batch by batch."""
    after = ORIGIN
    while batch := read(after, count=_READ_AT_ONCE):
        yield from batch
        after = batch[-1].id
