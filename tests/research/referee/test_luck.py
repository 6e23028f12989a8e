"""The deflated Sharpe, the clusters of tries and the intervals against the referee, on random cases."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from random import Random

import numpy as np
import pytest

from portfold.research.statistics.bootstrap import block_length, stationary_days
from portfold.research.statistics.clusters import Tries, clusters, tries_among
from portfold.research.statistics.intervals import intervals
from portfold.research.statistics.metrics import DaysWithin, Floats
from portfold.research.statistics.significance import deflated_sharpe, expected_best, probability_above
from tests.research.referee import luck
from tests.research.referee.cases import cases, unhurried
from tests.research.referee.exchange_day import weekdays
from tests.research.referee.figures import growth, returns_of, sharpe, volatility
from tests.research.referee.resampling import deepest

pytestmark = unhurried

EULER = 0.57721566490153286
FEW = 20
DIGITS = 100_000


def random_tries(random: np.random.Generator, tries: int, days: int) -> Floats:
    """Daily returns, some alike, some the same, some that do not vary."""
    shared = random.normal(0, 0.01, (4, days))
    made = 0.3 * random.normal(0, 0.01, (tries, days)) + shared[random.integers(0, 4, tries)]
    if random.random() < 0.3:
        made[0] = made[-1]
    if random.random() < 0.3:
        made[int(random.integers(0, tries))] = 0
    rounded: Floats = np.round(made, 5)
    return rounded


def fractions_of(history: Sequence[float]) -> list[Fraction]:
    """Histories have five digits; what a float holds besides is too little to matter, and long to count."""
    return [Fraction(round(day * DIGITS), DIGITS) for day in history]


def test_eulers_constant_is_that_of_gumbels_distribution() -> None:
    assert pytest.approx(luck.EULER, abs=1e-4) == EULER


def test_what_the_best_of_tries_without_merit_shows_is_the_referees() -> None:
    for seed in cases(100):
        random = Random(seed)
        tries, variance = 2 + random.random() * 10 ** random.randint(0, 12), random.random()
        assert expected_best(tries, variance) == pytest.approx(luck.best_of(tries, variance, EULER)), seed
        skewness, kurtosis, days = random.uniform(-6, 6), random.uniform(1, 40), random.randint(3, 3000)
        threshold, own = random.uniform(0, 0.2), random.uniform(-0.2, 0.6)
        found = probability_above(threshold, sharpe=own, days=days, skewness=skewness, kurtosis=kurtosis)
        assert found == pytest.approx(luck.sure(threshold, own, days, skewness, kurtosis)), seed


def test_the_deflated_sharpe_of_drawings_is_the_referees() -> None:
    for seed in cases(10, once=[2599]):  # of a mean of exactly nothing
        random = np.random.default_rng(seed)
        days, drawings = int(random.integers(3, 50)), int(random.integers(1, 4))
        histories = np.round(random.standard_t(4, (drawings, days)) * 0.01 + 0.001, 5)
        tries = Tries(int(random.integers(2, 900)), 3, float(random.uniform(0.001, 0.01)))
        variants = random.integers(1, 30, int(random.integers(1, 6))).tolist()
        found = deflated_sharpe(list(histories), tries, variants=variants)
        if any(volatility(fractions_of(each)) == 0 for each in histories):  # it hardly varies
            assert found is None, seed
            continue
        assert found is not None, seed
        many = tries.count * math.prod(variants)
        expected = luck.deflated([*map(fractions_of, histories)], many, tries.variance, EULER)
        assert (found.probability, found.threshold) == pytest.approx(expected), seed
        assert (found.tries, found.clusters) == (tries.count, tries.clusters), seed
        assert (found.least_variants, found.variants) == (min(variants), max(variants))


def test_clusters_of_tries_and_the_variance_between_them_are_the_referees() -> None:
    for seed in cases(6):
        random = np.random.default_rng(seed)
        tries = random_tries(random, int(random.integers(2, 9)), int(random.integers(10, 16)))
        exact = [*map(fractions_of, tries)]
        count, variance = luck.variance_between(exact)
        found = tries_among(tries)
        assert (found.count, found.clusters) == (len(tries), count), seed
        assert found.variance == pytest.approx(variance), seed
        varying = [number for number, one in enumerate(exact) if len(set(one)) > 1]
        if len(varying) > 1:
            correlation = np.clip(np.corrcoef(tries[varying]), -1, 1)
            judged = luck.clusters_of([exact[number] for number in varying])
            assert {frozenset(map(int, one)) for one in clusters(correlation)} == set(map(frozenset, judged))


def test_resampled_days_are_the_referees_by_the_same_chances() -> None:
    for seed in cases():
        random = np.random.default_rng(seed)
        count, block = int(random.integers(1, 60)), float(random.uniform(1, 9))
        found = stationary_days(count, block, 3, np.random.default_rng(seed))
        same = np.random.default_rng(seed)
        chances, starts = same.random((3, count)), same.integers(0, count, (3, count))
        assert found.tolist() == luck.drawn(chances.tolist(), starts.tolist(), block), seed


def test_intervals_are_the_referees_over_the_same_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Sharpe, growth and drawdown, over drawings of lots; a resample that loses everything stays lost."""
    for name in ("RESAMPLES", "AT_ONCE"):
        monkeypatch.setattr(f"portfold.research.statistics.intervals.{name}", FEW)
    ruined = 0
    for seed in cases(8):
        random, first = Random(seed), date(2025, 1, 6)
        days, cash = random.randint(5, 28), Fraction(random.choice([650, 2_000, 150_000]))
        calendar = weekdays(first, first + timedelta(days=days))
        each = [[random_path(random) for _ in calendar] for _ in range(random.randint(1, 3))]
        returns = [returns_of([path[-1] for path in paths], cash) for paths in each]
        within = [days_within(paths) for paths in each]
        found = intervals(within, float(cash), [day.isoformat() for day in calendar], seed=seed)

        blocks = [block_length(np.array([*map(float, own)])) for own in returns]
        block, chance = sum(blocks) / len(blocks), np.random.default_rng(seed)
        assert found.block_days == pytest.approx(block), seed
        figures: list[tuple[float, float, float]] = []
        for number, (paths, own) in enumerate(zip(each, returns, strict=True)):
            share = FEW // len(each) + (number < FEW % len(each))
            for drawn in stationary_days(len(own), found.block_days, share, chance).tolist():
                history = luck.until_ruin([own[day] for day in drawn])
                left = Fraction(1)
                for day in history:
                    left *= max(1 + day, Fraction(0))
                ruined += left == 0
                figures.append((sharpe(history), growth(left, calendar), float(deepest(paths, drawn))))
        for interval, values in zip(
            (found.sharpe, found.cagr, found.max_dd), zip(*figures, strict=True), strict=True
        ):
            assert (interval.low, interval.high) == pytest.approx(luck.middle(values, 0.95)), seed
    assert ruined > 0  # it is no proof if nothing happened


def random_path(random: Random) -> list[Fraction]:
    """A day: the account at each of its moments, against its beginning."""
    return [Fraction(0), *(Fraction(random.randint(-600, 620)) for _ in range(random.randint(0, 3)))]


def days_within(paths: Sequence[Sequence[Fraction]]) -> DaysWithin:
    return DaysWithin(
        np.array([float(path[-1]) for path in paths]),
        np.array([float(max(path)) for path in paths]),
        np.array([float(min(path)) for path in paths]),
        np.array([float(max(max(path[: at + 1]) - path[at] for at in range(len(path)))) for path in paths]),
    )
