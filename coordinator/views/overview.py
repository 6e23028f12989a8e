"""How a portfolio is at this moment: what the coordinator has decided, and what is alive around it.

The status hash says what was decided; whoever wrote it may be dead by now. So leases, heartbeats, the end of
the log and the server itself are looked at too. Everything is read, nothing written, in a dozen commands.
"""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from portfold.coordinator.fold.limits import limits_named
from portfold.coordinator.store.durability import Durability, durability
from portfold.coordinator.store.log_integrity import what_is_lost
from portfold.coordinator.views.status import read_status
from portfold.coordinator.views.status_values import (
    Moments,
    Reserved,
    ShownDay,
    ShownPosition,
    account_in,
    announced_in,
    flattening_in,
    held_in,
    moments_in,
    reserved_in,
    taken_back_in,
    trading_in,
)
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Head
from portfold.events.wire.errors import BusRefused

BACKLOG_COUNTED = 1000


class Backlog(NamedTuple):
    """Events nobody has decided on yet: how many (`more`: at least so many), and how old the first is.

    `lost`: the sentence for a log that does not add up; not looked for while there are more than are counted.
    """

    events: int
    more: bool
    oldest_ms: int | None
    lost: str


class Seen(NamedTuple):
    """A worker, and whether its heartbeat is there."""

    worker: str
    presence: str
    symbols: tuple[str, ...]
    alive: bool

    @property
    def lives(self) -> bool:
        """Whether there is a process: one that stopped in good order leaves a heartbeat for seconds."""
        return self.alive and self.presence != "stopped"


class Server(NamedTuple):
    """What keeps the log: its name and version, its run, how it keeps data, whether its writes succeed."""

    version: str
    run: str
    kept: Durability
    writes_fail: bool


class Overview(Struct, frozen=True):
    """One moment. `now_ms` is on the clock of the log: the server's, or that of a simulation.

    `status` is the hash as `read_status` gives it, `limits` are those in force by name. `missing` are the
    portfolio's symbols that no living worker trades. `book_exceeds` is what the flattener's book holds and
    the log does not, `book_lacks` what it lacks, as a living flattener says.
    """

    now_ms: int
    status: Mapping[str, object]
    limits: Mapping[str, str]
    account: ShownDay
    moments: Moments
    held: tuple[ShownPosition, ...]
    reserved: tuple[Reserved, ...]
    taken_back: tuple[Reserved, ...]
    flattening: tuple[str, ...]
    workers: tuple[Seen, ...]
    missing: tuple[str, ...]
    flattener_alive: bool
    leader: str
    standby: str
    last_event: StreamId
    backlog: Backlog
    server: Server
    book_exceeds: str = ""
    book_lacks: str = ""

    def text(self, name: str) -> str:
        """A field of the status as text; empty where it is not there."""
        found = self.status.get(name)
        return found if isinstance(found, str) else ""

    def says(self, name: str) -> bool:
        """Whether a flag of the status is set."""
        return self.status.get(name) is True

    @property
    def deaf(self) -> bool:
        """Whether nobody can lead: the log's last ID, written by hand, leaves no room for answers."""
        return not self.last_event.answerable and self.last_event.ms >= self.now_ms

    @property
    def unmanaged(self) -> tuple[ShownPosition, ...]:
        """The open positions whose owner gives no sign of life."""
        alive = {one.worker for one in self.workers if one.lives}
        return tuple(one for one in self.held if one.worker not in alive)

    def became_of(self, worker: str) -> str:
        """How a worker that is not alive went: lost, stopped, retired or silent."""
        known = next((one.presence for one in self.workers if one.worker == worker), "up")
        return "silent" if known in ("up", "unannounced") else known

    def last_of(self, symbol: str) -> Seen | None:
        """Who traded a symbol that nobody alive trades: the owner of its open position before any other."""
        owners = {one.worker for one in self.held if one.symbol == symbol}
        traders = [one for one in self.workers if symbol in one.symbols or one.worker in owners]
        last = sorted(traders, key=lambda one: (one.worker not in owners, one.presence == "retired"))
        return last[0] if last else None

    @property
    def reticent(self) -> tuple[str, ...]:
        """The living workers that do not say what they trade, as old programs behind the drop-in."""
        return tuple(one.worker for one in self.workers if serves(one) and not one.symbols)

    @property
    def stats(self) -> Mapping[str, int | float]:
        """The counts since the log began."""
        found = self.status.get("stats")
        return found if isinstance(found, dict) else {}


