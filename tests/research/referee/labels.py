"""The referee's figures of labels and scores: counted pair by pair and bar by bar, in fractions.

From docs/filter.md alone. The model is one that a person can compute: of the examples of a weekday the share
that paid, by their weights, between one that paid and one that did not.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import mean

from tests.research.referee.folds import Span, Split, splits

OFF_HALVES = Fraction(1, 30_000_000)
"""Added before scores are rounded: a half in the next digit is no matter of floats."""


@dataclass(frozen=True)
class Labelled:
    """An example: its trade's bars, its weekday, and what the trade made."""

    span: Span
    weekday: int
    pnl: Fraction


def auc(scored: Sequence[tuple[Fraction, bool]]) -> Fraction:
    """Returns how often one that paid has a higher score than one that did not; equal scores count half."""
    paid = [score for score, label in scored if label]
    others = [score for score, label in scored if not label]
    wins = sum(
        (Fraction(one > other) + Fraction(one == other, 2) for one in paid for other in others), Fraction(0)
    )
    return wins / (len(paid) * len(others))


def mean_auc(
    of: Sequence[Labelled], scores: Sequence[Fraction], tests: Sequence[Sequence[int]]
) -> list[float]:
    """Returns the mean of the folds that have both labels, and its standard error; 0.5 for none."""
    each = []
    for test in tests:
        scored = [(scores[example], of[example].pnl > 0) for example in test]
        if {label for _, label in scored} == {True, False}:
            each.append(auc(scored))
    if len(each) < 2:
        return [float(each[0]) if each else 0.5, 0.5]
    centre = sum(each, Fraction(0)) / len(each)
    variance = sum(((one - centre) ** 2 for one in each), Fraction(0)) / (len(each) - 1)
    return [float(centre), math.sqrt(variance / len(each))]


def uniqueness(spans: Sequence[Span]) -> list[Fraction]:
    """Returns the mean over each trade's bars, both ends included, of one over the number of trades there."""
    trades: dict[int, int] = {}
    for first, last in spans:
        for bar in range(first, last + 1):
            trades[bar] = trades.get(bar, 0) + 1
    return [
        sum((Fraction(1, trades[bar]) for bar in range(first, last + 1)), Fraction(0)) / (last + 1 - first)
        for first, last in spans
    ]


def can_train(of: Sequence[Labelled], every: Sequence[Split], embargo_bars: int | None = None) -> bool:
    """Returns whether each training has both labels, also those of three folds in it, with an embargo."""
    for train, _ in every:
        if len({of[example].pnl > 0 for example in train}) < 2:
            return False
        inner = [of[example] for example in train]
        if embargo_bars is not None and not can_train(
            inner, splits([one.span for one in inner], 3, 1, embargo_bars)
        ):
            return False
    return True


def scores(of: Sequence[Labelled], split: Split) -> dict[int, Fraction]:
    """Returns what the model that is trained on the one part of the examples gives those of the other."""
    train, test = split
    weights = dict(zip(train, uniqueness([of[example].span for example in train]), strict=True))
    found = {}
    for example in test:
        alike = [other for other in train if of[other].weekday == of[example].weekday]
        paid = sum((weights[other] for other in alike if of[other].pnl > 0), Fraction(1))
        found[example] = Fraction(
            round(paid / (sum((weights[one] for one in alike), Fraction(2))) + OFF_HALVES, 6)
        )
    return found


def scored_by(of: Sequence[Labelled], folds: Sequence[Split]) -> list[Fraction]:
    """Returns the score of each example by the model that has not seen it."""
    found: dict[int, Fraction] = {}
    for split in folds:
        found |= scores(of, split)
    return [found[example] for example in range(len(of))]


def kept(
    of: Sequence[Labelled], given: Sequence[Fraction], at: Fraction
) -> tuple[int, Fraction, int, Fraction]:
    """Returns how many trades a threshold keeps and what they made, and the same of those it drops."""
    inside = [one.pnl for one, score in zip(of, given, strict=True) if score >= at]
    outside = [one.pnl for one, score in zip(of, given, strict=True) if score < at]
    return len(inside), sum(inside, Fraction(0)), len(outside), sum(outside, Fraction(0))


def best_threshold(of: Sequence[Labelled], embargo_bars: int, thresholds: Sequence[Fraction]) -> Fraction:
    """Returns the threshold that keeps most by three folds; of several the lowest."""
    given = scored_by(of, splits([one.span for one in of], 3, 1, embargo_bars))
    made = {at: kept(of, given, at)[1] for at in thresholds}
    return min(at for at in thresholds if made[at] == max(made.values()))


def losses(of: Sequence[Labelled], given: Sequence[Fraction]) -> tuple[float, float]:
    """Returns log loss and Brier score."""
    labels = [int(one.pnl > 0) for one in of]
    logs = [-math.log(score if label else 1 - score) for score, label in zip(given, labels, strict=True)]
    squares = [float((score - label) ** 2) for score, label in zip(given, labels, strict=True)]
    return mean(logs), mean(squares)


def tenths(of: Sequence[Labelled], given: Sequence[Fraction]) -> list[tuple[int, Fraction, Fraction]]:
    """Returns of each tenth, by score, its size, what it was given and which part of it paid; the first are
    the larger ones.
    """
    order = sorted(range(len(of)), key=lambda example: (given[example], example))
    sizes = [len(of) // 10 + (number < len(of) % 10) for number in range(10)]
    share: Callable[[Sequence[Fraction]], Fraction] = lambda some: sum(some, Fraction(0)) / len(some)  # noqa: E731
    found = []
    for size in sizes:
        own, order = order[:size], order[size:]
        paid = [Fraction(of[example].pnl > 0) for example in own]
        found.append((size, share([given[example] for example in own]), share(paid)))
    return found
