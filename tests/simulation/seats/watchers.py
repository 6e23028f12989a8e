"""Account watchers: the production watcher's looks at the true account, in simulated time.

Who has the place of the only one is for `workers.claims`; here two may look at once, as they do for a moment
where one was held up and has lost its place without knowing it.
"""

from portfold.workers.account.watcher import AccountWatcher
from tests.simulation.broker.true_account import TrueSource
from tests.simulation.memory.wire import Wire
from tests.simulation.scheduler import Process
from tests.simulation.seats.configured import ACCOUNT_NAME
from tests.simulation.seats.world import SILENT, Seat, World
from tests.simulation.watch import Watch

_SLOWEST_MS = 60


class WatcherSeat(Seat):
    """Whoever sits here reports the account."""

    def __init__(self, world: World, name: str, watch: Watch) -> None:
        super().__init__(world, name)
        self._watch = watch

    def begin(self, process: Process, wire: Wire) -> None:
        source = TrueSource(self.world.account, self._watch, process)
        watcher = AccountWatcher(
            wire,
            source,
            account=ACCOUNT_NAME,
            kind="true",
            report_seconds=self._watch.report_ms / 1000,
            log=SILENT,
            clock=process,
        )

        def look() -> float:
            watcher.look()
            return source.seconds_between_reads

        self.stepper(look, _SLOWEST_MS).begin()
