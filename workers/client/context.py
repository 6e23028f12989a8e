"""What every part of a gate works with, in whose name, and what all of it stands on."""

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
    """What a gate stands on: `stamp` gives its events' IDs, `clock` its time, `begin` begins what is to be
    carried out; `bus` where it is not the one that the settings name."""

    stamp: Callable[[], str] = lambda: SERVERS_TIME
    clock: Clock = SystemClock()
    bus: Bus | None = None
    begin: Begin = on_a_thread
