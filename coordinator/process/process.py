"""The coordinator as a process: waits as a standby, leads, steps down, starts over. Its composition root.

It ends only on request, or when an invariant is broken and breaks again with everything decided anew from the
log alone. Where the bus is away, the lease is lost or the log does not add up, it logs that and tries again
at bounded intervals; meanwhile no request is answered, so no entry is made.
"""

import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Literal, NamedTuple

from portfold.bounds import NAME_LETTERS
from portfold.clock import Clock, SystemClock
from portfold.config import Configuration, loaded_line, milliseconds, secret
from portfold.coordinator.configured import configured_limits
from portfold.coordinator.fold.effects.lost_tail import is_taken_off
from portfold.coordinator.fold.invariants import InvariantBroken
from portfold.coordinator.process.entrance import refuse_without_keys
from portfold.coordinator.process.init_system import InitSystem
from portfold.coordinator.process.leadable import LogDeaf, proved
from portfold.coordinator.process.leader import Leader
from portfold.coordinator.process.terms import LeadLost, Terms
from portfold.coordinator.store import clock_watch
from portfold.coordinator.store.durability import durability, refuse_eviction, too_old
from portfold.coordinator.store.follower import Follower, LogDiffers
from portfold.coordinator.store.log_integrity import LeaderContext, LogIntegrityLost
from portfold.coordinator.store.segment import ArchiveError
from portfold.coordinator.store.snapshot_proof import ProvedSnapshots
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus, Head, Lease
from portfold.events.wire.connection import Place, connect, without_secrets
from portfold.events.wire.errors import BusError, BusRefused, BusUnreachable
from portfold.log import Log

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0
_TRIED_AGAIN = (BusError, LogDiffers, LogIntegrityLost, LogDeaf, ArchiveError)
"""What may be over by the next attempt: a server that is away or refuses, a log or archive to be restored."""
_NOWHERE = Head(0, ORIGIN, "")
_STANDBY_LEASES = 3  # renewed four times a lease; it may be a little late without looking dead
_UNFIT_FOR_A_NAME = re.compile(rf"[^{NAME_LETTERS}]")


def run(
    configuration: Configuration,
    place: Place,
    *,
    clock: Literal["server", "driven"],
    log: Log,
    stop: threading.Event,
) -> None:
    """Coordinates the portfolio at `place` until `stop` is set."""
    log.info(loaded_line(configuration.portfolio), source=str(configuration.files.portfolio.path))
    bus = Bus(connect(place.url, password=place.password), place.portfolio)
    process = CoordinatorProcess(configuration, bus, clock=clock, log=log, stop=stop)
    log.info("Portfolio coordinator starting", portfolio=place.portfolio, redis=without_secrets(place.url))
    try:
        process.run(InitSystem.of(os.environ))
    finally:
        bus.close()


def bus_password(configuration: Configuration) -> str | None:
    """Returns the server's password from the environment variable the configuration names."""
    return secret(configuration, "redis_password_env", os.environ)


class Clocks(NamedTuple):
    """The clock to wait by, and the date in milliseconds; the machine's, where not given."""

    time: Clock = SystemClock()
    wall_ms: Callable[[], int] = lambda: int(time.time() * 1000)


