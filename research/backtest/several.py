"""Backtests several symbols at once; each is written as soon as it is finished.

A symbol that cannot be backtested is reported with the reason, and the others go on.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from portfold.config import ConfigError
from portfold.pieces.pieces import WorkLost, in_order
from portfold.pieces.place import Place
from portfold.research.backtest.outcome import FinishedBacktest
from portfold.research.errors import ResearchError
from portfold.workers.feeds.csv_folder import BarsError
from portfold.workers.strategies.guarded import StrategyFailed

_KEPT = "What is done is written: the same command does the rest; in one process, --jobs 1, it needs least."


class FailedBacktest(NamedTuple):
    """A symbol that could not be backtested, and why: one sentence."""

    symbol: str
    why: str


def each_alone(
    work: Callable[[str], FinishedBacktest], symbols: Sequence[str], place: Place
) -> Iterator[FinishedBacktest | FailedBacktest]:
    """Does the work of each symbol at that place; yields each as it is finished.

    Raises ResearchError where a process was ended from outside.
    """
    with place.at_most(len(symbols)).working(work) as pieces:
        try:
            yield from in_order(pieces, _done, symbols)
        except WorkLost as lost:
            raise ResearchError(f"{lost} {_KEPT}") from lost


def _done(work: Callable[[str], FinishedBacktest], symbol: str) -> FinishedBacktest | FailedBacktest:
    try:
        return work(symbol)
    except BarsError as error:
        return FailedBacktest(symbol, f"{error}.")
    except (ConfigError, ResearchError, StrategyFailed) as error:
        return FailedBacktest(symbol, str(error))
