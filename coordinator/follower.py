"""Follows the log: state, chain and place, advanced entry by entry, without writing anything.

A standby keeps one of these warm; whoever takes over has caught up with it first, and has proved on the way
that the head's chain is the chain of this log.
"""

from coordinator.ledger import Decided, decide
from coordinator.snapshot import Place, beginning, read_snapshot
from coordinator.state import State
from events.bus import Bus
from events.codec import Fields
from events.errors import BusError, BusRefused
from events.stream_id import ORIGIN, StreamId

_READ_AT_ONCE = 1000


class LogDiffers(BusError):
    """The log is not the one that was decided: something was removed, added or altered."""


class Follower:
    """Goes through the log from `place` on."""

    def __init__(self, place: Place | None = None) -> None:
        self.place = place or beginning()

    @classmethod
    def from_snapshot(cls, bus: Bus) -> "Follower":
        """Begins at the snapshot, if there is one that is whole and not ahead of the head."""
        try:
            place = read_snapshot(bus.snapshot())
        except BusRefused:  # something else lies under its name
            place = None
        head = bus.head()
        return cls(place if place is not None and head is not None and place.cursor <= head.cursor else None)

    @property
    def state(self) -> State:
        """The portfolio after the last event folded."""
        return self.place.state

    @property
    def cursor(self) -> StreamId:
        """The last event folded."""
        return self.place.cursor

    @property
    def chain(self) -> str:
        """The chain up to it."""
        return self.place.chain

    def advance(self, at: StreamId, fields: Fields) -> Decided:
        """Folds the next entry."""
        decided = decide(self.place.state, self.place.chain, at, fields)
        self.place.cursor, self.place.chain = at, decided.chain
        return decided

    def step(self, bus: Bus, head: StreamId) -> bool:
        """Folds the next batch of what is already decided; false when nothing more is, up to `head`."""
        entries = bus.events_after(self.cursor, count=_READ_AT_ONCE)
        for entry in entries:
            if entry.id > head:
                return False
            self.advance(entry.id, entry.fields)
        return bool(entries) and self.cursor < head

    def leads_to(self, head: StreamId, chain: str) -> bool:
        """Whether this log, up to here, is the one whose head was committed."""
        return self.cursor == head and (head == ORIGIN or self.chain == chain)

    def prove(self, head: StreamId, chain: str) -> None:
        """Raises LogDiffers unless it `leads_to` the head."""
        if not self.leads_to(head, chain):
            raise LogDiffers(
                f"The log up to {self.cursor} does not lead to the head at {head}: events were trimmed, "
                "altered or exchanged. Nothing is decided on it. Restore the log, or start another portfolio."
            )
