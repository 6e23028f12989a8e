"""The coordinator as a process: waits as a standby, leads, steps down, starts over. Its composition root.

It ends only when told to, or when an invariant of ours is broken. A bus that is away, a lease that is lost, a
log that does not add up: each is said, and tried again at bounded intervals; meanwhile nobody is answered, so
no entry is made.
"""

import os
import re
import secrets
import socket
import threading
from collections.abc import Generator, Iterator
from importlib.metadata import version
from typing import Literal

from config import Configuration, loaded_line, milliseconds, secret
from coordinator.clock import Clock, SystemClock
from coordinator.configured import configured_limits
from coordinator.follower import Follower
from coordinator.leader import Leader, LeadLost
from coordinator.log import Log
from events.bus import Bus, Lease
from events.connection import connect, without_secrets
from events.errors import BusError, BusRefused

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0
_OLDEST_REDIS = (7, 0)
_UNFIT_FOR_A_NAME = re.compile(r"[^A-Za-z0-9._@-]")


def run(
    configuration: Configuration,
    *,
    url: str,
    password: str | None,
    portfolio: str,
    clock: Literal["server", "driven"],
    log: Log,
    stop: threading.Event,
) -> None:
    """Coordinates `portfolio` on the server at `url` until `stop` is set."""
    log.info(loaded_line(configuration.portfolio), source=str(configuration.files.portfolio.path))
    bus = Bus(connect(url, password=password), portfolio)
    process = CoordinatorProcess(configuration, bus, clock=clock, log=log, stop=stop)
    log.info("Portfolio coordinator starting", portfolio=portfolio, redis=without_secrets(url))
    try:
        process.run()
    finally:
        bus.close()


def bus_password(configuration: Configuration) -> str | None:
    """The server's password from the environment variable the configuration names."""
    return secret(configuration, "redis_password_env", os.environ)


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
        time: Clock | None = None,
        who: str = "",
    ) -> None:
        self._configuration = configuration
        self._bus = bus
        self._clock = clock
        self._log = log
        self._stop = stop
        self._time = time or SystemClock()
        self._who = who or _own_name()
        self._lease_ms = configuration.runtime.lease_ms
        self._server = ""
        self._trouble = ""
        self._pause_seconds = _FIRST_PAUSE_SECONDS

    def run(self) -> None:
        """Until told to stop. What goes wrong is logged once, and again when it changes or comes back."""
        for pause_seconds in self.steps():
            if pause_seconds:
                self._stop.wait(pause_seconds)

    def steps(self) -> Iterator[float]:
        """The same step by step: yields how many seconds to wait before the next."""
        while not self._stop.is_set():
            try:
                self._check_server()
                yield from self._one_term()
            except LeadLost as lost:
                self._log.warning("Stepped down", why=str(lost))
            except BusError as error:
                if str(error) != self._trouble:
                    self._trouble = str(error)
                    self._log.error(
                        "Not coordinating, so no entry is answered; trying again", why=self._trouble
                    )
                yield self._pause_seconds
                self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
        self._log.info("Portfolio coordinator stopped")

    def _begin_anew(self) -> None:
        """The trouble is over: the next is said even if it is the same, and not waited for long."""
        self._trouble, self._pause_seconds = "", _FIRST_PAUSE_SECONDS

    def _one_term(self) -> Iterator[float]:
        follower = Follower.from_snapshot(self._bus)
        lease = yield from self._wait_for_lease(follower)
        if lease is None:
            return
        runtime = self._configuration.runtime
        leader = Leader(
            self._bus,
            lease,
            lease_ms=self._lease_ms,
            limits=configured_limits(self._configuration),
            limits_asked_for=self._configuration.source.asked_for,
            version=version("portfold"),
            clock=self._clock,
            log=self._log,
            follower=follower,
            worker_lost_ms=milliseconds(runtime.worker_lost_seconds),
            time=self._time,
        )
        try:
            for _ in leader.lead(self._stop):
                yield 0.0  # it waits for events itself
        finally:
            if leader.opened:
                self._begin_anew()
            self._hand_back()

    def _wait_for_lease(self, follower: Follower) -> Generator[float, None, Lease | None]:
        """Follows the log until the lease is free; None when told to stop first."""
        standing_by = False
        while not self._stop.is_set():
            head = self._bus.head()
            while head is not None and not self._stop.is_set() and follower.step(self._bus, head.cursor):
                pass
            lease = self._bus.take_lead(self._who, self._lease_ms)
            if lease.epoch:
                return lease
            if not standing_by:
                standing_by = True
                self._log.info("Standing by", leader=lease.holder)
            yield self._lease_ms / 4000
        return None

    def _hand_back(self) -> None:
        """Gives the lease up at once, so that a standby need not wait for it to lapse."""
        try:
            self._bus.keep_lead(self._who, 0)
        except BusError as error:
            self._log.warning("The lease could not be handed back; it will lapse", why=str(error))

    def _check_server(self) -> None:
        """Says what server this is; raises BusRefused for one that is too old."""
        facts = self._bus.server()
        redis_version = facts.get("redis_version", "0.0")
        if tuple(int(part) for part in redis_version.split(".")[:2]) < _OLDEST_REDIS:
            raise BusRefused(f"Redis {redis_version} is too old; expected 7.0 or later, or Valkey.")
        server = facts.get("valkey_version") or redis_version
        kept = "on" if facts.get("aof_enabled") == "1" else "OFF: a restart of the server loses the log"
        if f"{server} {kept}" != self._server:
            self._server = f"{server} {kept}"
            self._log.info("Redis found", server=server, append_only_file=kept)


def _own_name() -> str:
    """A name that no other coordinator has, anywhere."""
    host = _UNFIT_FOR_A_NAME.sub("-", socket.gethostname())[:40]
    return f"{host}.{os.getpid()}.{secrets.token_hex(3)}"
