"""Luck: the paper's own example, an independent computation, and laws of the bootstrap."""

import math

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]  # has no types

from portfold.research.statistics.metrics import DAYS_A_YEAR, daily_returns, sharpe
from portfold.research.statistics.significance import (
    RESAMPLES,
    deflated_sharpe,
    expected_best,
    intervals,
    probability_above,
    stationary_days,
)

DAYS = ("2020-01-01", "2023-12-31")
BY_DAY = np.random.default_rng(7).normal(80, 900, 1000)
CASH = 150_000.0


# --- the deflated Sharpe ratio --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tries", "skewness", "kurtosis", "probability"),
    [(100, -3, 10, 0.9004), (46, -3, 10, 0.9505), (88, 0, 3, 0.9505)],
)
def test_the_example_of_bailey_and_lopez_de_prado(
    tries: int, skewness: float, kurtosis: float, probability: float
) -> None:
    # Five years of 250 days, Sharpe 2.5 by the year, tries that vary by 1/2 by the year.
    threshold = expected_best(tries, 0.5 / 250)
    found = probability_above(
        threshold, sharpe=2.5 / math.sqrt(250), days=1250, skewness=skewness, kurtosis=kurtosis
    )
    assert found == pytest.approx(probability, abs=5e-5)


def test_their_threshold_for_a_hundred_tries() -> None:
    assert expected_best(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)


def test_the_threshold_is_about_the_mean_of_the_best_of_so_many_without_merit() -> None:
    bests = np.random.default_rng(1).normal(0, 0.3, (20_000, 200)).max(axis=1)
    assert expected_best(200, 0.3**2) == pytest.approx(bests.mean(), rel=0.01)


def test_an_independent_computation_comes_to_the_same() -> None:
    returns = np.random.default_rng(3).standard_t(4, 800) * 0.01 + 0.001
    tried = list(np.random.default_rng(4).normal(0.5, 0.8, 60))
    found = deflated_sharpe(returns, tried)
    assert found is not None
    daily = returns.mean() / returns.std(ddof=1)
    gamma = stats.gumbel_r.mean()  # Euler's constant
    deviation = np.std(np.array(tried) / math.sqrt(DAYS_A_YEAR), ddof=1)
    first, second = stats.norm.ppf(1 - 1 / 60), stats.norm.ppf(1 - 1 / (60 * math.e))
    threshold = deviation * ((1 - gamma) * first + gamma * second)
    skewness, kurtosis = stats.skew(returns), stats.kurtosis(returns, fisher=False)
    score = (daily - threshold) * math.sqrt(799)
    score /= math.sqrt(1 - skewness * daily + (kurtosis - 1) / 4 * daily**2)
    assert found.probability == pytest.approx(stats.norm.cdf(score))
    assert found.threshold == pytest.approx(threshold * math.sqrt(DAYS_A_YEAR))
    assert found.tries == 60


def test_more_tries_leave_less_of_a_sharpe() -> None:
    returns = daily_returns(BY_DAY, CASH)
    few, many = (deflated_sharpe(returns, [0.1, 0.9] * count) for count in (5, 500))
    assert few is not None
    assert many is not None
    assert many.probability < few.probability
    assert many.threshold > few.threshold


@pytest.mark.parametrize(
    ("returns", "tried"), [(BY_DAY, [1.0]), (np.zeros(100), [1.0, 2.0]), (np.array([0.1, 0.2]), [1.0, 2.0])]
)
def test_where_there_is_nothing_to_tell_nothing_is_told(returns: np.ndarray, tried: list[float]) -> None:
    assert deflated_sharpe(returns, tried) is None


# --- the bootstrap --------------------------------------------------------------------------------------


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


def test_the_same_seed_gives_the_same_intervals() -> None:
    found = [intervals(BY_DAY, CASH, DAYS, seed=seed) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


def test_the_interval_of_the_sharpe_is_about_that_of_theory() -> None:
    # Lo (2002): for independent returns the standard error of a Sharpe by the day is √((1 + SR²/2) / n).
    returns = daily_returns(BY_DAY, CASH)
    found = intervals(BY_DAY, CASH, DAYS, seed=1).sharpe
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
    wide, narrow = (intervals(made, CASH, DAYS, seed=1).sharpe for made in (trending, shuffled))
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_there_are_enough_resamples_and_the_ends_are_in_order() -> None:
    found = intervals(BY_DAY, CASH, DAYS, seed=1)
    assert RESAMPLES >= 1000
    assert found.block_days == 10
    assert all(one.low <= one.high for one in (found.sharpe, found.cagr, found.max_dd))
