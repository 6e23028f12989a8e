"""The buses of whoever puts a record back into a server, or takes the end of one off.

An import goes into a portfolio that is not there yet: nothing is decided on the way, and until `finish` the
portfolio has no head, and so counts as not there. A renewal is one script: all of it happens, or nothing. It
needs a user of the server who may do anything; no role may.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from portfold.events.codec import Fields
from portfold.events.proof import apart
from portfold.events.roles.signer import LogAsItIs, Signer
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.answers import AcknowledgeReply, Head, entries_in
from portfold.events.wire.bus import Bus, Entry

if TYPE_CHECKING:
    from redis import Redis

_packed = msgspec.msgpack.Encoder().encode


class ImporterBus(Bus):
    """The portfolio `name` on one server, for an import."""

    def is_there(self) -> bool:
        """Returns whether the server has anything under the portfolio's names."""
        with self._errors_while("looking for the portfolio"):
            return next(self._client.scan_iter(match=f"{_literally(self.keys.prefix)}:*"), None) is not None

    def put(self, events: Sequence[Entry], decisions: Sequence[Entry]) -> None:
        """Adds the entries under the IDs they had. ValueError for words that no stream ever held."""
        found = [
            (key, str(at), *(word.encode("utf-8", "surrogateescape") for word in fields))
            for key, entries in ((self.keys.events, events), (self.keys.decisions, decisions))
            for at, fields in entries
        ]
        with self._errors_while("putting entries back"), self._client.pipeline(transaction=False) as commands:
            for words in found:
                commands.execute_command("XADD", *words)
            commands.execute()

    def finish(
        self, *, epoch: int, cursor: StreamId, chain: str, folded: int, status: Mapping[str, str]
    ) -> None:
        """Writes head and status, in one step."""
        head = {"epoch": str(epoch), "cursor": str(cursor), "chain": chain, "folded": str(folded)}
        with self._errors_while("putting the head back"), self._client.pipeline(transaction=True) as commands:
            commands.hset(self.keys.head, mapping=head)
            commands.hset(self.keys.status, mapping=dict(status))
            commands.execute()


class Kept(msgspec.Struct, frozen=True):
    """What stays of a log: its last event, how many it ever took up to there, how many decisions; the head.

    `snapshot` is the state at that head, or nothing where the one that is there stays.
    """

    event: StreamId
    added: int
    decisions: int
    last_decision: StreamId
    cursor: StreamId
    chain: str
    folded: int
    snapshot: str


class RenewerBus(Bus):
    """The portfolio `name` on one server, for whoever takes the end of its log off."""

    def __init__(self, client: "Redis", name: str) -> None:
        super().__init__(client, name)
        self._take_off = self._script("take_off.lua")

    def decision_before(self, event: StreamId) -> StreamId | None:
        """Returns the last decision on an event before this one that is in the stream."""
        newest = event.decision(0).before() if event.answerable else event
        with self._errors_while("looking for a decision"):
            found = entries_in(self._client.xrevrange(self.keys.decisions, str(newest), "-", count=1))
        return found[0].id if found else None

    def take_off(
        self, first: StreamId, kept: Kept, events: Sequence[Fields], *, found: Head | None, last: StreamId
    ) -> AcknowledgeReply:
        """Takes everything from the event `first` on off both streams, and puts `events` on.

        Nothing where the head is not as it was `found`, or the log no longer ends at `last`. The first of
        `events` opens the term that this is; the second, the record, is the one that is returned.
        """
        first_decision = first.decision(0) if first.answerable else first.after_decisions()
        words: dict[str, Any] = {
            "epoch": str(found.epoch if found else 0),
            "found": str(found.cursor if found else ORIGIN),
            "last": str(last),
            "first": str(first),
            "keep": str(kept.event),
            "first_decision": str(first_decision),
            "keep_decision": str(kept.last_decision),
            "added": str(kept.added),
            "decisions": str(kept.decisions),
            "cursor": str(kept.cursor),
            "chain": kept.chain,
            "folded": str(kept.folded),
            "snapshot": kept.snapshot,
            "events": self._anew(events, kept.event),
        }
        keys = self.keys
        named = [
            keys.head,
            keys.events,
            keys.decisions,
            keys.snapshot,
            keys.leader,
            f"{keys.prefix}:rehearsal",
        ]
        with self._errors_while("taking the end of the log off"):
            outcome, event = self._take_off(keys=named, args=[_packed(words)])
        return AcknowledgeReply(outcome, StreamId.parse(event) if event else ORIGIN)

    def _anew(self, events: Sequence[Fields], after: StreamId) -> list[list[str]]:
        """Returns events to be put on again behind the event `after`: proved anew where there are keys.

        They are signed as of now, and not behind what is taken off.
        """
        if self.keyring is None:
            return [list(fields) for fields in events]
        as_it_will_be = LogAsItIs(self.known_log_name(), max(StreamId(self.now_ms(), 0), after.after()))
        signer = Signer(self.keyring, lambda: as_it_will_be)
        return [signer.signed(list(apart(fields)[0])) for fields in events]


def _literally(text: str) -> str:
    """Returns the text as a pattern that matches nothing else."""
    return "".join(f"\\{char}" if char in "*?[]\\^" else char for char in text)
