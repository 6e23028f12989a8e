"""The spread over drawings of lots against the referee: the middle, and between which nine tenths lie."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from portfold.research.statistics.lots import BINS, in_words, spread_of
from tests.research.referee.cases import cases


def quantile(known: list[Fraction], share: Fraction) -> Fraction:
    """What so large a share of the figures does not exceed; between two, in proportion."""
    ordered = sorted(known)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def test_the_spread_and_the_referee_agree() -> None:
    for seed in cases():
        random = Random(seed)
        known = [Fraction(random.randint(-40, 90), 16) for _ in range(random.randint(1, 30))]
        made = [random.randint(-9_000, 9_000) for _ in known]
        found = spread_of(np.array([float(one) for one in known]), np.array(made, float))
        expected = [quantile(known, Fraction(share, 100)) for share in (0, 5, 50, 95, 100)]
        ours = (found.least, found.low, found.middle, found.high, found.most)
        assert ours == pytest.approx([float(one) for one in expected]), seed
        assert (found.drawings, found.made_least, found.made_most) == (len(known), min(made), max(made))
        assert (len(found.counts), sum(found.counts)) == (BINS, len(known))


def test_its_words() -> None:
    spread = spread_of(np.array([1.0, 1.25, 1.5]), np.array([-1200.4, 0.0, 34_500.0]))
    assert in_words(spread) == (
        "Who was a millisecond sooner: over 3 drawings of lots its Sharpe is 1.00 to 1.50, in nine tenths of "
        "them 1.02 to 1.48, in the middle 1.25; it makes $-1,200 to $34,500"
    )
