"""Backtests several symbols wherever pieces are done; each is written here as soon as it is finished.

A symbol that cannot be backtested is reported with the reason, and the others go on.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from portfold.config import ConfigError
from portfold.pieces.pieces import WorkLost, as_done
from portfold.pieces.place import Place
from portfold.research.backtest import one, walk_forward
from portfold.research.backtest.best import Results, write_results
from portfold.research.backtest.outcome import Asked, BacktestPlan, FinishedBacktest
from portfold.research.backtest.walk_forward import WalkPlan
from portfold.research.errors import ResearchError
from portfold.workers.feeds.csv_folder import BarsError
from portfold.workers.strategies.guarded import StrategyFailed
from portfold.workers.strategies.opened import own_code

_KEPT = "What is done is written: the same command does the rest; in one process, --jobs 1, it needs least."

_Made = TypeVar("_Made")
Plan = BacktestPlan | WalkPlan


class FailedBacktest(NamedTuple):
    """A symbol that could not be backtested, and why: one sentence."""

    symbol: str
    why: str


_Piece = str | Asked | FinishedBacktest | FailedBacktest
"""A symbol, or what is known of it already."""


def each_alone(
    plan: Plan, symbols: Sequence[str], place: Place
) -> Iterator[FinishedBacktest | FailedBacktest]:
    """Backtests each symbol at that place, and writes it here; yields each as it is finished.

    Raises ResearchError where a process was ended from outside.
    """
    with place.at_most(len(symbols)).working(plan) as pieces:
        try:
            for found in as_done(pieces, _done, _to_do(plan, symbols, place)):
                if isinstance(found, Results):
                    yield attempted(found.best.symbol, partial(_written, plan, found))
                else:
                    yield found
        except WorkLost as lost:
            raise ResearchError(f"{lost} {_KEPT}") from lost


def _to_do(plan: Plan, symbols: Sequence[str], place: Place) -> Iterator[_Piece]:
    """Yields what is to be done: bars of a cluster's pieces are read here, others by whoever trades them."""
    for symbol in symbols:
        yield attempted(symbol, partial(_asked_there, plan, symbol)) if place.cluster else symbol


def _asked_there(plan: Plan, symbol: str) -> Asked | FinishedBacktest:
    alone = plan if isinstance(plan, BacktestPlan) else plan.backtest
    if own_code(alone.configuration, symbol):
        raise ResearchError(
            f"{symbol}: a strategy of your own is backtested on this machine alone, where it is ended if it "
            "does not return: leave out --cluster."
        )
    return _ask(plan, symbol)


def _ask(plan: Plan, symbol: str) -> Asked | FinishedBacktest:
    return one.ask(plan, symbol) if isinstance(plan, BacktestPlan) else walk_forward.ask_walk(plan, symbol)


def _done(plan: Plan, piece: _Piece) -> Results | FinishedBacktest | FailedBacktest:
    """Backtests a symbol: a piece. What is done before, or cannot be, comes back as it is."""
    asked = attempted(piece, partial(_ask, plan, piece)) if isinstance(piece, str) else piece
    if not isinstance(asked, Asked):
        return asked
    if isinstance(plan, BacktestPlan):
        return attempted(asked.symbol, partial(one.backtest, plan, asked))
    return attempted(asked.symbol, partial(walk_forward.walk_forward, plan, asked))


def _written(plan: Plan, results: Results) -> FinishedBacktest:
    folder = plan.folder if isinstance(plan, BacktestPlan) else plan.backtest.folder
    write_results(folder, results)
    return FinishedBacktest(results.best, before=False)


def attempted(symbol: str, work: Callable[[], _Made]) -> _Made | FailedBacktest:
    """Does the work of a symbol; returns why not, where it cannot be done."""
    try:
        return work()
    except BarsError as error:
        return FailedBacktest(symbol, f"{error}.")
    except (ConfigError, ResearchError, StrategyFailed) as error:
        return FailedBacktest(symbol, str(error))
