"""The bus: a portfolio's streams and keys, and the few things that may be done with them.

Every call is one command or one script, bounded by the connection's timeout, never repeated here. It raises
BusUnreachable (a write may or may not have arrived) or BusRefused (it did not), nothing else.

The streams are handed on exactly as they lie there. What lies under the other keys is for people as well, and
anybody may have written it: here, once for all, whatever could steer a terminal is escaped.
"""

import secrets
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from redis import Redis

from portfold.events.codec import Fields
from portfold.events.fields import readable
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.connection import translated_errors
from portfold.events.wire.errors import BusRefused
from portfold.events.wire.keys import Keys

SERVERS_TIME = "*"
"""As an event's ID: let the server stamp it with its clock."""
NO_ENTRIES = ("stopped_out", "halted", "log_incomplete")
"""Fields of the status each of which, when true, means that there are to be no entries."""

RESERVED = "reserved"
"""The field of the status that names the slots: `CL long 1 by ibs-CL, …`."""


class Entry(NamedTuple):
    """An entry of a stream, exactly as it lies there."""

    id: StreamId
    fields: list[str]


class Head(NamedTuple):
    """How far the log is decided: the leader's epoch, the last event folded, the chain up to it.

    `folded` counts the events ever folded, `server` is the run of the server that the last leader led on.
    """

    epoch: int
    cursor: StreamId
    chain: str
    folded: int = 0
    server: str = ""


class Lease(NamedTuple):
    """The answer to an attempt to lead: `epoch` 0 when `holder` leads already."""

    epoch: int
    holder: str
    cursor: StreamId
    chain: str
    folded: int = 0
    server: str = ""


class Extent(NamedTuple):
    """What a stream says of itself: how many entries it ever took, and how many it still holds.

    `first` is the oldest of those, `last` the largest ID it ever gave out; ORIGIN where there is none.
    """

    added: int
    length: int
    first: StreamId
    last: StreamId


class Standing(NamedTuple):
    """What decides, in one moment of the server, whether a yes to a worker still holds: the server's clock,
    or the log's where that is ahead; whether there are to be no entries at all; the session whose heartbeat
    as that worker has not lapsed; and the symbols on which the worker has a slot.
    """

    now_ms: int
    no_entries: bool
    session: str | None
    reserved: tuple[str, ...] = ()


class Archived(NamedTuple):
    """History that is no longer in the streams: up to which event, and the folder it was moved to."""

    up_to: StreamId
    folder: str


class Acknowledged(NamedTuple):
    """The answer to an acknowledgement: `done` with its event; `moved` if the head has; `clock` if the event
    would lie before the head.
    """

    outcome: Literal["done", "moved", "clock"]
    event: StreamId


class Committed(NamedTuple):
    """The answer to a commit: `outcome` says whether it is done, or what was found instead.

    `detail` is how many fields the status has now (done), the chain found (cursor), the server's words
    (decisions).
    """

    outcome: Literal["done", "epoch", "cursor", "decisions"]
    epoch: str
    cursor: str
    detail: str


def trimmed_away(event: StreamId, extent: Extent) -> bool:
    """Whether an event that is not there can have been trimmed: only whoever is before the first is.

    A log that was deleted and begun anew has nothing before its first.
    """
    kept_from = extent.first if extent.length else StreamId(extent.last.ms, extent.last.seq + 1)
    return extent.added > extent.length and event < kept_from


def longest_wait_ms(lease_ms: int) -> int:
    """How long a lease that is somebody else's may last for one whose own are `lease_ms`."""
    return 10 * lease_ms


def at_time(ms: int) -> str:
    """As an event's ID: the next free one in this millisecond, where the clock is driven."""
    return f"{ms}-*"


