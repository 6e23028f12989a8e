"""The deflated Sharpe: the paper's own example, and an independent computation."""

import math

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]  # has no types

from portfold.research.statistics.metrics import DAYS_A_YEAR, daily_returns
from portfold.research.statistics.significance import (
    deflated_sharpe,
    expected_best,
    probability_above,
)

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
    found = deflated_sharpe([returns], tried)
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
    few, many = (deflated_sharpe([returns], [0.1, 0.9] * count) for count in (5, 500))
    assert few is not None
    assert many is not None
    assert many.probability < few.probability
    assert many.threshold > few.threshold


@pytest.mark.parametrize(
    ("returns", "tried"), [(BY_DAY, [1.0]), (np.zeros(100), [1.0, 2.0]), (np.array([0.1, 0.2]), [1.0, 2.0])]
)
def test_where_there_is_nothing_to_tell_nothing_is_told(returns: np.ndarray, tried: list[float]) -> None:
    assert deflated_sharpe([returns], tried) is None
