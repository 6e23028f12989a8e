"""Tunes several symbols in processes of this machine; each is written here as soon as it is finished.

Whoever trades a set of parameters puts it on record at once, in a file of this machine: what is interrupted
goes on from there. So no cluster tunes. A symbol that cannot be tuned is reported with the reason, and the
others go on.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from portfold.pieces.pieces import WorkLost, as_done
from portfold.pieces.place import Place
from portfold.research.backtest.best import write_results
from portfold.research.backtest.several import FailedBacktest, attempted
from portfold.research.errors import ResearchError
from portfold.research.tune.plan import TunePlan
from portfold.research.tune.tuning import FinishedTuning, tune

_KEPT = "Each set traded is on record: the same command goes on; in one process, --jobs 1, it needs least."


def each_tuned(
    plan: TunePlan, symbols: Sequence[str], place: Place
) -> Iterator[FinishedTuning | FailedBacktest]:
    """Tunes each symbol in processes, and writes it here; yields each as it is finished.

    Raises ResearchError where a process was ended from outside.
    """
    with place.at_most(len(symbols)).working(plan) as pieces:
        try:
            for one in as_done(pieces, _tuned, symbols):
                yield one if isinstance(one, FailedBacktest) else _written(plan, one)
        except WorkLost as lost:
            raise ResearchError(f"{lost} {_KEPT}") from lost


def tuned_here(
    plan: TunePlan, symbol: str, on_progress: Callable[[int], object]
) -> FinishedTuning | FailedBacktest:
    """Tunes one symbol in this process, and writes it; tells `on_progress` how many sets were looked at."""
    one = attempted(symbol, partial(tune, plan, symbol, on_progress))
    return one if isinstance(one, FailedBacktest) else _written(plan, one)


def _tuned(plan: TunePlan, symbol: str) -> FinishedTuning | FailedBacktest:
    return attempted(symbol, partial(tune, plan, symbol))


def _written(plan: TunePlan, one: FinishedTuning) -> FinishedTuning | FailedBacktest:
    def write() -> FinishedTuning:
        write_results(plan.backtest.folder, one.results)
        return one

    return attempted(one.best.symbol, write)
