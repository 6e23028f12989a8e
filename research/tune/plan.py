"""What is tuned, and how."""

from datetime import date
from pathlib import Path

from msgspec import Struct

from portfold.research.backtest.outcome import BacktestPlan
from portfold.research.backtest.walk_forward import Every
from portfold.research.trades.results_folder import best_file


class TunePlan(Struct, frozen=True):
    """The settings of the backtests; the first day of the first test span, and how often a set is chosen
    anew; how many sets are compared each time, how many trades one needs to be chosen, the sampler's seed;
    and the ranges, where the user said them.
    """

    backtest: BacktestPlan
    test_from: date
    every: Every
    trials: int
    min_trades: int
    seed: int
    ranges: tuple[str, ...] = ()

    @property
    def embargo(self) -> float:
        """Returns 0: what a choice knows are trades that had ended, and bars do not overlap."""
        return 0.0

    @property
    def method(self) -> str:
        """Says how what is traded was chosen."""
        return (
            f"walk-forward: parameters chosen anew each {self.every} among {self.trials:,} sets, by trades "
            "that had ended before it; Sharpe itself is out of sample."
        )

    def record_file(self, symbol: str) -> Path:
        """Returns the path of the record of a symbol's sets."""
        return best_file(self.backtest.folder, symbol).with_name(f"{symbol}_parameters.tried")
