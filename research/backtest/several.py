"""Backtests several symbols at once; each is written as soon as it is finished.

A symbol that cannot be backtested is reported with the reason, and the others go on.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple

from portfold.config import ConfigError
from portfold.research.backtest.outcome import FinishedBacktest
from portfold.research.errors import ResearchError
from portfold.research.processes import processes
from portfold.workers.feeds.csv_folder import BarsError
from portfold.workers.strategies.guarded import StrategyFailed

_ENDED_FROM_OUTSIDE = (
    "A process that backtested was ended from outside; maybe there was not enough memory. What is done is "
    "written: the same command does the rest, and --jobs 1 needs the least."
)


class FailedBacktest(NamedTuple):
    """A symbol that could not be backtested, and why: one sentence."""

    symbol: str
    why: str


def each_alone(
    work: Callable[[str], FinishedBacktest], symbols: Sequence[str], jobs: int
) -> Iterator[FinishedBacktest | FailedBacktest]:
    """Does the work of each symbol in `jobs` processes, or in this one; yields each as it is finished.

    Raises ResearchError where a process was ended from outside.
    """
    if min(jobs, len(symbols)) == 1:
        yield from (_done(work, symbol) for symbol in symbols)
        return
    with processes(min(jobs, len(symbols))) as pool:
        under_way = [pool.submit(_done, work, symbol) for symbol in symbols]
        try:
            for future in as_completed(under_way):
                yield future.result()
        except BrokenProcessPool as broken:
            raise ResearchError(_ENDED_FROM_OUTSIDE) from broken


def _done(work: Callable[[str], FinishedBacktest], symbol: str) -> FinishedBacktest | FailedBacktest:
    try:
        return work(symbol)
    except BarsError as error:
        return FailedBacktest(symbol, f"{error}.")
    except (ConfigError, ResearchError, StrategyFailed) as error:
        return FailedBacktest(symbol, str(error))