class Bus:
    """The portfolio `name` on one server."""

    def __init__(self, client: "Redis", name: str) -> None:
        self.keys = Keys(name)
        self._client: Any = client  # the library's own types are too loose to check against
        self._commit = client.register_script(_script("commit.lua"))
        self._name_log = client.register_script(_script("name_log.lua"))
        self._lead = client.register_script(_script("lead.lua"))
        self._lead_append = client.register_script(_script("lead_append.lua"))
        self._renew = client.register_script(_script("renew.lua"))
        self._claim = client.register_script(_script("claim.lua"))
        self._acknowledge = client.register_script(_script("acknowledge.lua"))

    def close(self) -> None:
        """Lets the connections go."""
        self._client.close()

    # --- events -----------------------------------------------------------------------------------------

    def append(self, fields: Fields, stamp: str = SERVERS_TIME) -> StreamId:
        """Adds an event and returns its ID. On BusUnreachable it may be there or not."""
        with translated_errors("adding an event"):
            return StreamId.parse(self._client.execute_command("XADD", self.keys.events, stamp, *fields))

    def events_after(self, after: StreamId, *, count: int, block_ms: int | None = None) -> list[Entry]:
        """The next events; with `block_ms` waits so long for the first."""
        return self._after(self.keys.events, after, count, block_ms)

    def events_before(self, before: StreamId, *, count: int) -> list[Entry]:
        """The latest events up to and with `before`, the newest first."""
        with translated_errors("reading a stream backwards"):
            return _entries(self._client.xrevrange(self.keys.events, str(before), "-", count=count))

    def decisions_after(self, after: StreamId, *, count: int, block_ms: int | None = None) -> list[Entry]:
        """The next decisions; with `block_ms` waits so long for the first."""
        return self._after(self.keys.decisions, after, count, block_ms)

    def orders_after(
        self, decisions: StreamId, killswitch: StreamId, *, count: int, block_ms: int
    ) -> tuple[list[Entry], list[Entry]]:
        """What a worker obeys: the next decisions and pulls of the kill switch; waits for either."""
        keys = (self.keys.decisions, self.keys.killswitch)
        with translated_errors("reading orders"):
            reply = self._client.execute_command(
                *("XREAD", "COUNT", count, "BLOCK", max(1, block_ms)),
                *("STREAMS", *keys, str(decisions), str(killswitch)),
            )
        found = {key: _entries(entries) for key, entries in reply or ()}
        return found.get(keys[0], []), found.get(keys[1], [])

    def pull_killswitch(self, fields: Fields) -> StreamId:
        """Reaches every worker at once, whether or not anybody coordinates."""
        return self.publish(self.keys.killswitch, fields)

    def last_pull(self) -> Entry | None:
        """The latest pull of the kill switch."""
        with translated_errors("reading the kill switch"):
            found = _entries(self._client.xrevrange(self.keys.killswitch, count=1))
        return found[0] if found else None

    def last_pull_id(self) -> StreamId:
        """The largest ID a pull of the kill switch ever had."""
        return self._last(self.keys.killswitch)

    def decisions_of(self, event: StreamId) -> list[Entry]:
        """What was decided on one event."""
        if not event.answerable:
            return []
        with translated_errors("reading decisions"):
            found = self._client.xrange(self.keys.decisions, str(event.decision(0)), str(event.decision(99)))
        return _entries(found)

    def last_event(self) -> StreamId:
        """The largest ID the events stream ever gave out; ORIGIN when there is no stream."""
        return self._last(self.keys.events)

    def last_decision(self) -> StreamId:
        """The same of the decisions stream."""
        return self._last(self.keys.decisions)

    def extent(self) -> Extent:
        """How much of the log there was, and is."""
        return self._extent(self.keys.events)

    def decisions_extent(self) -> Extent:
        """The same of the decisions."""
        return self._extent(self.keys.decisions)

    def lost(self, events: Sequence[StreamId]) -> StreamId | None:
        """The last of these events, which were added, that is gone: not counting what was trimmed away."""
        with translated_errors("looking for events"), self._client.pipeline(transaction=False) as commands:
            for event in events:
                commands.xrange(self.keys.events, str(event), str(event))
            found = _all_of(commands)
        gone = [event for event, there in zip(events, found, strict=True) if not there]
        if not gone:
            return None
        extent = self.extent()
        return max((event for event in gone if not trimmed_away(event, extent)), default=None)

    def log_name(self) -> str:
        """What tells this log from every other one; empty for one that is older than such names."""
        with translated_errors("asking for the log's name"):
            return str(self._name_log([self.keys.log, self.keys.head], [secrets.token_hex(4)]))

    # --- the leader's ------------------------------------------------------------------------------------

    def take_lead(self, who: str, lease_ms: int) -> Lease:
        """Takes the lease if it is free, with a new epoch and how far the log is decided.

        If it is not, it lasts ten times `lease_ms` from here on at most, unless its holder renews it.
        """
        self.log_name()  # a log gets its name before anybody has led
        with translated_errors("taking the lead"):
            epoch, holder, cursor, chain, folded, server = self._lead(
                keys=[self.keys.leader, self.keys.head], args=[who, lease_ms, longest_wait_ms(lease_ms)]
            )
        return Lease(
            _epoch(epoch or "0"), readable(holder), _cursor(cursor), readable(chain), _folded(folded), server
        )

    def keep_lead(self, who: str, lease_ms: int, epoch: int = 0) -> bool:
        """Renews the lease; false when it is somebody else's by now. 0 ms gives it up.

        One that lapsed is renewed too while `epoch` is still the latest: nobody else has led since.
        """
        with translated_errors("renewing the lease"):
            return bool(self._renew(keys=[self.keys.leader, self.keys.head], args=[who, lease_ms, epoch]))

    def lead_append(self, fields: Fields, stamp: str, *, epoch: int) -> StreamId | None:
        """Adds an event of the leader's own; None, and no event, where another epoch leads by now."""
        with translated_errors("adding an event"):
            event = self._lead_append(keys=[self.keys.head, self.keys.events], args=[epoch, stamp, *fields])
        return StreamId.parse(event) if event else None

    def stand_by(self, who: str, lasts_ms: int) -> None:
        """Says who is ready to lead next, for the next `lasts_ms`."""
        with translated_errors("standing by"):
            self._client.set(self.keys.standby, who, px=lasts_ms)

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
        """Writes decisions, cursor, chain and status in one step, or nothing; `events` were folded."""
        words: list[str | int] = [epoch, str(before), str(after), chain, events, 2 * len(status)]
        for name, value in status.items():
            words += (name, value)
        for decision_id, fields in decisions:
            words += (str(decision_id), len(fields), *fields)
        keys = [self.keys.head, self.keys.decisions, self.keys.status]
        with translated_errors("committing decisions"):
            return Committed(*self._commit(keys=keys, args=words))

    def head(self) -> Head | None:
        """How far the log is decided; None when no coordinator ever was."""
        with translated_errors("reading the head"):
            epoch, cursor, chain, folded, server = self._client.hmget(
                self.keys.head, "epoch", "cursor", "chain", "folded", "server"
            )
        if epoch is None:
            return None
        return Head(
            _epoch(epoch), _cursor(cursor or ""), readable(chain or ""), _folded(folded or ""), server or ""
        )

    def remember_server(self, run: str) -> None:
        """Notes in the head on which run of which server its leader leads."""
        with translated_errors("noting the server"):
            self._client.hset(self.keys.head, "server", run)

    def acknowledge(
        self, fields: Fields, *, cursor: StreamId, folded: int, folded_from_now: int, cut_off: bool
    ) -> Acknowledged:
        """Adds the event `fields` and makes the head's count `folded_from_now`; neither if the head moved.

        `cut_off`: the log ends before the head, so it depends on the server's clock whether the event comes
        behind it.
        """
        words = [str(cursor), folded, folded_from_now, "cut off" if cut_off else "", *fields]
        with translated_errors("acknowledging a loss"):
            outcome, event = self._acknowledge(keys=[self.keys.head, self.keys.events], args=words)
        return Acknowledged(outcome, StreamId.parse(event) if event else ORIGIN)

    def snapshot(self) -> str | None:
        """The snapshot's text."""
        with translated_errors("reading the snapshot"):
            text: str | None = self._client.get(self.keys.snapshot)
        return text

    def save_snapshot(self, text: str) -> None:
        """Replaces the snapshot."""
        with translated_errors("writing the snapshot"):
            self._client.set(self.keys.snapshot, text)

    def archived(self) -> Archived | None:
        """What was moved to an archive; None while the streams reach back to the beginning."""
        with translated_errors("asking what is archived"):
            up_to, folder = self._client.hmget(self.keys.archive, "up_to", "folder")
        return Archived(_cursor(up_to), readable(folder or "")) if up_to else None

    def leader(self) -> str | None:
        """Who holds the lease."""
        with translated_errors("reading the lease"):
            holder: str | None = self._client.get(self.keys.leader)
        return _readable(holder)

    def standby(self) -> str | None:
        """Who is ready to lead next: of several, whoever said so last."""
        with translated_errors("reading the standby"):
            who: str | None = self._client.get(self.keys.standby)
        return _readable(who)

    # --- looking -----------------------------------------------------------------------------------------

    def status(self) -> dict[str, str]:
        """The status hash, empty when there is none yet."""
        with translated_errors("reading the status"):
            found = self._client.hgetall(self.keys.status)
        return {readable(name): readable(text) for name, text in found.items()}

    def standing(self, worker: str) -> Standing:
        """What decides whether a yes to the worker still holds."""
        looking = "asking whether a yes still holds"
        with translated_errors(looking), self._client.pipeline(transaction=True) as commands:
            commands.time()
            commands.hmget(self.keys.status, *NO_ENTRIES)
            commands.get(self.keys.worker(worker))
            commands.hget(self.keys.head, "cursor")
            commands.hget(self.keys.status, RESERVED)
            time, status, session, cursor, reserved = _all_of(commands)
        now_ms = max(_milliseconds(time), _cursor(cursor or "").ms)
        return Standing(now_ms, "true" in status, session, reserved_by(worker, reserved or ""))

    def now_ms(self) -> int:
        """The server's clock."""
        with translated_errors("asking for the time"):
            return _milliseconds(self._client.time())

    def server(self) -> dict[str, str]:
        """What the server says of itself (INFO server, persistence, memory and replication), as text."""
        with translated_errors("asking the server about itself"):
            facts = self._client.info("server", "persistence", "memory", "replication")
        return {name: str(value) for name, value in facts.items()}

    def settings(self) -> dict[str, str]:
        """How the server keeps data (`appendfsync`, `save`), and where (`dir`); nothing if we may not ask."""
        try:
            with translated_errors("asking the server for its settings"):
                return dict(self._client.config_get("appendfsync", "save", "dir"))
        except BusRefused:  # hosted servers often forbid CONFIG
            return {}

    # --- workers' presence -------------------------------------------------------------------------------

    def beat(self, worker: str, session: str, lasts_ms: int) -> None:
        """Says that a worker is alive, for the next `lasts_ms`."""
        with translated_errors("sending a heartbeat"):
            self._client.set(self.keys.worker(worker), session, px=lasts_ms)

    def beat_on(self, worker: str, session: str, lasts_ms: int) -> bool:
        """The same, unless there is none of that session any more: then it is false, and nothing changes."""
        with translated_errors("sending a heartbeat"):
            return bool(self._renew(keys=[self.keys.worker(worker)], args=[session, lasts_ms]))

    def beats(self, workers: Sequence[str]) -> list[str | None]:
        """For each worker the session whose heartbeat has not lapsed, or None."""
        if not workers:
            return []
        with translated_errors("reading heartbeats"):
            return list(self._client.mget([self.keys.worker(worker) for worker in workers]))

    def beats_lapse_at(self, workers: Sequence[str]) -> list[int | None]:
        """For each worker when its heartbeat lapses, by the server's clock; None where there is none.

        It changes when the heartbeat is renewed, and by nothing else: not when that clock is set.
        """
        if not workers:
            return []
        with translated_errors("reading heartbeats"):
            commands = self._client.pipeline(transaction=False)
            for worker in workers:
                commands.pexpiretime(self.keys.worker(worker))
            found = commands.execute()
        return [None if lapses_ms < -1 else lapses_ms for lapses_ms in found]  # -1: it never does

    def claim(self, worker: str, who: str, lasts_ms: int, instead_of: str) -> str:
        """Takes the worker's name for the process `who`, or returns who has it. See claim.lua."""
        with translated_errors("claiming a worker's name"):
            return str(self._claim([self.keys.claim(worker)], [who, lasts_ms, instead_of]))

    def claimed(self, workers: Sequence[str]) -> dict[str, str]:
        """Of these workers' names those that some process has, and which."""
        if not workers:
            return {}
        with translated_errors("looking at the workers' names"):
            found = self._client.mget([self.keys.claim(each) for each in workers])
        holders = zip(workers, map(_readable, found), strict=True)
        return {worker: holder for worker, holder in holders if holder}

    def claim_lasts_ms(self, worker: str, who: str) -> int:
        """How long that claim still lasts without being renewed; 0 when it is over."""
        with translated_errors("looking at a claim"):
            holder = self._client.get(self.keys.claim(worker))
            return max(0, int(self._client.pttl(self.keys.claim(worker)))) if holder == who else 0

    def unclaim(self, worker: str, who: str) -> None:
        """Gives the name back, if `who` has it still."""
        with translated_errors("giving back a worker's name"):
            self._claim([self.keys.claim(worker)], [who, 1, ""])

    def say_book_lacks(self, what: str, lasts_ms: int) -> None:
        """Says, for so long, what is open and not in the flattener's book; nothing if all is."""
        with translated_errors("saying what the book lacks"):
            self._client.set(self.keys.book_lacks, what, px=lasts_ms)

    def book_lacks(self) -> str:
        """What the flattener said last of that; empty too where none has."""
        with translated_errors("asking what the book lacks"):
            return readable(self._client.get(self.keys.book_lacks) or "")

    def say_book_exceeds(self, what: str, lasts_ms: int) -> None:
        """Says, for so long, what the flattener's book holds and the log does not; nothing if none is so."""
        with translated_errors("saying what the log lacks"):
            self._client.set(self.keys.book_exceeds, what, px=lasts_ms)

    def book_exceeds(self) -> str:
        """What the flattener said last of that; empty too where none has."""
        with translated_errors("asking what the log lacks"):
            return readable(self._client.get(self.keys.book_exceeds) or "")

    def notifiers(self, destinations: Sequence[str]) -> list[str | None]:
        """For each destination of alerts the notifier that tells it, or None."""
        if not destinations:
            return []
        with translated_errors("looking for notifiers"):
            found = self._client.mget([self.keys.notifier_lease(each) for each in destinations])
        return [_readable(who) for who in found]

    # --- the driven clock's ------------------------------------------------------------------------------

    def publish(self, key: str, fields: Fields) -> StreamId:
        """Adds to one of the streams beside the log (`keys.bars`, `keys.steps`, `keys.killswitch`)."""
        with translated_errors(f"adding to {key}"):
            return StreamId.parse(self._client.execute_command("XADD", key, "*", *fields))

    def published_after(self, key: str, after: StreamId, *, count: int, block_ms: int) -> list[Entry]:
        """Reads one of the conductor's streams."""
        return self._after(key, after, count, block_ms)

    # --- reading -----------------------------------------------------------------------------------------

    def _after(self, key: str, after: StreamId, count: int, block_ms: int | None) -> list[Entry]:
        block = () if block_ms is None else ("BLOCK", max(1, block_ms))
        with translated_errors("reading a stream"):
            reply = self._client.execute_command("XREAD", "COUNT", count, *block, "STREAMS", key, str(after))
        return _entries(reply[0][1]) if reply else []

    def _extent(self, key: str) -> Extent:
        with translated_errors("looking at the log"):
            if not self._client.exists(key):
                return Extent(0, 0, ORIGIN, ORIGIN)
            facts = self._client.xinfo_stream(key)
        first = facts["first-entry"]
        return Extent(
            added=int(facts["entries-added"]),
            length=int(facts["length"]),
            first=StreamId.parse(first[0]) if first else ORIGIN,
            last=StreamId.parse(facts["last-generated-id"]),
        )

    def _last(self, key: str) -> StreamId:
        with translated_errors("looking at a stream"):
            if not self._client.exists(key):
                return ORIGIN
            return StreamId.parse(self._client.xinfo_stream(key)["last-generated-id"])


