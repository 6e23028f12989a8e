"""What every part of a gate works with: the author of its events, its bus, clock and threads."""

from collections.abc import Callable
from typing import NamedTuple

from portfold.clock import Clock, SystemClock
from portfold.events.incoming import Event
from portfold.events.wire.bus import SERVERS_TIME, Bus
from portfold.log import Log
from portfold.workers.client.closing.carrier import Begin, on_a_thread
from portfold.workers.client.publisher import Publisher
from portfold.workers.client.settings import GateSettings


class Author(NamedTuple):
    """Who says what a gate puts on the log."""

    worker: str
    session: str

    def event(self, kind: Callable[..., Event], number: int, **fields: object) -> Event:
        """Makes an event of theirs, under its number in the session."""
        return kind(worker=self.worker, session=self.session, seq=number, **fields)


class GateContext(NamedTuple):
    """The same for all parts of one gate."""

    author: Author
    bus: Bus
    publisher: Publisher
    settings: GateSettings
    log: Log
    clock: Clock


class GateEnvironment(NamedTuple):
    """The machine under a gate: `stamp` gives its events' IDs, `clock` the time, `begin` starts a task;
    `bus` replaces the one that the settings name."""

    stamp: Callable[[], str] = lambda: SERVERS_TIME
    clock: Clock = SystemClock()
    bus: Bus | None = None
    begin: Begin = on_a_thread