class CoordinatorProcess:
    """Waits for the lease, leads with it, and begins again when it is lost."""

    def __init__(
        self,
        configuration: Configuration,
        bus: Bus,
        *,
        clock: Literal["server", "driven"],
        log: Log,
        stop: threading.Event,
        who: str = "",
        clocks: Clocks | None = None,
    ) -> None:
        self._configuration = configuration
        self._bus = bus
        self._clock = clock
        self._log = log
        self._stop = stop
        self._time, self._wall_ms = clocks or Clocks()
        self._who = who or _own_name()
        self._lease_ms = configuration.runtime.lease_ms
        folder = configuration.runtime.archive_folder
        self._last_logged: dict[str, str] = {}
        self._seen = ORIGIN
        self._snapshots = ProvedSnapshots(bus, Path(folder) if folder else None, log=log)
        self._trouble = ""
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._init_system, self._doing = InitSystem(), ""

    def run(self, init_system: InitSystem) -> None:
        """Runs until `stop` is set. Logs a trouble once, and again when it changes or comes back."""
        self._init_system = init_system
        for pause_seconds in self.steps():
            self._go_on()
            if pause_seconds:
                self._stop.wait(pause_seconds)
        init_system.ending()

    def _go_on(self) -> None:
        self._init_system.alive(self._doing)

    def steps(self) -> Generator[float, None, None]:
        """Runs step by step: yields how many seconds to wait before the next step."""
        while not self._stop.is_set():
            try:
                self._check_server()
                yield from self._one_term()
            except InvariantBroken as broken:
                self._stop_on(broken)
            except LeadLost as lost:
                self._log.warning("Stepped down", why=str(lost))
            except _TRIED_AGAIN as error:
                if str(error) != self._trouble:
                    self._trouble = str(error)
                    self._log.error(
                        "Not coordinating, so no entry is answered; trying again", why=self._trouble
                    )
                self._doing = f"Not coordinating: {self._trouble}"
                yield self._pause_seconds
                self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
        self._log.info("Portfolio coordinator stopped")

    def _stop_on(self, broken: InvariantBroken) -> None:
        """Logs it and begins once more from the log alone; raises where that broke already.

        A snapshot or this machine's memory may be at fault.
        """
        once_more = self._snapshots.pass_over()
        then = "beginning anew from the log alone" if once_more else "and this from the log alone: it ends"
        self._log.critical(f"INVARIANT BROKEN, so no entry is answered; {then}", why=str(broken))
        if not once_more:
            raise broken

    def _begin_anew(self) -> None:
        """Forgets the trouble that is over: the next is logged even if it is the same, and retried soon."""
        self._trouble, self._pause_seconds = "", _FIRST_PAUSE_SECONDS

    def _one_term(self) -> Iterator[float]:
        taken = yield from self._wait_for_lease(self._snapshots.begin())
        if taken is None:
            return
        lease, follower = taken
        leader, reachable = None, True
        try:
            leader = self._leader(lease, follower, self._check_server())
            for _ in leader.lead(self._stop):
                self._doing = "Leading"
                self._snapshots.go_on()
                yield 0.0  # it waits for events itself
        except BusUnreachable:
            reachable = False
            raise
        finally:
            if leader is not None and leader.opened:
                self._begin_anew()
                self._seen = leader.decided
                self._snapshots.wrote(leader.snapshot)
            if reachable:  # if not, the lease lapses sooner than another call would time out
                self._hand_back()

    def _leader(self, lease: Lease, follower: Follower, context: LeaderContext) -> Leader:
        return Leader(
            self._bus,
            lease,
            follower,
            terms=Terms(
                lease_ms=self._lease_ms,
                worker_lost_ms=milliseconds(self._configuration.runtime.worker_lost_seconds),
                limits=configured_limits(self._configuration),
                limits_asked_for=self._configuration.source.asked_for,
                version=version("portfold"),
                clock=self._clock,
            ),
            context=context,
            time=self._time,
            log=self._log,
        )

    def _wait_for_lease(self, follower: Follower) -> Generator[float, None, tuple[Lease, Follower] | None]:
        """Follows the log until the lease is free, proves it and takes the lease; None when stopped.

        A coordinator that refuses the log does so here, and so never looks like a leader.
        """
        standing_by = False
        while not self._stop.is_set():
            head = self._bus.head()
            while head is not None and not self._stop.is_set() and follower.step(self._bus, head.cursor):
                self._go_on()
            self._seen = max(self._seen, follower.cursor)
            if self._bus.leader() in (None, self._who):
                follower = proved(self._bus, follower, head or _NOWHERE, self._clock, self._go_on)
                self._forget_what_was_taken_off(follower)
                refuse_without_keys(follower.state.keys, self._bus.keyring)
            lease = self._bus.take_lead(self._who, self._lease_ms)
            if lease.epoch:
                return lease, follower
            if not standing_by:
                standing_by = True
                self._log.info("Standing by", leader=lease.holder)
                self._doing = f"Standing by for {lease.holder}"
            self._bus.stand_by(self._who, _STANDBY_LEASES * self._lease_ms)
            self._snapshots.go_on()
            yield self._lease_ms / 4000
        return None

    def _forget_what_was_taken_off(self, follower: Follower) -> None:
        """Takes no event for lost that a renewal, on record, took off the log."""
        known = follower.state.acknowledged
        if known is not None and self._seen > follower.cursor and is_taken_off(self._seen, known):
            self._seen = follower.cursor

    def _hand_back(self) -> None:
        """Gives the lease up at once, so that a standby need not wait for it to lapse."""
        try:
            self._bus.keep_lead(self._who, 0)
        except BusError as error:
            self._log.warning("The lease could not be handed back; it will lapse", why=str(error))

    def _check_server(self) -> LeaderContext:
        """Logs what server this is and what it can lose. Raises BusRefused for one that cannot be used."""
        facts = self._bus.server()
        redis_version = facts.get("redis_version", "0.0")
        if too_old(redis_version):
            raise BusRefused(f"Redis {redis_version} is too old; expected 7.0 or later, or Valkey.")
        eviction = refuse_eviction(facts)
        server, kept = facts.get("valkey_version") or redis_version, durability(facts, self._bus.settings())
        apart = clock_watch.apart(self._bus.now_ms(), self._wall_ms()) if self._clock == "server" else ""
        append_only_file = "on" if facts.get("aof_enabled") == "1" else "OFF"
        self._log_once("info", "Redis found", server=server, append_only_file=append_only_file)
        self._log_once(kept.level, f"Durability: {kept.setting}: {kept.meaning}")
        self._log_once("warning", eviction, topic="eviction")
        self._log_once("warning", apart, topic="clock")
        return LeaderContext(facts.get("run_id", ""), kept.setting, self._seen)

    def _log_once(self, level: Literal["info", "warning"], text: str, topic: str = "", **more: str) -> None:
        """Logs a text once, and again when it has changed."""
        topic = topic or text.partition(":")[0]
        if self._last_logged.get(topic, "") != f"{text} {more}":
            self._last_logged[topic] = f"{text} {more}"
            if text:
                self._log.log(_LEVELS[level], text, **more)


_LEVELS = {"info": 20, "warning": 30}


def _own_name() -> str:
    """Makes a name that no other coordinator has, anywhere."""
    host = _UNFIT_FOR_A_NAME.sub("-", socket.gethostname())[:40]
    return f"{host}.{os.getpid()}.{secrets.token_hex(3)}"
