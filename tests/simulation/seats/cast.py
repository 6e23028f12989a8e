"""Who is in the world, and in which seats."""

from decimal import Decimal

from tests.simulation.broker.account import Account
from tests.simulation.broker.mishaps import Mishaps
from tests.simulation.schedule import COORDINATORS, FLATTENER, WORKERS, Temper
from tests.simulation.seats.configured import configured
from tests.simulation.seats.coordinators import CoordinatorSeat
from tests.simulation.seats.operators import OperatorSeat
from tests.simulation.seats.traders import FlattenerSeat, SignalSeat, WorkerSeat
from tests.simulation.seats.watchers import WatcherSeat
from tests.simulation.seats.world import World
from tests.simulation.watch import OPERATOR, WATCHERS

_PRICES = {"ES": Decimal(5000), "CL": Decimal(70), "SI": Decimal(30)}


class Cast:
    """A world of its own, with all its seats."""

    def __init__(self, seed: int, temper: Temper) -> None:
        configuration = configured(temper)
        mishaps = Mishaps(lambda: self.world.scheduler.now)
        account = Account(configuration.contracts, _PRICES, mishaps)
        self.world = World(seed, temper, configuration, account)
        self.leaders = [CoordinatorSeat(self.world, name) for name in COORDINATORS[: temper.coordinators]]
        kind = SignalSeat if self.world.brokers.by_signals else WorkerSeat
        self.workers = {name: kind(self.world, name, symbol) for name, symbol in WORKERS.items()}
        self.flattener = FlattenerSeat(self.world, FLATTENER)
        self.operator = OperatorSeat(self.world, OPERATOR)
        watch = temper.watch
        names = WATCHERS[: watch.watchers] if watch is not None else ()
        self.watchers = [WatcherSeat(self.world, name, watch) for name in names if watch is not None]
