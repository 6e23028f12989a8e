"""The referee's walk-forward: from "Walk-forward" in docs/research.md and docs/filter.md alone, bar by bar.

It imports nothing of ours. Which days a bar is of, what comes of a signal, and how the model that counts
scores are the other referees'; here is which bars belong to which test span, what may be known for it, which
threshold that gives, and which signals the filter of the day refuses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import groupby

from tests.research.referee import folds, labels
from tests.research.referee.labels import Labelled
from tests.research.referee.trading import Traded

MONTHS = {"month": 1, "quarter": 3, "year": 12}
LOOK_BACK = 50
"""Bars that features look back, the bar of the signal among them."""


@dataclass(frozen=True)
class Walk:
    """How it goes on: the first bar that is not there to warm up, and the options of the command."""

    begins: int
    test_from: date
    every: str
    embargo: str
    thresholds: Sequence[Fraction]


@dataclass(frozen=True)
class Fit:
    """What is known for the test span of these bars, up to the bar `until` and without it.

    `threshold` is None where nothing can be fitted.
    """

    bars: Sequence[int]
    until: int
    known: Sequence[Labelled]
    threshold: Fraction | None

    def score(self, by: Traded, signal: int) -> Fraction:
        """Returns what the model of this span gives a signal."""
        asked = Labelled((signal, signal), by.weekday(signal), Fraction(0))
        return labels.scores([*self.known, asked], (list(range(len(self.known))), [len(self.known)]))[
            len(self.known)
        ]


def fits(by: Traded, learned: Traded, walk: Walk, fewest: int) -> list[Fit]:
    """Returns what is fitted for each test span; `learned` are the bars as examples are made of them."""
    found = []
    for bars in spans(by, walk):
        apart = folds.embargo(walk.embargo, bars[0] - walk.begins)
        until = bars[0] - apart
        known = [one for one in examples(learned, walk.begins) if one.span[1] < until]
        threshold = None
        everything = [(list(range(len(known))), list[int]())]
        if len(known) >= fewest and labels.can_train(known, everything, apart):
            threshold = labels.best_threshold(known, apart, walk.thresholds)
        found.append(Fit(bars, until, known, threshold))
    return found


def spans(by: Traded, walk: Walk) -> list[list[int]]:
    """Returns the bars of each test span: those of one month, quarter or year, from the first day on."""
    tested = [number for number in range(walk.begins, len(by.bars)) if by.day(number) >= walk.test_from]

    def period(number: int) -> tuple[int, int]:
        day = by.day(number)
        return day.year, (day.month - 1) // MONTHS[walk.every]

    return [list(own) for _, own in groupby(tested, period)]


def examples(learned: Traded, begins: int) -> list[Labelled]:
    """Returns every signal with all features whose trade ended."""
    return [
        Labelled((one.signal, one.left), learned.weekday(one.signal), one.pnl)
        for one in learned.signals(begins)
        if one.ended and one.signal >= LOOK_BACK - 1
    ]


def refused(by: Traded, every: Sequence[Fit]) -> set[int]:
    """Returns the bars whose signals the filter of their span refuses: too low a score, or no features."""
    found = set()
    for fit in every:
        assert fit.threshold is not None
        for number in fit.bars:
            if by.side(number) and (number < LOOK_BACK - 1 or fit.score(by, number) < fit.threshold):
                found.add(number)
    return found
