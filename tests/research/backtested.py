"""One symbol backtested in this process: its bars read, the work done, its files written."""

from portfold.research.backtest import one, walk_forward
from portfold.research.backtest.best import write_results
from portfold.research.backtest.outcome import BacktestPlan, FinishedBacktest
from portfold.research.backtest.walk_forward import WalkPlan


def backtested(plan: BacktestPlan, symbol: str) -> FinishedBacktest:
    """What `backtest` makes of the symbol."""
    asked = one.ask(plan, symbol)
    if isinstance(asked, FinishedBacktest):
        return asked
    results = one.backtest(plan, asked)
    write_results(plan.folder, results)
    return FinishedBacktest(results.best, before=False)


def walked(plan: WalkPlan, symbol: str) -> FinishedBacktest:
    """What `walk-forward` makes of the symbol."""
    asked = walk_forward.ask_walk(plan, symbol)
    if isinstance(asked, FinishedBacktest):
        return asked
    results = walk_forward.walk_forward(plan, asked)
    write_results(plan.backtest.folder, results)
    return FinishedBacktest(results.best, before=False)
