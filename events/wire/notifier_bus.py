"""The bus of the notifier: for each destination of alerts a lease, and a cursor of what was delivered.

Every take-over counts a new term. Whoever looks how things stand, or notes a delivery, names its term, and a
script compares that first: so of two notifiers one goes on, and one that was replaced finds out before it
sends anything more, and can move no cursor. The log itself is read as anybody may read it.
"""

from typing import TYPE_CHECKING, NamedTuple

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.answers import cursor_in
from portfold.events.wire.bus import Bus

if TYPE_CHECKING:
    from redis import Redis


class DeliveryCursor(NamedTuple):
    """What was delivered to a destination: all up to the event `cursor`, and `part` alerts of the next one.

    `book` is what the notifier wrote down then.
    """

    cursor: StreamId
    part: int
    book: str


class Term(NamedTuple):
    """The answer to an attempt to take a destination over: `number` 0 when `holder` has it.

    `lost`: somebody overwrote what was delivered; by now that is as far as the log is decided.
    """

    number: int
    holder: str
    delivered: DeliveryCursor
    lost: bool


class LogStanding(NamedTuple):
    """How things stood at one moment.

    `decided` is the last event decided on, `archived` the last one moved to an archive, `leader` who leads,
    `now_ms` the server's clock.
    """

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
        self._look = self._script("notifier_look.lua")
        self._delivered = self._script("notifier_delivered.lua")
        self._failed = self._script("notifier_failed.lua")

    def take_over(self, destination: str, who: str, lease_ms: int) -> Term:
        """Takes the destination over if it is free, with a new term and what was delivered."""
        keys = [self.keys.notifier_lease(destination), self.keys.notifier(destination)]
        with self._errors_while("taking over alerts"):
            number, holder, cursor, part, book, lost = self._lead_notifier(
                keys=[*keys, self.keys.events, self.keys.head],
                args=[who, lease_ms, former_group(destination)],
            )
        return Term(int(number), holder, _delivery_cursor(cursor, part, book), bool(lost))

    def keep(self, destination: str, who: str, lease_ms: int) -> bool:
        """Renews the lease; false when it is somebody else's or nobody's by now. 0 ms gives it up."""
        with self._errors_while("renewing the notifier's lease"):
            return bool(self._renew(keys=[self.keys.notifier_lease(destination)], args=[who, lease_ms]))

    def look(self, destination: str, term: int) -> LogStanding:
        """Returns how things stand, for whoever has the destination. Raises TermOver."""
        keys = [self.keys.notifier(destination), self.keys.head, self.keys.archive, self.keys.leader]
        with self._errors_while("looking how far the log is decided"):
            reply = self._look(keys=keys, args=[term])
        if not reply:
            raise TermOver
        decided, archived, leader, now_ms = reply
        return LogStanding(
            decided=cursor_in(decided),
            archived=cursor_in(archived),
            leader=leader,
            now_ms=int(now_ms),
        )

    def note_delivered(self, destination: str, term: int, delivered: DeliveryCursor) -> None:
        """Moves the destination's cursor. Raises TermOver."""
        args: list[str | int] = [term, str(delivered.cursor), delivered.part, delivered.book]
        with self._errors_while("noting a delivery"):
            done = self._delivered(keys=[self.keys.notifier(destination)], args=args)
        if not done:
            raise TermOver

    def count_failure(self, destination: str, term: int) -> None:
        """Counts an attempt that failed, for people who watch. Raises TermOver."""
        with self._errors_while("counting a failure"):
            done = self._failed(keys=[self.keys.notifier(destination)], args=[term])
        if not done:
            raise TermOver

    def failures(self, destination: str) -> int:
        """Returns how many attempts to deliver have failed, ever."""
        with self._errors_while("asking what failed"):
            found = self._client.hget(self.keys.notifier(destination), "failed") or ""
        return int(found) if found.isdecimal() and found.isascii() and len(found) <= 15 else 0

    def serves(self, destination: str) -> bool:
        """Returns whether a notifier has the destination now."""
        with self._errors_while("asking who alerts"):
            return bool(self._client.exists(self.keys.notifier_lease(destination)))

    def delivered(self, destination: str) -> DeliveryCursor | None:
        """Returns what was delivered to the destination; None where no notifier ever was."""
        with self._errors_while("asking what was delivered"):
            cursor, part, book = self._client.hmget(self.keys.notifier(destination), "cursor", "part", "book")
        return _delivery_cursor(cursor, part or "0", book or "") if cursor else None


def former_group(destination: str) -> str:
    """Returns the consumer group by which earlier versions read for a destination."""
    return f"notifier:{destination}"


def _delivery_cursor(cursor: str, part: str, book: str) -> DeliveryCursor:
    return DeliveryCursor(StreamId.parse(cursor) if cursor else ORIGIN, int(part or "0"), book)
