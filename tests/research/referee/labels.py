"""The referee's figures of labels and scores: counted pair by pair and bar by bar, in fractions."""

from collections.abc import Sequence
from fractions import Fraction


def auc(scored: Sequence[tuple[Fraction, bool]]) -> Fraction:
    """Returns how often one that paid has a higher score than one that did not; equal scores count half."""
    paid = [score for score, label in scored if label]
    others = [score for score, label in scored if not label]
    wins = sum(
        (Fraction(one > other) + Fraction(one == other, 2) for one in paid for other in others), Fraction(0)
    )
    return wins / (len(paid) * len(others))


def uniqueness(spans: Sequence[tuple[int, int]]) -> list[Fraction]:
    """Returns the mean over each trade's bars, both ends included, of one over the number of trades there."""
    found = []
    for first, last in spans:
        bars = range(first, last + 1)
        shares = [Fraction(1, sum(begin <= bar <= end for begin, end in spans)) for bar in bars]
        found.append(sum(shares, Fraction(0)) / len(shares))
    return found
