"""Cross-validation for labels that take time to come true: purged, and with an embargo.

Source: Marcos López de Prado, "Advances in Financial Machine Learning" (2018), chapter 7. A label is known
only when its trade has ended, so an example whose trade overlaps the time of the test knows of its future:
it is purged from the training. And since what happens after the test resembles it, examples that begin within
the embargo after the test are left out as well. Tests are spans of time in order, none is shuffled.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple


class Span(NamedTuple):
    """The bars that an example's label depends on, from its entry to its exit, both included."""

    first: int
    last: int


class Fold(NamedTuple):
    """Which examples train and which are tested, by their places."""

    train: tuple[int, ...]
    test: tuple[int, ...]


def purged_folds(spans: Sequence[Span], folds: int, embargo_bars: int) -> Iterator[Fold]:
    """Cuts the examples, sorted by `first`, into `folds` tests of nearly equal size, each with its training.

    Every example is tested once. ValueError where they are not sorted, or fewer than the folds.
    """
    if not 2 <= folds <= len(spans):
        raise ValueError(f"expected folds from 2 to the number of examples, {len(spans)}, got {folds}")
    if any(later.first < earlier.first for earlier, later in pairwise(spans)):
        raise ValueError("expected examples in the order of their entries")
    edges = [len(spans) * number // folds for number in range(folds + 1)]
    for begin, end in pairwise(edges):
        tested = spans[begin:end]
        first, last = tested[0].first, max(span.last for span in tested)
        train = (
            place
            for place, span in enumerate(spans)
            if not begin <= place < end and (span.last < first or span.first > last + embargo_bars)
        )
        yield Fold(tuple(train), tuple(range(begin, end)))
