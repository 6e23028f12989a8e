"""Block lengths, drawdowns of resamples and the reality check against the referee, on random cases."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from portfold.research.statistics.bootstrap import AT_ONCE, RESAMPLES, block_length, stationary_days
from portfold.research.statistics.intervals import deepest
from portfold.research.statistics.metrics import DaysWithin
from portfold.research.statistics.reality_check import TriedHistories
from tests.research.referee import resampling
from tests.research.referee.cases import cases, unhurried

pytestmark = unhurried


def test_block_lengths_are_the_referees() -> None:
    for seed in cases(10):
        random = np.random.default_rng(seed)
        count = int(random.integers(20, 90))
        history = np.convolve(random.normal(0, 1, count + 9), random.random(int(random.integers(1, 10))))[
            :count
        ]
        rounded = np.round(history, 3)
        expected = resampling.block_length([round(1000 * day) for day in rounded])  # of no unit
        assert block_length(rounded) == pytest.approx(expected, rel=1e-6), seed


def test_the_drawdown_of_a_resample_is_the_referees_at_every_moment() -> None:
    for seed in cases():
        random = Random(seed)
        paths = [
            [Fraction(random.randint(-500, 500)) for _ in range(random.randint(0, 4))]
            for _ in range(random.randint(1, 12))
        ]
        drawn = [random.randrange(len(paths)) for _ in paths]
        expected = resampling.deepest(paths, drawn)
        moments = [[0.0, *map(float, path)] for path in paths]
        within = DaysWithin(
            np.array([path[-1] for path in moments]),
            np.array([max(path) for path in moments]),
            np.array([min(path) for path in moments]),
            np.array([max(max(path[: at + 1]) - path[at] for at in range(len(path))) for path in moments]),
        )
        assert deepest(within, np.array([drawn]))[0] == float(expected), seed


def test_the_reality_check_is_the_referees_over_the_same_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    few = 20
    assert RESAMPLES % AT_ONCE == 0
    for name in ("RESAMPLES", "AT_ONCE"):
        monkeypatch.setattr(f"portfold.research.statistics.reality_check.{name}", few)
    # Once there was a resample exactly as good as what was chosen, and once that made exactly nothing.
    for seed in cases(6, once=[1149, 7447]):
        random = np.random.default_rng(seed)
        sets, days = int(random.integers(1, 7)), int(random.integers(20, 30))
        merits = random.normal(0, 0.004, (sets, 1))  # some clearly worse than nothing, which are no tries
        returns = np.round(random.normal(merits, 0.01, (sets, days)), 4)
        for chosen in {0, int(np.argmax(returns.mean(axis=1)))}:
            found = TriedHistories(returns, seed=seed).check(chosen)
            assert found is not None
            drawn = stationary_days(days, found.block_days, few, np.random.default_rng(seed))
            exact = [[Fraction(round(10_000 * day), 10_000) for day in one] for one in returns]
            expected = resampling.reality_check(exact, drawn.tolist(), chosen)
            assert found.p_value == pytest.approx(expected), seed


def test_a_history_that_does_not_vary_has_blocks_of_a_day() -> None:
    assert block_length(np.zeros(30)) == resampling.block_length([0] * 30) == 1
