"""A Redis server in memory, as far as `events.wire.bus` uses one: streams, hashes, strings that expire,
scripts.

Refusals and their words, expiry by the server's own clock: all as the real one does it, which
`tests/events/wire/test_bus_contract.py` holds it to. Whoever wants to see what is written observes it.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeVar

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Committed, Entry, Extent, LeadersWord, longest_wait_ms
from tests.simulation.memory.stream import Refused, Stream, Wanted, read_stamp

_WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
_AT_ORIGIN = "The ID specified in XADD must be greater than 0-0"
_UNPAIRED = "wrong number of arguments for 'xadd' command"

_Kind = TypeVar("_Kind")


class Commit(NamedTuple):
    """A commit that was accepted."""

    epoch: int
    who: str
    before: StreamId
    after: StreamId
    chain: str
    decisions: Sequence[tuple[StreamId, Sequence[str]]]
    events: int


class Observer:
    """Sees what is written, in the moment it is. This one looks away."""

    def added(self, key: str, entry: Entry) -> None:
        """An entry was added to a stream."""

    def committed(self, commit: Commit) -> None:
        """A batch of decisions was committed."""

    def led(self, who: str, epoch: int) -> None:
        """Somebody took the lease."""


class MemoryServer:
    """The keys of one server. `clock` tells its time in milliseconds, and may jump."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.observers: list[Observer] = []
        self._values: dict[str, object] = {}
        self._lapses_ms: dict[str, int] = {}

    # --- keys --------------------------------------------------------------------------------------------

    def value(self, key: str) -> object:
        """What lies under the key, None when nothing does or it has lapsed."""
        lapses_ms = self._lapses_ms.get(key)
        if lapses_ms is not None and self.clock() >= lapses_ms:
            self.delete(key)
        return self._values.get(key)

    def put(self, key: str, value: object, lasts_ms: int | None = None) -> None:
        """Replaces whatever lay there."""
        self._values[key] = value
        self._lapses_ms.pop(key, None)
        if lasts_ms is not None:
            self._lapses_ms[key] = self.clock() + lasts_ms

    def prolong(self, key: str, lasts_ms: int) -> None:
        self._lapses_ms[key] = self.clock() + lasts_ms

    def lasts_ms(self, key: str) -> int | None:
        """How long until the key lapses; None when it does not."""
        return self._lapses_ms[key] - self.clock() if key in self._lapses_ms else None

    def lapses_at(self, key: str) -> int | None:
        """When the key lapses, by this server's clock; -1 when it does not, None where there is none."""
        return None if self.value(key) is None else self._lapses_ms.get(key, -1)

    def delete(self, key: str) -> None:
        self._values.pop(key, None)
        self._lapses_ms.pop(key, None)

    def text(self, key: str) -> str | None:
        return self._typed(key, str)

    def hash(self, key: str) -> dict[str, str] | None:
        return self._typed(key, dict)

    def stream(self, key: str) -> Stream | None:
        value = self._values.get(key)
        return value if type(value) is Stream else self._typed(key, Stream)

    def _typed(self, key: str, kind: type[_Kind]) -> _Kind | None:
        value = self.value(key) if key in self._lapses_ms else self._values.get(key)
        if value is not None and not isinstance(value, kind):
            raise Refused(_WRONG_TYPE)
        return value

    # --- streams -----------------------------------------------------------------------------------------

    def add(self, key: str, stamp: str, fields: Sequence[str]) -> StreamId:
        """XADD."""
        if len(fields) < 2:
            raise Refused(_UNPAIRED)
        wanted = read_stamp(stamp)
        if len(fields) % 2:
            raise Refused(_UNPAIRED)
        if wanted == Wanted(0, 0):
            raise Refused(_AT_ORIGIN)
        stream = self.stream(key) or Stream()
        entry = Entry(stream.stamped(wanted, self.clock()), list(fields))
        stream.add(entry)
        self._values[key] = stream
        for observer in self.observers:
            observer.added(key, entry)
        return entry.id

    def after(self, key: str, after: StreamId, count: int) -> list[Entry]:
        """XREAD of one stream, without waiting."""
        stream = self.stream(key)
        return stream.after(after, count) if stream is not None else []

    def extent(self, key: str) -> Extent:
        """XINFO STREAM."""
        stream = self.stream(key)
        if stream is None:
            return Extent(0, 0, ORIGIN, ORIGIN)
        first = stream.ids[0] if stream.ids else ORIGIN
        return Extent(stream.added, len(stream.ids), first, stream.last)

    def last(self, key: str) -> StreamId:
        """The largest ID the stream ever gave out; ORIGIN when there is none."""
        stream = self.stream(key)
        return stream.last if stream is not None else ORIGIN

    # --- the scripts -------------------------------------------------------------------------------------

    def lead(self, leader: str, head: str, who: str, lease_ms: int) -> tuple[str, str, str, str, str, str]:
        """lead.lua."""
        holder = self.text(leader)
        if holder is not None and holder != who:
            lasts_ms, longest_ms = self.lasts_ms(leader), longest_wait_ms(lease_ms)
            if lasts_ms is None or lasts_ms > longest_ms:
                self.prolong(leader, longest_ms)
            return "", holder, "", "", "", ""
        self.put(leader, who, lease_ms)  # and stays, should the head not be what it should
        facts = self.hash(head) or {}
        epoch = _whole(facts.get("epoch", "0")) + 1
        self._values[head] = facts | {"epoch": str(epoch), "leads": who}
        for observer in self.observers:
            observer.led(who, epoch)
        cursor, chain, folded, server = (
            facts.get(name, "") for name in ("cursor", "chain", "folded", "server")
        )
        return str(epoch), who, cursor, chain, folded, server

    def name_log(self, log: str, head: str, name: str) -> str:
        """name_log.lua."""
        named = self.text(log)
        if named is None:
            named = "" if self.value(head) is not None else name
            self.put(log, named)
        return named

    def renew(self, leader: str, head: str, who: str, lease_ms: int, epoch: str) -> bool:
        """renew.lua."""
        holder = self.text(leader)
        if holder is None and lease_ms:
            facts = self.hash(head) or {}
            if facts.get("epoch") == epoch and facts.get("leads", who) == who:
                self.put(leader, who, lease_ms)
                return True
        if holder != who:
            return False
        if lease_ms == 0:
            self.delete(leader)
        else:
            self.prolong(leader, lease_ms)
        return True

    def lead_append(
        self,
        head: str,
        events: str,
        stamp: str,
        fields: Sequence[str],
        term: tuple[str, str],
        limits_known_to: StreamId | None,
    ) -> LeadersWord:
        """lead_append.lua; a `term` is a number, and whose it is."""
        facts, (epoch, who) = self.hash(head) or {}, term
        if not leads_still(facts.get("epoch", ""), epoch) or facts.get("leads", who) != who:
            return LeadersWord("epoch", ORIGIN)
        if limits_known_to is not None:
            since = self.after(events, limits_known_to, 1000)
            if len(since) == 1000 or any(_orders_limits(entry.fields) for entry in since):
                return LeadersWord("limits", ORIGIN)
        return LeadersWord("done", self.add(events, stamp, fields))

    def commit(self, keys: tuple[str, str, str, str], batch: Commit, changed: dict[str, str]) -> Committed:
        """commit.lua."""
        head, decisions, status, events = keys
        facts = self.hash(head) or {}
        epoch, cursor = facts.get("epoch", ""), facts.get("cursor", "0-0")
        if not epoch_fits(epoch, batch) or facts.get("leads", batch.who) != batch.who:
            return Committed("epoch", epoch, "", "")
        if not cursor_fits(cursor, batch):
            return Committed("cursor", epoch, cursor, facts.get("chain", ""))
        if batch.events and self._lost(events, batch.after):
            return Committed("gone", epoch, cursor, "")
        folded = facts.get("folded", "0")
        if not folded.isdecimal():
            raise Refused(f"head, folded: expected a whole number, got {folded}")
        for index, (at, fields) in enumerate(batch.decisions):
            try:
                self.add(decisions, str(at), fields)
            except Refused as refused:
                if index:
                    raise Refused(f"half a batch was written: {refused}") from refused
                return Committed("decisions", epoch, cursor, str(refused))
        by_now = str(int(folded) + batch.events)
        self._values[head] = facts | {"cursor": str(batch.after), "chain": batch.chain, "folded": by_now}
        if not isinstance(shown := self.value(status), dict):
            shown = {}
        if shown or changed:
            self._values[status] = shown | changed
        else:
            self.delete(status)
        for observer in self.observers:
            observer.committed(batch)
        return Committed("done", epoch, str(batch.after), str(len(shown | changed)))

    def _lost(self, events: str, event: StreamId) -> bool:
        """Whether the event is gone, and not because it was trimmed: others that came before it are there."""
        stream = self.stream(events)
        if stream is None or not stream.ids or event < stream.ids[0]:
            return False
        return not stream.holds(event)

    def note(self, key: str, name: str, text: str) -> None:
        """HSET of one field."""
        self._values[key] = (self.hash(key) or {}) | {name: text}

    def acknowledge(
        self,
        head: str,
        events: str,
        fields: Sequence[str],
        *,
        found: tuple[str, str],
        folded: str,
        cut_off: bool,
    ) -> tuple[Literal["done", "moved", "clock"], str]:
        """acknowledge.lua."""
        facts = self.hash(head) or {}
        cursor = facts.get("cursor", "0-0")
        if (cursor, facts.get("folded", "0")) != found:
            return "moved", ""
        if cut_off and self.clock() <= StreamId.parse(cursor).ms:
            return "clock", ""
        event = self.add(events, "*", fields)
        self._values[head] = {"epoch": "0"} | facts | {"folded": folded}
        return "done", str(event)


def epoch_fits(epoch: str, batch: Commit) -> bool:
    """Whether whoever commits is the latest to lead. A function, so that its absence can be planted."""
    return epoch == str(batch.epoch)


def leads_still(epoch: str, whose: str) -> bool:
    """Whether whoever says something as the leader is the latest to lead. The same."""
    return epoch == whose


def _orders_limits(fields: Sequence[str]) -> bool:
    return ("type", "LimitsChanged") in zip(fields[::2], fields[1::2], strict=True)


def cursor_fits(cursor: str, batch: Commit) -> bool:
    """Whether the batch goes on from where the last one ended. The same."""
    return cursor == str(batch.before)


def _whole(text: str) -> int:
    if not text.removeprefix("-").isdecimal():
        raise Refused("hash value is not an integer")
    return int(text)
