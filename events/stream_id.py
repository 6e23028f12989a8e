"""Stream IDs: the clock and the name of every event, and from it the name of each of its decisions.

An ID is `<ms>-<seq>`: milliseconds of the server's clock, then a count within the millisecond. Event
`<ms>-<seq>` has room for DECISIONS_PER_EVENT decisions, `<ms>-<seq*100>` and on, so the answer to a request
is found with the request's own ID and the server itself refuses a second one.
"""

from typing import NamedTuple

DECISIONS_PER_EVENT = 100
_LARGEST = 2**64 - 1
LARGEST_SEEN = 10**19 - 1
"""The largest number of an ID that a worker can say it saw."""
_LARGEST_ANSWERABLE = (_LARGEST - DECISIONS_PER_EVENT + 1) // DECISIONS_PER_EVENT


class StreamId(NamedTuple):
    """A place in a stream; ordered as the server orders it."""

    ms: int
    seq: int

    @classmethod
    def parse(cls, text: str) -> "StreamId":
        """Reads `<ms>-<seq>` as the server writes it; ValueError when it is not one."""
        before, _, behind = text.partition("-")
        try:
            ms, seq = int(before), int(behind)
        except ValueError:
            raise ValueError(_unlike(text)) from None
        # Numbers that int() reads and the server does not write, such as 007 or 1_0, come out otherwise.
        if f"{ms}-{seq}" != text or not 0 <= seq <= _LARGEST or ms > _LARGEST:
            raise ValueError(_unlike(text))
        return tuple.__new__(cls, (ms, seq))  # as cls(ms, seq) does, but that takes three times as long

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"

    def before(self) -> "StreamId":
        """Returns the largest ID before this one; ORIGIN, which no entry can have, where there is none."""
        if self.seq > 0:
            return StreamId(self.ms, self.seq - 1)
        return StreamId(self.ms - 1, _LARGEST) if self.ms > 0 else ORIGIN

    def after(self) -> "StreamId":
        """Returns the smallest ID after this one; this one where there is none."""
        if self.seq < _LARGEST:
            return StreamId(self.ms, self.seq + 1)
        return StreamId(self.ms + 1, 0) if self.ms < _LARGEST else self

    @property
    def as_seen(self) -> str:
        """Returns the ID as a worker says that it saw it: no number larger than it can say."""
        return f"{min(self.ms, LARGEST_SEEN)}-{min(self.seq, LARGEST_SEEN)}"

    @property
    def answerable(self) -> bool:
        """Returns whether there is room for decisions: false only for a count no server reaches by itself."""
        return self.seq <= _LARGEST_ANSWERABLE

    def decision(self, index: int) -> "StreamId":
        """Returns the ID of its decision number `index`, from 0. Raises ValueError where there is no room."""
        if not 0 <= index < DECISIONS_PER_EVENT or not self.answerable:
            raise ValueError(f"no room for decision {index} of event {self}")
        return StreamId(self.ms, self.seq * DECISIONS_PER_EVENT + index)

    def before_decisions(self) -> "StreamId":
        """Returns the largest ID before this event's first decision: where a wait for the answer starts.

        ValueError when the event is not `answerable`.
        """
        return self.decision(0).before()

    def after_decisions(self) -> "StreamId":
        """Returns the largest ID its decisions can have: those behind it are later events'."""
        return self.decision(DECISIONS_PER_EVENT - 1) if self.answerable else StreamId(self.ms, _LARGEST)

    def event(self) -> "StreamId":
        """Returns the event of a decision with this ID."""
        return StreamId(self.ms, self.seq // DECISIONS_PER_EVENT)


ORIGIN = StreamId(0, 0)
"""Before everything: no entry can have this ID."""


def _unlike(text: str) -> str:
    return f"expected a stream ID such as 1736950000000-0, got {text[:60]!r}"
