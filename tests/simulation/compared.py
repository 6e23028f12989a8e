"""The peace where the account is watched: what differs is told and settled, and all agrees to the cent."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial

from portfold.dollars import CENT
from portfold.events.account import EQUITY, AccountReported
from portfold.workers.account.watcher import report_of
from tests.simulation.broker.true_account import snapshot_of
from tests.simulation.scheduler import Violation
from tests.simulation.seats.cast import Cast
from tests.simulation.seats.traders import WorkerSeat

_PAID_IN = Decimal(1_000)
_TRADES = "cat"


class Compared:
    """The account of this cast, and its log. `until` lets time pass until something has come."""

    def __init__(self, cast: Cast, until: Callable[[Callable[[], bool], str], None]) -> None:
        self._cast = cast
        self._until = until
        self._world = cast.world

    def is_told_and_settled(self) -> None:
        """All that differs is told, money that is paid in as well; and a person settles the equity."""
        if self._world.temper.watch is None:
            return
        self._until(self._is_told, "what differs for longer than the grace is told, and nothing else")
        self._until(self._equity_is_settled, "once a person has looked the equity agrees")
        self._world.account.moves(_PAID_IN)
        self._until(self._is_told, "what is paid in differs until it is settled")
        if EQUITY not in self._world.judge.account.stands:
            raise Violation("what is paid in differs until it is settled", "nothing was told of it")
        self._until(self._equity_is_settled, "once a person has looked the equity agrees")

    def agrees_to_the_cent(self) -> None:
        """Once all is closed and settled, log, book and account agree, and still do when somebody trades."""
        if self._world.temper.watch is None:
            return
        self._until(self._equity_is_settled, "once a person has looked the equity agrees")
        self._until(self._is_fresh, "the account is reported as it is")
        self._cast.operator.act(self._cast.operator.account_is_right)
        worker = self._cast.workers[_TRADES]
        self._until(self._is_exact_once_settled, "log and account agree to the cent")
        self._until(partial(self._is_in, worker), "whoever asks is answered")
        self._world.account.prices[worker.symbol] += 7 * self._tick(worker.symbol)
        self._until(self._is_exact, "log and account agree to the cent")
        worker.act(worker.exit)
        self._until(lambda: not self._world.account.held, "whoever is in gets out")
        self._until(self._is_exact, "log and account agree to the cent")

    def _is_in(self, worker: WorkerSeat) -> bool:
        state = self._world.judge.checkpoint.state
        if state.stop or state.halt:  # by a figure that came late
            self._cast.operator.act(self._cast.operator.resume_by_force)
        elif any(slot.worker not in self._world.seats for slot in state.reservations.values()):
            self._cast.operator.act(self._cast.operator.settle_forged)  # of one asked for by hand, and kept
        elif worker.idle and worker.held() is None:
            worker.act(partial(worker.enter, "long", 1))
        return worker.idle and worker.held() is not None

    def _tick(self, symbol: str) -> Decimal:
        return self._world.account.contracts[symbol].tick_size

    def _is_told(self) -> bool:
        """Whether all that is known to differ does, as the account is now, and nothing else."""
        law, limits = self._world.judge.account, self._world.judge.checkpoint.state.limits
        if limits is None or law.report is None or law.behind or not self._world.judge.drained:
            return False
        return law.differing(self._as_it_is(law.report), limits) == law.stands

    def _equity_is_settled(self) -> bool:
        if EQUITY in self._world.judge.account.stands:
            self._cast.operator.act(self._cast.operator.account_is_right)
            return False
        return self._is_told()

    def _is_fresh(self) -> bool:
        """Whether the latest report is decided, and as the account is now."""
        said = self._world.judge.account.report
        if said is None or not self._world.judge.drained:
            return False
        now = self._as_it_is(said)
        return (said.equity, said.positions) == (now.equity, now.positions)

    def _is_exact(self) -> bool:
        """Whether log and account, as it was just reported, agree to the cent."""
        state = self._world.judge.checkpoint.state
        account = state.account
        if account is None or not self._is_fresh() or account.differences:
            return False
        apart = account.equity - account.unrealized - account.from_balance - state.net + account.from_net
        return abs(apart) <= CENT and not self._world.law.differences()

    def _is_exact_once_settled(self) -> bool:
        """The same; what came in after a person looked is told, and he looks again."""
        if EQUITY in self._world.judge.account.stands:
            self._cast.operator.act(self._cast.operator.account_is_right)
            return False
        return self._is_exact()

    def _as_it_is(self, report: AccountReported) -> AccountReported:
        """The report that would be made now."""
        account = self._world.account
        snapshot = snapshot_of(account, account.balance)
        return report_of(snapshot, report.account, report.source, report.as_of_ms)
