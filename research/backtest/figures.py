"""Measures one symbol alone, as `research.statistics.metrics` defines figures, by a simulation without
limits.

Days are all trading days of the bars that were traded, also those before the first trade and after the last.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from portfold.bounds import MOST_CONTRACTS
from portfold.config import Configuration, ConfiguredRules
from portfold.research.simulate.prices import without_bars
from portfold.research.simulate.scenario import TradingAccount, build_scenario
from portfold.research.simulate.simulator import Simulated
from portfold.research.statistics.intervals import Interval
from portfold.research.statistics.metrics import Metrics, measured
from portfold.research.trades.trade_file import Trade
from portfold.research.trades.trading_days import Chosen

_NO_LIMIT = Decimal(999_999_999)
_SEED = 1  # of the bootstrap: the same trades have the same intervals


class BacktestFigures(NamedTuple):
    """The figures, and the 95 % interval of the Sharpe."""

    metrics: Metrics
    sharpe: Interval


def figures_of(
    configuration: Configuration, trades: Sequence[Trade], days: Sequence[str], cash: Decimal
) -> BacktestFigures:
    """Measures trades of one symbol that never overlap."""
    if not trades:
        return BacktestFigures(measured(Simulated((), 1), (), days, cash, _NO_LIMIT), Interval(0.0, 0.0))
    runtime = structs.replace(configuration.runtime, max_contracts=MOST_CONTRACTS)
    portfolio = structs.replace(configuration.portfolio, rules=ConfiguredRules())
    scenario = build_scenario(
        structs.replace(configuration, runtime=runtime, portfolio=portfolio),
        Chosen(tuple(trades), tuple(days), 0),
        pricing=without_bars(configuration),
        account=TradingAccount(cash, _NO_LIMIT),
        daily_stop_loss=_NO_LIMIT,
        seed=_SEED,
    )
    simulated = scenario.simulate(scenario.symbols, 1)
    return BacktestFigures(scenario.figures(simulated), scenario.intervals([simulated], _SEED).sharpe)