def look(bus: Bus, *, flattener: str) -> Overview | None:
    """Looks around; `flattener` is its name as a worker. None where no coordinator ever was.

    Raises BusError.
    """
    status = bus.status()
    if not status:
        return None
    announced = announced_in(status)
    beats = bus.beats([*(one.worker for one in announced), flattener])
    workers = tuple(
        Seen(one.worker, one.presence, one.symbols, beat is not None)
        for one, beat in zip(announced, beats, strict=False)
        if one.worker != flattener
    )
    leader, standby = bus.leader() or "", bus.standby() or ""
    driven = status.get("clock") == "driven"
    now_ms, last_event = bus.now_ms(), bus.last_event()
    head = bus.head() or Head(0, ORIGIN, "")
    limits = limits_named(status.get("limits", ""))
    return Overview(
        now_ms=last_event.ms if driven else now_ms,
        status=_values(status),
        limits=limits,
        account=account_in(status),
        moments=moments_in(status),
        held=held_in(status),
        reserved=reserved_in(status),
        taken_back=taken_back_in(status),
        flattening=flattening_in(status),
        workers=workers,
        missing=missing_symbols(limits, workers, trading_in(status)),
        flattener_alive=beats[-1] is not None,
        leader=leader,
        standby="" if standby == leader else standby,
        last_event=last_event,
        backlog=backlog_of(bus, head, None if driven else now_ms),
        server=server_of(bus.server(), bus.settings()),
        book_exceeds=bus.book_exceeds(),
        book_lacks=bus.book_lacks(),
    )


def _values(fields: Mapping[str, str]) -> Mapping[str, object]:
    try:
        return read_status(fields)
    except (ValueError, KeyError) as unread:
        raise BusRefused(
            f"status: expected counts and dollars as a coordinator writes them: {unread}"
        ) from None


def backlog_of(bus: Bus, head: Head, now_ms: int | None) -> Backlog:
    """What waits behind the head, counted no further than BACKLOG_COUNTED.

    `now_ms` is the server's clock; None where the log has another, and nobody can say how old its events are.
    """
    extent = bus.extent()
    page = [
        entry.id
        for entry in bus.events_after(head.cursor, count=BACKLOG_COUNTED + 1)
        if entry.id <= extent.last
    ]
    more = len(page) > BACKLOG_COUNTED
    return Backlog(
        events=min(len(page), BACKLOG_COUNTED),
        more=more,
        oldest_ms=max(0, now_ms - page[0].ms) if page and now_ms is not None else None,
        lost="" if more else what_is_lost(extent, head, len(page)),
    )


def missing_symbols(
    limits: Mapping[str, str], workers: tuple[Seen, ...], trading: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The portfolio's symbols that no living worker has announced, or is `trading` at this moment."""
    serving = [one for one in workers if serves(one)]
    traded = {symbol for one in serving for symbol in (*one.symbols, *trading.get(one.worker, ()))}
    return tuple(symbol for symbol in limits.get("symbols", "").split() if symbol not in traded)


def serves(worker: Seen) -> bool:
    """Whether it is up by the log and by its heartbeat."""
    return worker.alive and worker.presence == "up"


def server_of(facts: Mapping[str, str], settings: Mapping[str, str]) -> Server:
    """What the server says of itself, in short."""
    valkey = facts.get("valkey_version")
    version = f"Valkey {valkey}" if valkey else f"Redis {facts.get('redis_version', 'unknown')}"
    fails = "err" in (facts.get("aof_last_write_status"), _snapshot_trouble(facts, settings))
    return Server(version, facts.get("run_id", ""), durability(facts, settings), fails)


def _snapshot_trouble(facts: Mapping[str, str], settings: Mapping[str, str]) -> str:
    """A snapshot that failed matters where the server makes any: it then refuses every write."""
    return facts.get("rdb_last_bgsave_status", "ok") if settings.get("save") else "ok"
