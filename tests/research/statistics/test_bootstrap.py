"""The bootstrap: laws of the days it draws, the block length of the papers, and what the intervals are of."""

import math

import numpy as np
import pytest

from portfold.research.statistics.bootstrap import RESAMPLES, block_length, stationary_days
from portfold.research.statistics.intervals import deepest, intervals, until_ruin
from portfold.research.statistics.metrics import (
    DAYS_A_YEAR,
    DaysWithin,
    Floats,
    daily_returns,
    days_within,
    growth,
    sharpe,
)
from tests.research.made import random_trades, scenario_of
from tests.research.simulate.test_laws import SYMBOLS, bars_of

DAYS = ("2020-01-01", "2023-12-31")
BY_DAY = np.random.default_rng(7).normal(80, 900, 1000)
CASH = 150_000.0


def dull(by_day: Floats) -> DaysWithin:
    """Days with one moment each."""
    return DaysWithin(by_day, np.maximum(by_day, 0), np.minimum(by_day, 0), np.maximum(-by_day, 0))


def wavering(persistence: float, count: int, seed: int) -> Floats:
    """A history in which each day keeps a part of the one before."""
    steps = np.random.default_rng(seed).normal(0, 1, count)
    made = np.zeros(count)
    for day in range(1, count):
        made[day] = persistence * made[day - 1] + steps[day]
    return made


# --- the days -------------------------------------------------------------------------------------------


def test_places_are_days_and_blocks_go_on_from_day_to_day() -> None:
    places = stationary_days(100, 10.0, 500, np.random.default_rng(1))
    assert places.shape == (500, 100)
    assert (places.min(), places.max()) == (0, 99)
    goes_on = (places[:, 1:] == (places[:, :-1] + 1) % 100).mean()
    # A block ends with the chance of 1/10, and the next may by chance begin where it would have gone on.
    assert goes_on == pytest.approx(0.9 + 0.1 / 100, abs=0.005)


def test_every_day_is_drawn_as_often_as_any_other() -> None:
    places = stationary_days(50, 5.0, 4000, np.random.default_rng(2))
    counts = np.bincount(places.ravel(), minlength=50) / places.size
    assert counts == pytest.approx(np.full(50, 1 / 50), rel=0.05)


def test_blocks_of_a_day_are_the_ordinary_bootstrap() -> None:
    places = stationary_days(1000, 1.0, 10, np.random.default_rng(3))
    assert (places[:, 1:] == places[:, :-1] + 1).mean() < 0.01


# --- the length of a block ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("persistence", "count", "seed", "days"),
    [
        (0.0, 1000, 1, 1.1276194417849532),
        (0.3, 1000, 2, 6.400082267194747),
        (0.7, 500, 3, 15.854760453601019),
        (-0.4, 2000, 4, 14.048523857685193),
        (0.9, 300, 5, 21.34352663415321),
    ],
)
def test_the_length_of_a_block_is_that_of_the_library_arch(
    persistence: float, count: int, seed: int, days: float
) -> None:
    # arch 8.0.0: optimal_block_length(...)["stationary"]
    assert block_length(wavering(persistence, count, seed)) == pytest.approx(days)


@pytest.mark.parametrize("history", [np.zeros(100), np.full(500, 3.0), np.array([1.0, -1.0] * 9), np.ones(1)])
def test_a_history_that_is_short_or_the_same_every_day_is_drawn_day_by_day(history: Floats) -> None:
    assert block_length(history) == 1.0


# --- intervals ------------------------------------------------------------------------------------------


def test_what_is_lost_stays_lost() -> None:
    # Twice -150 % is no gain of 25 %.
    left = until_ruin(np.array([[0.1, -1.5, -1.5, 0.5], [0.1, -0.5, 0.2, 0.0], [-1.0, 3.0, 0.0, 0.0]]))
    assert left.tolist() == [[0.1, -1.5, 0, 0], [0.1, -0.5, 0.2, 0.0], [-1.0, 0, 0, 0]]


def test_ruin_stays_ruin_in_a_resample() -> None:
    # Each draw of the day of ruin is a factor below zero, and two of them would make a fortune.
    by_day = np.array([500.0] * 250 + [-600_000.0] + [500.0] * 250)
    found = intervals([dull(by_day)], CASH, DAYS, seed=1)
    assert found.cagr.low == -1.0
    assert found.cagr.high < growth(6.0, 4)


@pytest.mark.parametrize("seed", range(5))
def test_the_drawdown_of_the_days_as_they_were_is_the_figure_itself(seed: int) -> None:
    trades = random_trades(seed)
    scenario = scenario_of(trades, pricing=bars_of(trades, seed))
    played = scenario.simulate(SYMBOLS, 4)
    within = days_within(played, scenario.days)
    as_they_were = np.arange(len(scenario.days))[np.newaxis]
    assert deepest(within, as_they_were)[0] == pytest.approx(scenario.figures(played).max_dd)
    daily = np.concatenate(([0.0], np.cumsum(within.made)))
    assert deepest(within, as_they_were)[0] > (np.maximum.accumulate(daily) - daily).max()


def test_the_same_seed_gives_the_same_intervals() -> None:
    found = [intervals([dull(BY_DAY)], CASH, DAYS, seed=seed) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


def test_the_interval_of_the_sharpe_is_about_that_of_theory() -> None:
    # Lo (2002): for independent returns the standard error of a Sharpe by the day is √((1 + SR²/2) / n).
    returns = daily_returns(BY_DAY, CASH)
    found = intervals([dull(BY_DAY)], CASH, DAYS, seed=1).sharpe
    daily = sharpe(returns) / math.sqrt(DAYS_A_YEAR)
    error = 1.96 * math.sqrt((1 + daily**2 / 2) / len(returns)) * math.sqrt(DAYS_A_YEAR)
    assert found.low < sharpe(returns) < found.high
    assert (found.high - found.low) / 2 == pytest.approx(error, rel=0.15)


def test_days_that_hang_together_make_wider_intervals() -> None:
    steps = np.random.default_rng(5).normal(0, 1, 1000)
    trending = (
        np.array([sum(0.9**lag * steps[place - lag] for lag in range(20)) for place in range(1000)]) * 300
    )
    shuffled = np.random.default_rng(6).permutation(trending)
    wide, narrow = (intervals([dull(made)], CASH, DAYS, seed=1).sharpe for made in (trending, shuffled))
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_there_are_enough_resamples_and_the_ends_are_in_order() -> None:
    found = intervals([dull(BY_DAY)], CASH, DAYS, seed=1)
    assert RESAMPLES >= 1000
    assert all(one.low <= one.high for one in (found.sharpe, found.cagr, found.max_dd))
