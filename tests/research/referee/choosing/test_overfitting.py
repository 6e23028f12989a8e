"""The probability of overfitting against the referee, and where its answer is known."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from portfold.research.statistics.metrics import Floats
from portfold.research.statistics.overfitting import Overfitting, in_words, overfitting
from tests.research.referee.cases import cases
from tests.research.referee.choosing.overfitting import probability


def judged(histories: Floats, parts: int) -> Overfitting | None:
    cut = np.array_split(histories, parts, axis=1)
    sums, squares = (
        np.stack([part.sum(axis=1) for part in each], axis=1) for each in (cut, [c**2 for c in cut])
    )
    return overfitting(sums, squares, [part.shape[1] for part in cut])


def test_overfitting_and_the_referee_agree() -> None:
    for seed in cases(once=[650]):  # sets whose Sharpes are equal, and their sums are not
        random = Random(seed)
        parts = random.choice((2, 4, 6))
        days = [range(part * 5, part * 5 + random.choice((4, 5))) for part in range(parts)]
        count = sum(map(len, days))
        # Whole numbers below a few: sums are exact, and many sets are equal.
        known = [[random.randint(-3, 4) for _ in range(parts * 5)] for _ in range(random.randint(2, 7))]
        sums = np.array([[float(sum(one[day] for day in part)) for part in days] for one in known])
        squares = np.array([[float(sum(one[day] ** 2 for day in part)) for part in days] for one in known])
        found = overfitting(sums, squares, [len(part) for part in days])
        expected = probability([[Fraction(day) for day in one] for one in known], days)
        assert found is not None
        assert count == sum(len(part) for part in days)
        assert found.probability == pytest.approx(float(expected)), seed


def test_of_pure_noise_it_is_near_a_half() -> None:
    found = []
    for seed in range(40):
        one = judged(np.random.default_rng(seed).normal(0, 0.01, (60, 600)), 10)
        assert one is not None
        found.append(one.probability)
    assert 0.45 < np.mean(found) < 0.55  # of one history it is anything: 252 choices share their days


def test_of_a_planted_edge_it_is_near_nothing() -> None:
    histories = np.random.default_rng(1).normal(0, 0.01, (60, 600))
    histories[7] += 0.004
    one = judged(histories, 10)
    assert one is not None
    assert one.probability < 0.01
    assert one.loses == 0
    assert (one.sets, one.choices) == (60, 252)
    assert in_words(one).startswith(
        "Probability of overfitting: chosen as the best of all on half of the days, a set was no better than "
        "the median of all on the other half in 0.0 % of 252 choices (50 % is pure luck), and made a loss "
        "there in 0.0 %; its Sharpe was "
    )


def test_what_cannot_be_told_is_not_told() -> None:
    assert judged(np.ones((1, 40)), 4) is None
    assert judged(np.ones((3, 4)), 4) is None
    with pytest.raises(ValueError, match="even number, got 3"):
        judged(np.ones((3, 9)), 3)
