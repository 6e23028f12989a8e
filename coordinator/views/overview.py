"""The overview of a portfolio now: what the coordinator has decided, and what is alive around it.

The status hash holds what was decided, but its writer may be dead by now. So leases, heartbeats, the end of
the log and the server itself are read too. Nothing is written; it takes a dozen commands.
"""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.store.durability import Durability, durability
from portfold.coordinator.store.log_integrity import what_is_lost
from portfold.coordinator.views.portfolio_view import PortfolioView, Presence, ShownPosition
from portfold.coordinator.views.status import tail_missing_text
from portfold.coordinator.views.view_field import view_in
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Head
from portfold.events.wire.market import MarketSeen
from portfold.events.wire.presence import Switch

BACKLOG_COUNTED = 1000
_PAUSES_MISSED = 3


class Backlog(NamedTuple):
    """The events not decided yet: how many (`more`: at least so many), and how old the first is.

    `lost`: the sentence for a log that does not add up; not checked while there are more than are counted.
    """

    events: int
    more: bool
    oldest_ms: int | None
    lost: str


class SeenWorker(NamedTuple):
    """A worker, and whether its heartbeat is there."""

    worker: str
    presence: Presence
    symbols: tuple[str, ...]
    alive: bool

    @property
    def lives(self) -> bool:
        """Returns whether its process lives: after a stop in good order a heartbeat stays for seconds."""
        return self.alive and self.presence != "stopped"


class Server(NamedTuple):
    """What keeps the log: its name and version, its run, how it keeps data, whether its writes succeed."""

    version: str
    run: str
    kept: Durability
    writes_fail: bool


class ShownSwitch(NamedTuple):
    """A dead man's switch: how long ago it was last pressed, None for never; what is wrong, if anything."""

    age_ms: int | None
    wrong: str


class Overview(Struct, frozen=True):
    """One moment. `now_ms` is on the clock of the log: the server's, or that of a simulation.

    `view` is the portfolio as its coordinator left it. `missing` are its symbols that no living worker
    trades. `book_exceeds` is what the flattener's book holds and the log does not, `book_lacks` what it
    lacks, `without_stop` what is open without its stop at the broker, as a living flattener says;
    `less_than_expected` what a notifier says of the days beside those expected, `switch` what of the dead
    man's switch. `market` is the market's
    data as it lies on the bus.
    """

    now_ms: int
    view: PortfolioView
    workers: tuple[SeenWorker, ...]
    missing: tuple[str, ...]
    flattener_alive: bool
    leader: str
    standby: str
    last_event: StreamId
    backlog: Backlog
    server: Server
    book_exceeds: str = ""
    book_lacks: str = ""
    without_stop: str = ""
    less_than_expected: str = ""
    switch: ShownSwitch | None = None
    market: MarketSeen | None = None

    @property
    def deaf(self) -> bool:
        """Returns whether nobody can lead: the log's last ID, written by hand, leaves no room for answers."""
        return not self.last_event.answerable and self.last_event.ms >= self.now_ms

    @property
    def evidence(self) -> bool:
        """Returns whether this is a record put back to look at: whoever leads notes by which clock."""
        return not self.leader and not self.view.clock

    @property
    def unmanaged(self) -> tuple[ShownPosition, ...]:
        """Returns the open positions whose owner gives no sign of life."""
        alive = {seen.worker for seen in self.workers if seen.lives}
        return tuple(position for position in self.view.positions if position.worker not in alive)

    def became_of(self, worker: str) -> str:
        """Says what became of a worker that is not alive: lost, stopped, retired or silent."""
        known = next((seen.presence for seen in self.workers if seen.worker == worker), "up")
        return "silent" if known in ("up", "unannounced") else known

    def last_of(self, symbol: str) -> SeenWorker | None:
        """Returns who last traded a symbol: preferably the owner of its open position."""
        owners = {position.worker for position in self.view.positions if position.symbol == symbol}
        traders = [seen for seen in self.workers if symbol in seen.symbols or seen.worker in owners]
        last = sorted(traders, key=lambda one: (one.worker not in owners, one.presence == "retired"))
        return last[0] if last else None

    @property
    def reticent(self) -> tuple[str, ...]:
        """Returns the living workers that announce no symbols, as old programs behind the drop-in do."""
        return tuple(seen.worker for seen in self.workers if serves(seen) and not seen.symbols)


