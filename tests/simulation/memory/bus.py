"""`events.wire.bus.Bus` over a server in memory: the same methods, answers and errors. A read that waits
lets the simulated time pass, in which others may write."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from portfold.events.codec import Fields
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.answers import cursor_in, epoch_in, folded_in
from portfold.events.wire.bus import (
    SERVERS_TIME,
    VIEW,
    AcknowledgeReply,
    Bus,
    Committed,
    Entry,
    Extent,
    Head,
    LeadersWord,
    Lease,
    MovedHistory,
    Standing,
    trimmed_away,
)
from portfold.events.wire.errors import BusRefused
from portfold.events.wire.keys import Keys
from portfold.events.wire.presence import WantedReplicas
from tests.simulation.memory.server import Commit, MemoryServer
from tests.simulation.memory.stream import Refused

_Answer = TypeVar("_Answer")

Wait = Callable[[Callable[[], bool], int], None]
"""Lets so many milliseconds pass, or fewer: until the condition holds."""


class MemoryBus(Bus):
    """The portfolio `name` on a server in memory."""

    keyring = None  # nobody has keys here

    def __init__(self, server: MemoryServer, name: str, wait: Wait) -> None:
        self.keys = keys = Keys(name)
        self._server, self._wait = server, wait
        self._events, self._decisions, self._killswitch = keys.events, keys.decisions, keys.killswitch
        self._status, self._head, self._leader, self._who = keys.status, keys.head, keys.leader, ""

    def close(self) -> None:
        """Nothing to let go."""

    def _ask(self, doing: str, effect: Callable[[], _Answer]) -> _Answer:
        """One command: every use of the server passes here, and `doing` completes "while …"."""
        try:
            return effect()
        except Refused as refused:
            raise BusRefused(f"Redis refused while {doing}: {refused}") from refused

    def append(self, fields: Fields, stamp: str = SERVERS_TIME) -> StreamId:
        return self._ask("adding an event", lambda: self._server.add(self._events, stamp, fields))

    def orders_after(
        self, decisions: StreamId, killswitch: StreamId, *, count: int, block_ms: int
    ) -> tuple[list[Entry], list[Entry]]:
        server = self._server

        def ready() -> bool:
            return server.last(self._decisions) > decisions or server.last(self._killswitch) > killswitch

        def read() -> tuple[list[Entry], list[Entry]]:
            first = server.after(self._decisions, decisions, count)
            return first, server.after(self._killswitch, killswitch, count)

        return self._read("reading orders", read, ready, block_ms)

    def last_pull(self) -> Entry | None:
        def read() -> Entry | None:
            stream = self._server.stream(self._killswitch)
            return stream.entries[-1] if stream is not None and stream.entries else None

        return self._ask("reading the kill switch", read)

    def decisions_of(self, event: StreamId) -> list[Entry]:
        if not event.answerable:
            return []

        def read() -> list[Entry]:
            last = event.decision(99)
            found = self._server.after(self._decisions, event.before_decisions(), 100)
            return [entry for entry in found if entry.id <= last]

        return self._ask("reading decisions", read)

    def log_name(self) -> str:
        return self._ask("asking for the log's name", self._named)

    def known_log_name(self) -> str:
        return self._ask("asking for the log's name", lambda: self._server.text(self.keys.log)) or ""

    def _named(self) -> str:
        return self._server.name_log(self.keys.log, self._head, "a-name")

    def take_lead(self, who: str, lease_ms: int) -> Lease:
        def lead() -> tuple[str, str, str, str, str, str]:
            self._named()
            self._who = who
            return self._server.lead(self._leader, self._head, who, lease_ms)

        epoch, holder, cursor, chain, folded, server = self._ask("taking the lead", lead)
        return Lease(epoch_in(epoch or "0"), holder, cursor_in(cursor), chain, folded_in(folded), server)

    def keep_lead(self, who: str, lease_ms: int, epoch: int = 0) -> bool:
        return self._ask(
            "renewing the lease",
            lambda: self._server.renew(self._leader, self._head, who, lease_ms, str(epoch)),
        )

    def lead_append(
        self, fields: Fields, stamp: str, *, epoch: int, limits_known_to: StreamId | None = None
    ) -> LeadersWord:
        said = (stamp, fields, (str(epoch), self._who), limits_known_to)
        return self._ask("adding an event", lambda: self._server.lead_append(self._head, self._events, *said))

    def commit(
        self,
        *,
        epoch: int,
        before: StreamId,
        after: StreamId,
        chain: str,
        events: int,
        decisions: Sequence[tuple[StreamId, Fields]],
        status: Mapping[str, str],
    ) -> Committed:
        batch = Commit(epoch, self._who, before, after, chain, list(decisions), events)
        changed, keys = dict(status), (self._head, self._decisions, self._status, self._events)
        return self._ask(
            "committing decisions",
            lambda: self._server.commit(keys, batch, changed),
        )

    def head(self) -> Head | None:
        facts = self._ask("reading the head", lambda: self._server.hash(self._head)) or {}
        if "epoch" not in facts:
            return None
        cursor, chain, folded, server = (
            facts.get(name, "") for name in ("cursor", "chain", "folded", "server")
        )
        return Head(epoch_in(facts["epoch"]), cursor_in(cursor), chain, folded_in(folded), server)

    def remember_server(self, run: str) -> None:
        self._ask("noting the server", lambda: self._server.note(self._head, "server", run))

    def acknowledge(
        self, fields: Fields, *, cursor: StreamId, folded: int, folded_from_now: int, cut_off: bool
    ) -> AcknowledgeReply:
        found, from_now = (str(cursor), str(folded)), str(folded_from_now)
        outcome, event = self._ask(
            "acknowledging a loss",
            lambda: self._server.acknowledge(
                self._head, self._events, fields, found=found, folded=from_now, cut_off=cut_off
            ),
        )
        return AcknowledgeReply(outcome, StreamId.parse(event) if event else ORIGIN)

    def extent(self) -> Extent:
        return self._ask("looking at the log", lambda: self._server.extent(self._events))

    def decisions_extent(self) -> Extent:
        return self._ask("looking at the log", lambda: self._server.extent(self._decisions))

    def events_before(self, before: StreamId, *, count: int) -> list[Entry]:
        def read() -> list[Entry]:
            stream = self._server.stream(self._events)
            entries = stream.entries if stream is not None else []
            return [entry for entry in reversed(entries) if entry.id <= before][:count]

        return self._ask("reading a stream backwards", read)

    def lost(self, events: Sequence[StreamId]) -> StreamId | None:
        def last_lost() -> StreamId | None:
            stream, extent = self._server.stream(self._events), self._server.extent(self._events)
            gone = [event for event in events if stream is None or not stream.holds(event)]
            gone = [event for event in gone if not trimmed_away(event, extent)]
            return max(gone, default=None)

        return self._ask("looking for events", last_lost)

    def snapshot(self) -> str | None:
        return self._ask("reading the snapshot", lambda: self._server.text(self.keys.snapshot))

    def save_snapshot(self, text: str) -> None:
        self._ask("writing the snapshot", lambda: self._server.put(self.keys.snapshot, text))

    def archived(self) -> MovedHistory | None:
        facts = self._ask("asking what is archived", lambda: self._server.hash(self.keys.archive)) or {}
        up_to, kept_from = facts.get("up_to"), cursor_in(facts.get("kept_from", ""))
        return MovedHistory(cursor_in(up_to), facts.get("folder", ""), kept_from) if up_to else None

    def leader(self) -> str | None:
        return self._ask("reading the lease", lambda: self._server.text(self._leader))

    def stand_by(self, who: str, lasts_ms: int) -> None:
        self._ask("standing by", lambda: self._server.put(self.keys.standby, who, lasts_ms))

    def standby(self) -> str | None:
        return self._ask("reading the standby", lambda: self._server.text(self.keys.standby))

    def status(self) -> dict[str, str]:
        return self._ask("reading the status", lambda: dict(self._server.hash(self._status) or {}))

    def standing(self, worker: str) -> Standing:
        def look() -> Standing:
            view = (self._server.hash(self._status) or {}).get(VIEW, "")
            session = self._server.text(self.keys.worker(worker))
            decided = (self._server.hash(self._head) or {}).get("cursor", "")
            return Standing(max(self._server.clock(), cursor_in(decided).ms), view, decided, session)

        return self._ask("asking whether a yes still holds", look)

    def now_ms(self) -> int:
        return self._ask("asking for the time", self._server.clock)

    def server(self) -> dict[str, str]:
        facts = {"redis_version": "7.4.0", "aof_enabled": "1", "run_id": "memory"}
        return self._ask("asking the server about itself", lambda: facts)

    def settings(self) -> dict[str, str]:
        return self._ask("asking the server for its settings", lambda: {"appendfsync": "always", "save": ""})

    def beat(self, worker: str, session: str, lasts_ms: int) -> None:
        key = self.keys.worker(worker)
        self._ask("sending a heartbeat", lambda: self._server.put(key, session, lasts_ms))

    def beat_reaches(self, worker: str, session: str, lasts_ms: int, wanted: WantedReplicas) -> bool | None:
        return not wanted.replicas if self.beat_on(worker, session, lasts_ms) else None  # there is none

    def beat_on(self, worker: str, session: str, lasts_ms: int) -> bool:
        key = self.keys.worker(worker)

        def put() -> bool:
            if self._server.text(key) != session:
                return False
            self._server.put(key, session, lasts_ms)
            return True

        return self._ask("sending a heartbeat", put)

    def beats(self, workers: Sequence[str]) -> list[str | None]:
        if not workers:
            return []
        values = self._ask(
            "reading heartbeats",
            lambda: [self._server.value(self.keys.worker(worker)) for worker in workers],
        )
        return [value if isinstance(value, str) else None for value in values]

    def beats_lapse_at(self, workers: Sequence[str]) -> list[int | None]:
        keys, lapses_at = [self.keys.worker(worker) for worker in workers], self._server.lapses_at
        return self._ask("reading heartbeats", lambda: [lapses_at(key) for key in keys]) if workers else []

    def claim(self, worker: str, who: str, lasts_ms: int, instead_of: str) -> str:
        key = self.keys.claim(worker)

        def take() -> str:
            held = self._server.text(key)
            if held is not None and held not in (who, instead_of) and instead_of != "*":
                return held
            self._server.put(key, who, lasts_ms)
            return ""

        return self._ask("claiming a worker's name", take)

    def claimed(self, workers: Sequence[str]) -> dict[str, str]:
        def held() -> dict[str, str]:
            found = {worker: self._server.text(self.keys.claim(worker)) for worker in workers}
            return {worker: holder for worker, holder in found.items() if holder}

        return self._ask("looking at the workers' names", held) if workers else {}

    def claim_lasts_ms(self, worker: str, who: str) -> int:
        key = self.keys.claim(worker)

        def lasts() -> int:
            return max(0, self._server.lasts_ms(key) or 0) if self._server.text(key) == who else 0

        return self._ask("looking at a claim", lasts)

    def unclaim(self, worker: str, who: str) -> None:
        self.claim(worker, who, 1, "")

    def say_book_lacks(self, what: str, lasts_ms: int) -> None:
        self._say("saying what the book lacks", self.keys.book_lacks, what, lasts_ms)

    def book_lacks(self) -> str:
        return self._ask("asking what the book lacks", lambda: self._server.text(self.keys.book_lacks)) or ""

    def say_book_exceeds(self, what: str, lasts_ms: int) -> None:
        self._say("saying what the log lacks", self.keys.book_exceeds, what, lasts_ms)

    def book_exceeds(self) -> str:
        return self._ask("asking what the log lacks", lambda: self._server.text(self.keys.book_exceeds)) or ""

    def say_without_stop(self, what: str, lasts_ms: int) -> None:
        self._say("saying what is without its stop", self.keys.without_stop, what, lasts_ms)

    def without_stop(self) -> str:
        return self._ask("asking for stops", lambda: self._server.text(self.keys.without_stop)) or ""

    def say_less_than_expected(self, what: str, lasts_ms: int) -> None:
        self._say("saying what is less than expected", self.keys.less_than_expected, what, lasts_ms)

    def less_than_expected(self) -> str:
        return self._ask("asking what is less", lambda: self._server.text(self.keys.less_than_expected)) or ""

    def _say(self, doing: str, key: str, what: str, lasts_ms: int) -> None:
        self._ask(doing, lambda: self._server.put(key, what, lasts_ms))

    def notifiers(self, destinations: Sequence[str]) -> list[str | None]:
        keys = [self.keys.notifier_lease(each) for each in destinations]
        values = self._ask("looking for notifiers", lambda: [self._server.value(key) for key in keys])
        return [value if isinstance(value, str) else None for value in values]

    def publish(self, key: str, fields: Fields) -> StreamId:
        return self._ask("publishing a step", lambda: self._server.add(key, SERVERS_TIME, fields))

    def _after(self, key: str, after: StreamId, count: int, block_ms: int | None) -> list[Entry]:
        return self._read(
            "reading a stream",
            lambda: self._server.after(key, after, count),
            lambda: self._server.last(key) > after,
            block_ms,
        )

    def _last(self, key: str) -> StreamId:
        return self._ask("looking at a stream", lambda: self._server.last(key))

    def _read(
        self, doing: str, read: Callable[[], _Answer], ready: Callable[[], bool], block_ms: int | None
    ) -> _Answer:
        """What `read` finds; with `block_ms` waits so long for something to be there."""

        def read_when_ready() -> _Answer:
            if block_ms is not None and not ready():
                self._wait(ready, max(1, block_ms))
            return read()

        return self._ask(doing, read_when_ready)
