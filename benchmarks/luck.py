"""Measures what the figures about luck are worth, on made-up histories whose truth is known.

Each history is `--days` days of `--symbols` symbols that share a fifth of their variance; every set of them
is a portfolio, and the one with the highest Sharpe is chosen, as a search does. `--variants` of each symbol's
file may have been tried before, of which the best is used. Then it is asked how often the intervals hold the
true Sharpe, how often luck is called better than luck, and how often a planted edge is found: of independent
days, and of days each of which depends on the one before. Last, of a history that nobody chose, what its
intervals hold.
docs/statistics.md has the figures, and says what they mean.
"""

import math
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import combinations
from typing import NamedTuple

import numpy as np

from benchmarks.measuring.options import count, parser, sized
from portfold.research.search.verdict import verdict
from portfold.research.statistics.clusters import tries_among
from portfold.research.statistics.intervals import Interval, Intervals, intervals
from portfold.research.statistics.metrics import DAYS_A_YEAR, DaysWithin, Floats, daily_returns, sharpe
from portfold.research.statistics.reality_check import TriedHistories
from portfold.research.statistics.significance import deflated_sharpe
from portfold.research.trades.trading_days import days_between

_DAY, _FIRST = timedelta(days=1), date(2020, 1, 6)
_CASH = 1_000_000.0
_DOLLARS_A_DAY = 1_000.0
_COMMON = 0.2
_SURE = 0.95
_EDGE = 1.5  # the planted Sharpe of a symbol by the year
_LIKE_THE_DAY_BEFORE = 0.3  # the correlation of a day and the next, where days depend on one another
_OTHERS = 2_000  # histories of the same kind, whose mean drawdown is the true one


class Kind(NamedTuple):
    """A kind of histories: of what merit, each file the best of how many, and how far each day depends on
    the one before.
    """

    name: str
    variants: int
    edge: float
    depends: float


class Judged(NamedTuple):
    """What was said of one history: whether each statement held, or each alarm was raised."""

    fixed: bool
    chosen: bool
    on_test: bool
    reality: bool
    deflated: bool
    deflated_told: bool
    in_all: bool


def main() -> None:
    """Measures, and prints how often each statement held."""
    options = parser("luck", __doc__)
    options.add_argument("--runs", type=count, default=200, help="histories of each kind (200)")
    options.add_argument("--days", type=count, default=500, help="of each history (500)")
    options.add_argument("--symbols", type=count, default=6, help="in each history (6)")
    options.add_argument("--variants", type=count, default=20, help="of a file tried before (20)")
    options.add_argument("--seed", type=int, default=1, help="of the histories (1)")
    asked = sized(options, runs=2, days=60, symbols=2, variants=3)
    days = ((0.0, "independent days"), (_LIKE_THE_DAY_BEFORE, "days that depend on one another"))
    kinds = [
        Kind(f"{name}, {of_days}", variants, edge, depends)
        for depends, of_days in days
        for name, variants, edge in (
            ("no merit, each file the only one", 1, 0.0),
            (f"no merit, each file the best of {asked.variants}", asked.variants, 0.0),
            (f"an edge of Sharpe {_EDGE} in each symbol", 1, _EDGE),
        )
    ]
    print(
        f"{asked.runs} histories of {asked.days} days, {asked.symbols} symbols, "
        f"{2**asked.symbols - 1} sets (seed {asked.seed})\n"
    )
    for kind in kinds:
        found = list(_histories(asked.runs, asked.days, asked.symbols, kind, asked.seed))
        print(f"{kind.name}:")
        for line, field in _LINES:
            held = sum(getattr(one, field) for one in found) / len(found)
            print(f"  {line:75}{held:>7.1%}", flush=True)
    for depends, of_days in days:
        alone = list(_alone(asked.runs, asked.days, depends, asked.seed))
        print(f"one history without merit that nobody chose, of {of_days}:")
        for line, each in zip(_LINES_ALONE, zip(*alone, strict=True), strict=True):
            print(f"  {line:75}{sum(each) / len(each):>7.1%}", flush=True)


_LINES = (
    ("the 95 % interval of a set that nobody chose holds its true Sharpe", "fixed"),
    ("the 95 % interval before selection of the chosen set holds it", "chosen"),
    ("the 95 % interval of the chosen set on other days holds it", "on_test"),
    ("the reality check says at most 5 %", "reality"),
    ("the deflated Sharpe is more than 95 % sure, variants not told", "deflated"),
    ("the deflated Sharpe is more than 95 % sure, variants told (--tries)", "deflated_told"),
    ("in one sentence: something here", "in_all"),
)


_LINES_ALONE = (
    "the 95 % interval of the Sharpe holds the true one",
    "the 95 % interval of growth holds the true one",
    "the 95 % interval of the drawdown holds the mean of such histories",
    "the 95 % interval of the drawdown holds that of another such history",
)


