"""The world the processes run in: time, the server, the network, the account; and the seats they take.

Processes die and others take their seats; what is here stays.
"""

import contextlib
from collections.abc import Callable
from random import Random
from typing import NoReturn

import structlog

from portfold.config import Configuration
from portfold.events.wire.bus import Entry
from portfold.events.wire.keys import Keys
from portfold.log import Log
from tests.simulation.broker.account import Account
from tests.simulation.broker.brokers import Brokers
from tests.simulation.broker.desk import Desk
from tests.simulation.laws.broker_law import BrokerLaw
from tests.simulation.laws.invariants import Judge
from tests.simulation.memory.server import MemoryServer, Observer
from tests.simulation.memory.wire import Fault, Network, Wire
from tests.simulation.rules.plans import Plans
from tests.simulation.schedule import Temper
from tests.simulation.scheduler import Actor, Crashed, Process, Scheduler, Stepper

PORTFOLIO = "main"


def _drop(*_: object) -> NoReturn:
    raise structlog.DropEvent


SILENT: Log = structlog.wrap_logger(
    None, processors=[_drop], wrapper_class=structlog.make_filtering_bound_logger("critical")
).bind()
"""Says nothing, quickly."""


class World(Observer):
    """Everything of one run that no process's death touches."""

    def __init__(self, seed: int, temper: Temper, configuration: Configuration, account: Account) -> None:
        self.seed = seed
        self.temper = temper
        self.configuration = configuration
        self.account = account
        self.keys = Keys(PORTFOLIO)
        self.scheduler = Scheduler(Random(f"{seed}:scheduler"))
        self.network = Network(self.scheduler)
        self.plans = Plans(seed, temper.rules)
        self.skew_ms = 0
        self.server = MemoryServer(self.server_ms)
        self.judge = Judge(self.server, self.keys)
        self.law = BrokerLaw(self)
        self.server.observers = [self.judge, self.law, self]
        self.network.looked = self.law.looked
        self.desk = Desk(self, account.mishaps)
        self.brokers = Brokers(self, account.mishaps, self.desk)
        account.flattened = self.law.flattens
        account.skew_ms = lambda: self.skew_ms
        account.now = lambda: self.scheduler.now
        account.adopts = self.law.adopts
        account.closes_unowned = self.law.closes_unowned
        account.crash = lambda process: self.seats[process].die()
        self.seats: dict[str, Seat] = {}
        self.quiet = False
        self._wakes: dict[str, list[Stepper]] = {}

    def server_ms(self) -> int:
        """The server's clock, which may jump."""
        return self.temper.begins_ms + self.scheduler.now + self.skew_ms

    def added(self, key: str, entry: Entry) -> None:
        if self.network.trace is not None:
            self.network.tell(f"   {key.rpartition(':')[2]} {entry.id} {' '.join(entry.fields)}")
        for stepper in self._wakes.get(key, ()):
            stepper.woken()

    def wake(self, stepper: Stepper, *keys: str) -> None:
        """Whenever an entry is added to one of these streams."""
        for key in keys:
            waiting = [one for one in self._wakes.get(key, ()) if not one.process.dead]
            self._wakes[key] = [*waiting, stepper]

    def put_clock_right(self) -> None:
        """To where the log is, at least."""
        behind_ms = self.server.last(self.keys.events).ms - self.server_ms()
        self.skew_ms += max(0, behind_ms + 1)

    def later(self, ms: int, action: Callable[[], None]) -> None:
        """Has it done by nobody in particular."""
        self.scheduler.at(self.scheduler.now + ms, None, action)

    def close(self) -> None:
        """Ends whoever is still alive."""
        self.quiet = True
        for seat in self.seats.values():
            seat.leave()
        self.brokers.close()


class Seat:
    """A name under which one process runs after the other, and what each of them is made of (`begin`)."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.random = Random(f"{world.seed}:{name}")
        self.faults: list[Fault] = []
        self.lives = 0
        self.process: Process | None = None
        world.seats[name] = self

    # --- for each kind of process ------------------------------------------------------------------------

    def begin(self, process: Process, wire: Wire) -> None:
        """Makes the process what it is."""
        raise NotImplementedError

    def forget(self) -> None:
        """The process is gone."""

    @property
    def idle(self) -> bool:
        """Whether somebody is here, with nothing left to do or to tell."""
        return self.process is not None

    # --- coming and going --------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts a process where there is none."""
        if self.process is not None:
            return
        self.lives += 1
        process = self.process = Process(self.name, self.world.scheduler, self.random)
        wire = Wire(self.world.server, PORTFOLIO, self.world.network, process, self.die)
        wire.faults = self.faults
        self.begin(process, wire)

    def die(self) -> None:
        """The process ends in this moment, wherever it was; another is started some time later."""
        self.leave()
        if not self.world.quiet:
            self.world.later(self.random.choice((10, 100, 800, 3000, 6000)), self.start)

    def leave(self) -> None:
        """The process ends in this moment."""
        if self.process is not None:
            self.process.dead = True
            self.process = None
            self.forget()

    def actor(self, patience_ms: int = 0) -> Actor:
        assert self.process is not None
        return Actor(self.process, patience_ms)

    def stepper(self, step: Callable[[], float | None], slowest_ms: int) -> Stepper:
        assert self.process is not None
        return Stepper(self.process, self.world.scheduler, step, slowest_ms)


def ended(close: Callable[[], None]) -> None:
    """Lets go of what a dead process was doing between two steps."""
    with contextlib.suppress(Crashed, ValueError):  # ValueError: it was not between steps, and unwinds itself
        close()
