"""The deflated Sharpe: the paper's own example, and an independent computation."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]  # has no types

from portfold.research.statistics.clusters import Tries, clusters, tries_among
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
    tries = Tries(60, 7, 0.8**2 / DAYS_A_YEAR)
    found = deflated_sharpe([returns], tries, variants=[5, 5, 5])
    assert found is not None
    daily = returns.mean() / returns.std(ddof=1)
    gamma = stats.gumbel_r.mean()  # Euler's constant
    deviation, many = 0.8 / math.sqrt(DAYS_A_YEAR), 60 * 5**3
    first, second = stats.norm.ppf(1 - 1 / many), stats.norm.ppf(1 - 1 / (many * math.e))
    threshold = deviation * ((1 - gamma) * first + gamma * second)
    skewness, kurtosis = stats.skew(returns), stats.kurtosis(returns, fisher=False)
    score = (daily - threshold) * math.sqrt(799)
    score /= math.sqrt(1 - skewness * daily + (kurtosis - 1) / 4 * daily**2)
    assert found.probability == pytest.approx(stats.norm.cdf(score))
    assert found.threshold == pytest.approx(threshold * math.sqrt(DAYS_A_YEAR))
    assert (found.tries, found.clusters, found.variants) == (60, 7, 5)


@pytest.mark.parametrize(("symbols", "variants"), [(1, 1), (4, 1), (1, 20), (30, 1_000_000)])
def test_more_tries_and_more_variants_before_them_leave_less_of_a_sharpe(symbols: int, variants: int) -> None:
    returns = daily_returns(BY_DAY, CASH)
    few, many = (
        deflated_sharpe([returns], Tries(count, 3, 0.001), variants=[variants] * symbols)
        for count in (10, 1000)
    )
    usual = deflated_sharpe([returns], Tries(10, 3, 0.001))
    assert few is not None
    assert many is not None
    assert usual is not None
    assert many.probability <= few.probability <= usual.probability
    assert many.threshold > few.threshold >= usual.threshold


@pytest.mark.parametrize(("returns", "count"), [(BY_DAY, 1), (np.zeros(100), 2), (np.array([0.1, 0.2]), 2)])
def test_where_there_is_nothing_to_tell_nothing_is_told(returns: np.ndarray, count: int) -> None:
    assert deflated_sharpe([returns], Tries(count, 1, 0.01)) is None


def test_one_set_whose_file_was_the_best_of_several_is_deflated_by_these() -> None:
    assert deflated_sharpe([BY_DAY], Tries(1, 1, 0.001), variants=[1]) is None
    one, two = Tries(1, 1, 0.001), Tries(2, 1, 0.001)
    of_files, of_sets = deflated_sharpe([BY_DAY], one, variants=[2]), deflated_sharpe([BY_DAY], two)
    assert of_files is not None
    assert of_sets is not None
    assert (of_files.probability, of_files.threshold) == (of_sets.probability, of_sets.threshold)


# --- tries that resemble each other ---------------------------------------------------------------------


def alike(groups: int, each: int, days: int = 400) -> np.ndarray:
    """Tries in groups: within one they share nearly all."""
    random = np.random.default_rng(3)
    common = np.repeat(random.normal(0, 1, (groups, days)), each, axis=0)
    return common + 0.2 * random.normal(0, 1, (groups * each, days))


@pytest.mark.parametrize(("groups", "each"), [(2, 5), (4, 3), (7, 10)])
def test_tries_that_go_up_and_down_together_are_one_cluster(groups: int, each: int) -> None:
    found = clusters(np.corrcoef(alike(groups, each)))
    assert sorted(map(sorted, found)) == [
        list(range(first, first + each)) for first in range(0, groups * each, each)
    ]


def test_the_variance_is_that_between_the_clusters_and_at_least_that_of_chance() -> None:
    tries = tries_among(alike(3, 10))
    assert (tries.count, tries.clusters) == (30, 3)
    assert tries.variance >= 1 / 399
    drifting = alike(3, 10) + np.repeat([[0.0], [0.3], [0.6]], 10, axis=0)
    assert tries_among(drifting).variance == pytest.approx(0.3**2, rel=0.2)


@pytest.mark.parametrize("returns", [np.zeros((4, 50)), np.ones((1, 50)), np.tile(BY_DAY[:50], (6, 1))])
def test_tries_that_do_not_vary_or_are_all_the_same_vary_by_chance(returns: np.ndarray) -> None:
    assert tries_among(returns).variance == pytest.approx(1 / 49)


@pytest.mark.parametrize(("variants", "called_sure"), [(1, True), (20, False)])
def test_the_best_of_files_that_were_each_the_best_of_twenty_is_sure_only_where_nobody_says_so(
    variants: int, *, called_sure: bool
) -> None:
    random = np.random.default_rng(8)
    tried = random.normal(0, 0.01, (6, 20, 500))
    files = np.array([each[np.argmax(each.mean(axis=1))] for each in tried])
    sets = [list(one) for size in range(1, 7) for one in combinations(range(6), size)]
    returns = np.array([files[one].sum(axis=0) for one in sets])
    best = int(np.argmax(returns.mean(axis=1) / returns.std(axis=1)))
    found = deflated_sharpe([returns[best]], tries_among(returns), variants=[variants] * len(sets[best]))
    assert found is not None
    assert (found.probability > 0.95) is called_sure
