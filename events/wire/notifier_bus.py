"""The bus of the notifier: the log through a consumer group for each destination of alerts.

Reading and acknowledging are scripts that look first whether the term is still ours, so of two notifiers only
one gets to see an event, and one that was replaced can neither take nor acknowledge anything. What was read
and not acknowledged is read again. Place and acknowledgement are one step, so they cannot disagree.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry
from portfold.events.wire.connection import translated_errors

if TYPE_CHECKING:
    from redis import Redis


class DeliveryCursor(NamedTuple):
    """How far a destination has been told: all up to the event `cursor`, and `part` alerts of the next one.

    `book` is what the notifier wrote down then.
    """

    cursor: StreamId
    part: int
    book: str


class Term(NamedTuple):
    """The answer to an attempt to take a destination over: `number` 0 when `holder` has it.

    `lost`: somebody overwrote how far it had been told; by now that is as far as the log is decided.
    """

    number: int
    holder: str
    told: DeliveryCursor
    lost: bool


class Taken(NamedTuple):
    """Events that were read, and how things stood at that moment.

    `gone` are those read again that are no longer in the stream; `decided` is the last event decided on,
    `archived` the last one moved to an archive, `leader` who leads, `now_ms` the server's clock.
    """

    events: list[Entry]
    gone: list[StreamId]
    decided: StreamId
    archived: StreamId
    leader: str
    now_ms: int


class TermOver(Exception):
    """Another notifier has taken the destination over."""


class NotifierBus(Bus):
    """The portfolio `name` on one server, for its notifier."""

    def __init__(self, client: "Redis", name: str) -> None:
        super().__init__(client, name)
        self._lead_notifier = self._script("notifier_lead.lua")
        self._take = self._script("notifier_take.lua")
        self._told = self._script("notifier_told.lua")

    def take_over(self, destination: str, who: str, lease_ms: int) -> Term:
        """Takes the destination over if it is free, with a new term and how far it has been told."""
        keys = [self.keys.notifier_lease(destination), self.keys.notifier(destination)]
        with translated_errors("taking over alerts"):
            number, holder, cursor, part, book, lost = self._lead_notifier(
                keys=[*keys, self.keys.events, self.keys.head], args=[who, lease_ms, group(destination)]
            )
        return Term(int(number), holder, _place(cursor, part, book), bool(lost))

    def keep(self, destination: str, who: str, lease_ms: int) -> bool:
        """Renews the lease; false when it is somebody else's or nobody's by now. 0 ms gives it up."""
        with translated_errors("renewing the notifier's lease"):
            return bool(self._renew(keys=[self.keys.notifier_lease(destination)], args=[who, lease_ms]))

    def take(self, destination: str, term: int, *, again_after: StreamId | None, count: int) -> Taken:
        """The next events; with `again_after` those after it that were read and not acknowledged.

        Raises TermOver.
        """
        keys = [self.keys.notifier(destination), self.keys.events]
        after = ">" if again_after is None else str(again_after)
        with translated_errors("reading events for alerts"):
            reply = self._take(
                keys=[*keys, self.keys.head, self.keys.archive, self.keys.leader],
                args=[term, group(destination), after, count],
            )
        if not reply:
            raise TermOver
        entries, decided, archived, leader, now_ms = reply
        return Taken(
            events=[Entry(StreamId.parse(at), fields) for at, fields in entries if fields is not None],
            gone=[StreamId.parse(at) for at, fields in entries if fields is None],
            decided=StreamId.parse(decided) if decided else ORIGIN,
            archived=StreamId.parse(archived) if archived else ORIGIN,
            leader=leader,
            now_ms=int(now_ms),
        )

    def note_told(
        self, destination: str, term: int, told: DeliveryCursor, events: Sequence[StreamId]
    ) -> None:
        """Acknowledges the events and moves the place, in one step. Raises TermOver."""
        args: list[str | int] = [term, group(destination), str(told.cursor), told.part, told.book]
        args += map(str, events)
        with translated_errors("noting what was told"):
            done = self._told(keys=[self.keys.notifier(destination), self.keys.events], args=args)
        if not done:
            raise TermOver

    def forget(self, destination: str, events: Sequence[StreamId]) -> None:
        """Acknowledges events that are no longer in the stream, and so can never be read again."""
        with translated_errors("forgetting events that are gone"):
            self._client.xack(self.keys.events, group(destination), *map(str, events))

    def told(self, destination: str) -> DeliveryCursor | None:
        """How far the destination has been told; None where no notifier ever was."""
        with translated_errors("asking what was told"):
            cursor, part, book = self._client.hmget(self.keys.notifier(destination), "cursor", "part", "book")
        return _place(cursor, part or "0", book or "") if cursor else None

    def decisions_between(self, first: StreamId, last: StreamId) -> list[Entry]:
        """What was decided on the events from `first` to `last`."""
        start = first.decision(0) if first.answerable else first.after_decisions()
        with translated_errors("reading decisions"):
            found = self._client.xrange(self.keys.decisions, str(start), str(last.after_decisions()))
        return [Entry(StreamId.parse(at), fields) for at, fields in found]


def group(destination: str) -> str:
    """The consumer group of a destination."""
    return f"notifier:{destination}"


def _place(cursor: str, part: str, book: str) -> DeliveryCursor:
    return DeliveryCursor(StreamId.parse(cursor) if cursor else ORIGIN, int(part or "0"), book)
