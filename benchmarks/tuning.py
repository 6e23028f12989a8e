"""Measures how often tuning says "something here": of random walks, and of walks with an edge in them.

Each history is one symbol's: `--days` days of eight hourly bars, traded at no costs, of which the first half
is before the first test span. The edge: after an hour that closed near its low, prices drift up for an hour,
by a part of what they usually move. Twelve sets of parameters are there to be tried, eight at each choice.
docs/statistics.md has the figures, and says what they mean.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from msgspec import structs

from benchmarks.measuring.options import count, parser, sized
from portfold.config import Configuration, load
from portfold.config.locate import PACKAGED
from portfold.research.backtest.outcome import BacktestPlan
from portfold.research.search.verdict import Verdict
from portfold.research.simulate.market import ResearchMarket
from portfold.research.trades.trading_days import DaySpan
from portfold.research.tune.in_words import verdict_on
from portfold.research.tune.plan import TunePlan
from portfold.research.tune.tuning import tune

_SYMBOL = "ES"
_MONDAY = date(2024, 1, 1)
_OPENS = 9
_HOURS, _STEPS, _TICKS = 8, 8, 6
_RANGES = ("entry_below=0.1,0.2", "exit_above=0.5..0.9/0.2", "max_bars=1,4")
_EDGES = (("random walks", 0.0), ("an edge of a tenth of a step", 0.1), ("an edge of a fifth", 0.2))


def main() -> None:
    """Measures, and prints how often each sentence was said."""
    options = parser("tuning", __doc__)
    options.add_argument("--runs", type=count, default=200, help="histories of each kind (200)")
    options.add_argument("--days", type=count, default=120, help="of each history (120)")
    options.add_argument("--seed", type=int, default=1, help="of the histories (1)")
    asked = sized(options, runs=1, days=60)
    configuration = _without_costs(load(str(PACKAGED), {}, Path.cwd()))
    print(f"{asked.runs} histories of {asked.days} days (seed {asked.seed})\n")
    for name, edge in _EDGES:
        said, above = Counter[Verdict](), 0
        for number in range(asked.runs):
            found, profits = _tuned(configuration, Random(f"{asked.seed} {number}"), asked.days, edge)
            said[found] += 1
            above += profits
        print(f"{name}:")
        for verdict in ("holds", "not confirmed", "luck", "cannot be told"):
            print(f"  in one sentence: {verdict:40}{said[verdict] / asked.runs:>7.1%}", flush=True)
        print(
            f"  {'out of sample the whole 95 % interval is above 0':57}{above / asked.runs:>7.1%}", flush=True
        )


def _without_costs(configuration: Configuration) -> Configuration:
    """Returns it with a contract that costs nothing to trade: of a walk no set has any merit, or any drag."""
    free = structs.replace(configuration.contracts[_SYMBOL], commission_per_side=Decimal(0), slippage_ticks=0)
    return structs.replace(configuration, contracts={**configuration.contracts, _SYMBOL: free})


def _tuned(configuration: Configuration, random: Random, days: int, edge: float) -> tuple[Verdict, bool]:
    """Returns what is said of a history, and whether its test spans alone would say that it makes money."""
    with TemporaryDirectory(prefix="portfold-tuning-") as made:
        folder = Path(made)
        tick = configuration.contracts[_SYMBOL].tick_size
        (folder / f"{_SYMBOL}.csv").write_text("\n".join(_rows(random, tick, days, edge)) + "\n")
        market, begins = ResearchMarket(str(folder)), _day(days // 2)
        alone = BacktestPlan(configuration, market, DaySpan(), Decimal(150_000), folder / "results")
        plan = TunePlan(alone, begins, "month", trials=8, min_trades=10, seed=1, ranges=_RANGES)
        luck = tune(plan, _SYMBOL).luck
        return verdict_on(luck), luck.tested.low > 0


def _day(number: int) -> date:
    return _MONDAY + timedelta(days=number // 5 * 7 + number % 5)


def _rows(random: Random, tick: Decimal, days: int, edge: float) -> Iterator[str]:
    yield "time,open,high,low,close"
    price, weak = 20_000, False
    for day in range(days):
        for hour in range(_HOURS):
            path = [price]
            for _ in range(_STEPS):
                path.append(path[-1] + round(random.gauss(_TICKS * edge if weak else 0, _TICKS)))
            price, low, high = path[-1], min(path), max(path)
            weak = price - low < 0.2 * (high - low)
            prices = ",".join(f"{tick * ticks:f}" for ticks in (path[0], high, low, price))
            yield f"{_day(day)}T{_OPENS + hour:02}:00,{prices}"


if __name__ == "__main__":
    main()