def _all_of(commands: Any) -> list[Any]:
    """The answers to a pipeline's commands; the first error among them as the server words it."""
    found: list[Any] = commands.execute(raise_on_error=False)  # its own words for an error name the command
    for error in (answer for answer in found if isinstance(answer, Exception)):
        raise error
    return found


def _milliseconds(time: tuple[int, int]) -> int:
    seconds, microseconds = time
    return int(seconds) * 1000 + int(microseconds) // 1000


def _readable(text: str | None) -> str | None:
    return None if text is None else readable(text)


def _epoch(text: str) -> int:
    """The head's epoch; BusRefused where somebody has overwritten it."""
    if not text.isdecimal():
        raise BusRefused(f"head, epoch: expected a whole number, got {text[:60]!r}")
    return int(text)


def _folded(text: str) -> int:
    """The head's count; BusRefused where somebody has overwritten it."""
    if text and not text.isdecimal():
        raise BusRefused(f"head, folded: expected a whole number, got {text[:60]!r}")
    return int(text or "0")


def reserved_by(worker: str, text: str) -> tuple[str, ...]:
    """The symbols of the worker's slots in the status's text."""
    return tuple(one.partition(" ")[0] for one in text.split(", ") if one.endswith(f" by {worker}"))


def _cursor(text: str) -> StreamId:
    """The head's cursor; BusRefused where somebody has overwritten it."""
    try:
        return StreamId.parse(text) if text else ORIGIN
    except ValueError as overwritten:
        raise BusRefused(f"head, cursor: {overwritten}") from None


def _entries(reply: Sequence[Any]) -> list[Entry]:
    return [Entry(StreamId.parse(entry_id), fields) for entry_id, fields in reply]


def _script(name: str) -> str:
    return files("portfold.events.wire").joinpath(name).read_text(encoding="utf-8")
