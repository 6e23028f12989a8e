"""The bus of the one process that may take history off the server: the archiver.

What it removes is gone from both streams at once, and is decided; each stream keeps at least one entry.
Everybody else has a `Bus`, which can only add.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus

if TYPE_CHECKING:
    from redis import Redis

_READ_AT_ONCE = 1000


class Trimmed(NamedTuple):
    """The answer to a trim: how many entries went, or why none did.

    `undecided`: the first event to keep is beyond the head; `gone`: it is not in the stream; `emptied`: no
    decision would be left.
    """

    outcome: Literal["done", "undecided", "gone", "emptied"]
    events: int
    decisions: int


class ArchiverBus(Bus):
    """The portfolio `name` on one server, for its archiver."""

    def __init__(self, client: "Redis", name: str) -> None:
        super().__init__(client, name)
        self._trim = self._script("trim.lua")

    def first_event(self) -> StreamId | None:
        """Returns the oldest event that is still in the stream."""
        with self._errors_while("looking for the first event"):
            return _first(self._client.xrange(self.keys.events, count=1))

    def first_event_since(self, ms: int) -> StreamId | None:
        """Returns the oldest event at or after this millisecond."""
        with self._errors_while("looking for an event"):
            return _first(self._client.xrange(self.keys.events, min=str(max(0, ms)), count=1))

    def last_decided(self, before: StreamId | None = None) -> StreamId | None:
        """Returns the last event before `before` that a decision in the stream belongs to."""
        newest = "+" if before is None else f"({_first_decision(before)}"
        with self._errors_while("looking for the last decision"):
            decision = _first(self._client.xrevrange(self.keys.decisions, max=newest, count=1))
        return decision.event() if decision else None

    def nth_last_event(self, up_to: StreamId, n: int) -> StreamId | None:
        """Returns the n-th from the end of the events up to and with `up_to`; None when there are fewer."""
        newest, left = str(up_to), n
        while batch := self._back_from(newest, min(left, _READ_AT_ONCE)):
            left -= len(batch)
            if left == 0:
                return StreamId.parse(batch[-1])
            newest = f"({batch[-1]}"
        return None

    def trim(self, keep_from: StreamId, folder: str) -> Trimmed:
        """Removes all before the event `keep_from` from both streams, and notes that `folder` has it."""
        keys = [self.keys.head, self.keys.events, self.keys.decisions, self.keys.archive]
        with self._errors_while("trimming what is archived"):
            answer = self._trim(keys=keys, args=[str(keep_from), str(_first_decision(keep_from)), folder])
        return Trimmed(*answer)

    def _back_from(self, newest: str, count: int) -> list[str]:
        with self._errors_while("counting events"):
            reply = self._client.xrevrange(self.keys.events, max=newest, count=count)
        return [entry_id for entry_id, _ in reply]


def _first_decision(event: StreamId) -> StreamId:
    """Returns the smallest ID that decisions on this event, or on any later one, can have."""
    return event.decision(0) if event.answerable else event.after_decisions()


def _first(reply: Sequence[Any]) -> StreamId | None:
    return StreamId.parse(reply[0][0]) if reply else None