def look(bus: Bus, *, flattener: str) -> Overview | None:
    """Reads the overview; `flattener` is its name as a worker. None where no coordinator ever was.

    Raises BusError.
    """
    view = view_in(bus.status())
    if view is None:
        return None
    beats = bus.beats([*(seen.worker for seen in view.workers), flattener])
    workers = tuple(
        SeenWorker(one.worker, one.presence, one.symbols, beat is not None)
        for one, beat in zip(view.workers, beats, strict=False)
        if one.worker != flattener
    )
    leader, standby = bus.leader() or "", bus.standby() or ""
    driven = view.clock == "driven" or not (view.clock or leader)
    now_ms, last_event = bus.now_ms(), bus.last_event()
    head = bus.head() or Head(0, ORIGIN, "")
    return Overview(
        now_ms=last_event.ms if driven else now_ms,
        view=view,
        workers=workers,
        missing=missing_symbols(view.limits, workers, view.traded()),
        flattener_alive=beats[-1] is not None,
        leader=leader,
        standby="" if standby == leader else standby,
        last_event=last_event,
        backlog=backlog_of(bus, head, None if driven else now_ms),
        server=server_of(bus.server(), bus.settings()),
        book_exceeds=bus.book_exceeds(),
        book_lacks=bus.book_lacks(),
        without_stop=bus.without_stop(),
        less_than_expected=bus.less_than_expected(),
        switch=_switch(bus.switch(), now_ms),
        market=bus.market(),
    )


def _switch(switch: Switch | None, now_ms: int) -> ShownSwitch | None:
    """Returns what is to be shown of it; one that nobody has pressed for three times its pause is silent."""
    if switch is None:
        return None
    age_ms = max(0, now_ms - switch.pressed_ms) if switch.pressed_ms else None
    silent = age_ms is not None and age_ms > _PAUSES_MISSED * switch.every_ms
    return ShownSwitch(age_ms, switch.wrong or ("its notifier is silent" if silent else ""))


def missed_at_the_end(bus: Bus) -> str:
    """Says which worker misses what at the log's end, by the status; else empty. Raises BusError."""
    view = view_in(bus.status())
    return tail_missing_text(view.tail_missing) if view else ""


def backlog_of(bus: Bus, head: Head, now_ms: int | None) -> Backlog:
    """Counts the events behind the head, up to BACKLOG_COUNTED.

    `now_ms` is the server's clock; None where the log has another clock, so the age of events is unknown.
    """
    extent = bus.extent()
    waiting: list[StreamId] = []
    at = head.cursor
    while at < extent.last and (left := BACKLOG_COUNTED + 1 - len(waiting)):
        page = bus.events_after(at, count=left)  # a short one need not be the last
        if not page:
            break
        waiting += [entry.id for entry in page if entry.id <= extent.last]
        at = page[-1].id
    more = len(waiting) > BACKLOG_COUNTED
    return Backlog(
        events=min(len(waiting), BACKLOG_COUNTED),
        more=more,
        oldest_ms=max(0, now_ms - waiting[0].ms) if waiting and now_ms is not None else None,
        lost="" if more else what_is_lost(extent, head, len(waiting)),
    )


def missing_symbols(
    limits: Limits | None, workers: tuple[SeenWorker, ...], trading: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Returns the portfolio's symbols that no living worker has announced or is `trading` now."""
    serving = [seen for seen in workers if serves(seen)]
    traded = {symbol for seen in serving for symbol in (*seen.symbols, *trading.get(seen.worker, ()))}
    return tuple(symbol for symbol in (limits.symbols if limits else ()) if symbol not in traded)


def serves(worker: SeenWorker) -> bool:
    """Returns whether the worker is up by the log and by its heartbeat."""
    return worker.alive and worker.presence == "up"


def server_of(facts: Mapping[str, str], settings: Mapping[str, str]) -> Server:
    """Sums up the server's reports about itself."""
    valkey = facts.get("valkey_version")
    version = f"Valkey {valkey}" if valkey else f"Redis {facts.get('redis_version', 'unknown')}"
    fails = "err" in (facts.get("aof_last_write_status"), _snapshot_trouble(facts, settings))
    return Server(version, facts.get("run_id", ""), durability(facts, settings), fails)


def _snapshot_trouble(facts: Mapping[str, str], settings: Mapping[str, str]) -> str:
    """Says that the server's own snapshot failed, if it makes any: it then refuses every write."""
    return facts.get("rdb_last_bgsave_status", "ok") if settings.get("save") else "ok"