def _alone(histories: int, days: int, depends: float, seed: int) -> Iterator[tuple[bool, bool, bool, bool]]:
    """Yields what the intervals of one history hold: Sharpe and growth of nothing, the mean drawdown of such
    histories, and the drawdown of another of as many days.
    """
    random = np.random.default_rng([seed, int(100 * depends)])
    depths = _depths(_depending(random, _OTHERS, days, depends))
    mean, others = float(depths.mean()), iter(depths)
    for by_day in _depending(random, histories, days, depends):
        found = _intervals(by_day)
        yield (
            _within(found.sharpe, 0.0),
            _within(found.cagr, 0.0),
            _within(found.max_dd, mean),
            _within(found.max_dd, float(next(others))),
        )


def _depending(random: np.random.Generator, histories: int, days: int, depends: float) -> Floats:
    """Makes dollars by the day without merit; each day has so much of the one before."""
    return _like_the_day_before(random.normal(0, _DOLLARS_A_DAY, (histories, days)), depends)


def _like_the_day_before(made: Floats, depends: float) -> Floats:
    """Gives each day so much of the one before; how far days vary stays the same."""
    if depends:
        for day in range(1, made.shape[-1]):
            made[..., day] = depends * made[..., day - 1] + math.sqrt(1 - depends**2) * made[..., day]
    return made


def _depths(by_day: Floats) -> Floats:
    """Returns the deepest drawdown of each history."""
    account = np.hstack((np.zeros((len(by_day), 1)), np.cumsum(by_day, axis=1)))
    deepest: Floats = (np.maximum.accumulate(account, axis=1) - account).max(axis=1)
    return deepest


def _histories(histories: int, days: int, symbols: int, kind: Kind, seed: int) -> Iterator[Judged]:
    sets = [list(one) for size in range(1, symbols + 1) for one in combinations(range(symbols), size)]
    for number in range(histories):
        random = np.random.default_rng([seed, kind.variants, number])
        tried = _made(random, (symbols, kind.variants, days), kind)
        files = np.array([each[np.argmax(each.mean(axis=1))] for each in tried])
        later = _made(random, (symbols, 1, days), kind)[:, 0]
        returns = np.array([daily_returns(files[one].sum(axis=0), _CASH) for one in sets])
        best = int(np.argmax([sharpe(one) for one in returns]))
        chosen, truth = sets[best], _true_sharpe(kind.edge, len(sets[best]))
        checked = TriedHistories(returns, seed=1).check(best)
        tries = tries_among(returns)
        plain, told = (
            deflated_sharpe([returns[best]], tries, variants=[known] * len(chosen))
            for known in (1, kind.variants)
        )
        yield Judged(
            fixed=_holds(later.sum(axis=0), _true_sharpe(kind.edge, symbols)),
            chosen=_holds(files[chosen].sum(axis=0), truth),
            on_test=_holds(later[chosen].sum(axis=0), truth),
            reality=verdict(checked, None) == "unjudged",
            in_all=verdict(checked, _interval(later[chosen].sum(axis=0))) == "holds",
            deflated=plain is not None and plain.probability > _SURE,
            deflated_told=told is not None and told.probability > _SURE,
        )


def _made(random: np.random.Generator, shape: tuple[int, int, int], kind: Kind) -> Floats:
    """Makes the dollars of each day, of each variant of each symbol: `shape` is how many of each."""
    common = _like_the_day_before(random.normal(0, math.sqrt(_COMMON), shape[2]), kind.depends)
    own = _like_the_day_before(random.normal(0, math.sqrt(1 - _COMMON), shape), kind.depends)
    made: Floats = _DOLLARS_A_DAY * (common + own + kind.edge / math.sqrt(DAYS_A_YEAR))
    return made


def _true_sharpe(edge: float, symbols: int) -> float:
    """Returns the Sharpe by the year of so many symbols together."""
    return edge * symbols / math.sqrt(symbols * (1 - _COMMON) + symbols**2 * _COMMON)


def _holds(by_day: Floats, truth: float) -> bool:
    return _within(_interval(by_day), truth)


def _within(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def _interval(by_day: Floats) -> Interval:
    """Returns the 95 % interval of the Sharpe of these days."""
    return _intervals(by_day).sharpe


def _intervals(by_day: Floats) -> Intervals:
    """Returns the 95 % intervals of these days."""
    days = days_between(_FIRST, _FIRST + (len(by_day) * 7 // 5 + 7) * _DAY)[: len(by_day)]
    within = DaysWithin(by_day, np.maximum(by_day, 0), np.minimum(by_day, 0), np.maximum(-by_day, 0))
    return intervals([within], _CASH, days, seed=1)


if __name__ == "__main__":
    main()
