"""The uniqueness of overlapping trades against the referee, on random cases."""

from fractions import Fraction
from random import Random

import pytest

from portfold.research.filter.cross_validation import LabelSpan
from portfold.research.filter.uniqueness import average_uniqueness
from tests.research.referee import labels
from tests.research.referee.cases import cases


def test_average_uniqueness_is_the_referees() -> None:
    for seed in cases():
        random = Random(seed)
        begins = [random.randint(0, 40) for _ in range(random.randint(1, 30))]
        spans = [LabelSpan(begin, begin + random.randint(0, 15)) for begin in begins]
        expected = [float(one) for one in labels.uniqueness(spans)]
        assert list(average_uniqueness(spans)) == pytest.approx(expected), seed


def test_trades_that_share_no_bar_are_unique_and_two_on_the_same_bars_half_so() -> None:
    assert list(average_uniqueness([LabelSpan(0, 3), LabelSpan(4, 4)])) == [1, 1]
    assert list(average_uniqueness([LabelSpan(0, 3), LabelSpan(0, 3)])) == [0.5, 0.5]
    assert labels.uniqueness([(0, 1), (1, 2)]) == [Fraction(3, 4), Fraction(3, 4)]
