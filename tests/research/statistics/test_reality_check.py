"""The reality check: luck is not called merit, merit is found, and what many sets share counts once."""

import numpy as np
import pytest

from portfold.research.statistics.metrics import Floats
from portfold.research.statistics.reality_check import TriedHistories

DAYS = 500
SURE = 0.05


def without_merit(seed: int, sets: int, *, shared: float = 0.5) -> Floats:
    """Daily returns of sets that share a part of what moves them."""
    random = np.random.default_rng(seed)
    common = random.normal(0, 0.01, DAYS)
    own = random.normal(0, 0.01, (sets, DAYS))
    made: Floats = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
    return made


def p_of_the_best(returns: Floats) -> float:
    best = int(np.argmax(returns.mean(axis=1) / returns.std(axis=1)))
    found = TriedHistories(returns, seed=1).check(best)
    assert found is not None
    return found.p_value


def test_the_best_of_many_without_merit_is_seldom_called_better_than_luck() -> None:
    p_values = [p_of_the_best(without_merit(seed, 40)) for seed in range(60)]
    assert sum(p <= SURE for p in p_values) <= 8  # 3 are expected
    assert 0.3 < float(np.mean(p_values)) < 0.7


def test_merit_is_found_among_many_without() -> None:
    returns = without_merit(1, 40)
    returns[7] += 0.003
    assert p_of_the_best(returns) <= SURE


def test_the_same_set_many_times_is_one_try() -> None:
    one = without_merit(5, 1)
    few, many = (TriedHistories(np.repeat(one, count, axis=0), seed=1).check(0) for count in (2, 200))
    assert few is not None
    assert many is not None
    assert few.p_value == pytest.approx(many.p_value)
    assert (few.tries, many.tries) == (2, 200)


def test_sets_that_are_clearly_worse_than_nothing_are_no_tries() -> None:
    returns = without_merit(9, 1) + 0.0008
    alone = TriedHistories(returns, seed=1).check(0)
    bad = np.vstack((returns, without_merit(3, 100) - 0.004))
    among = TriedHistories(bad, seed=1).check(0)
    assert alone is not None
    assert among is not None
    assert among.p_value == pytest.approx(alone.p_value, abs=0.02)


@pytest.mark.parametrize("returns", [np.zeros((3, 100)), np.random.default_rng(1).normal(0, 1, (3, 19))])
def test_where_there_is_nothing_to_tell_nothing_is_told(returns: Floats) -> None:
    assert TriedHistories(returns, seed=1).check(0) is None


def test_a_loss_is_no_merit() -> None:
    found = TriedHistories(without_merit(2, 5) - 0.01, seed=1).check(0)
    assert found is not None
    assert found.p_value == 1.0
