"""Cross-validation for labels that take time to come true: purged, and with an embargo.

Source: Marcos López de Prado, "Advances in Financial Machine Learning" (2018), chapter 7. A label is known
only when its trade has ended, so an example whose trade overlaps the time of the test would leak the future:
it is purged from the training. As the time after the test resembles it, examples that begin within the
embargo after the test are left out as well. Tests are spans of time in order, none is shuffled.

Combinatorial (chapter 12): the history is cut into groups, and every choice of some of them is tested by a
model trained on the rest. So each group is tested several times, and one test of each group makes a path: a
whole history scored by models that have not seen it. One path may be luck, so there are several.
"""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain, combinations, pairwise
from typing import NamedTuple


class LabelSpan(NamedTuple):
    """The bars that an example's label depends on, from its entry to its exit, both included."""

    first: int
    last: int


class Fold(NamedTuple):
    """The indices of the examples that train and of those that are tested."""

    train: tuple[int, ...]
    test: tuple[int, ...]


def embargo_bars(share: float, bars: int) -> int:
    """Returns how many bars a share of `bars` is, as it is written: 1 % of 700 are 7, and of 701 are 8."""
    return math.ceil(Fraction(str(share)) * bars)


def purged_folds(spans: Sequence[LabelSpan], folds: int, embargo_bars: int) -> Iterator[Fold]:
    """Cuts the examples, sorted by `first`, into `folds` tests of nearly equal size, each with its training.

    Every example is tested once. Raises ValueError where they are not sorted, or fewer than the folds.
    """
    for group in _groups(spans, folds):
        yield _fold(spans, [group], embargo_bars)


def combinatorial_folds(
    spans: Sequence[LabelSpan], groups: int, tested: int, embargo_bars: int
) -> Iterator[Fold]:
    """Cuts the examples into `groups` of nearly equal size; a fold for each choice of `tested` of them.

    Raises ValueError where they are not sorted, fewer than the groups, or none would be left to train on.
    """
    if not 1 <= tested < groups:
        raise ValueError(f"expected tested groups from 1 to {groups - 1}, got {tested}")
    for chosen in combinations(_groups(spans, groups), tested):
        yield _fold(spans, chosen, embargo_bars)


def fold_paths(groups: int, tested: int) -> list[tuple[int, ...]]:
    """Returns for each path the fold that tests each group, by the numbers of `combinatorial_folds`.

    Every test of a group belongs to one path, and a path holds one test of each group.
    """
    choices = list(combinations(range(groups), tested))
    testing = ([fold for fold, chosen in enumerate(choices) if group in chosen] for group in range(groups))
    return list(zip(*testing, strict=True))


def group_of_each(count: int, groups: int) -> list[int]:
    """Returns the number of the group of each of `count` examples."""
    edges = _edges(count, groups)
    return [number for number, (begin, end) in enumerate(pairwise(edges)) for _ in range(begin, end)]


def _edges(count: int, groups: int) -> list[int]:
    return [count * number // groups for number in range(groups + 1)]


def _groups(spans: Sequence[LabelSpan], groups: int) -> list[range]:
    """Returns the indices of each group's examples. Raises ValueError."""
    if not 2 <= groups <= len(spans):
        raise ValueError(f"expected folds from 2 to the number of examples, {len(spans)}, got {groups}")
    if any(later.first < earlier.first for earlier, later in pairwise(spans)):
        raise ValueError("expected examples in the order of their entries")
    return [range(begin, end) for begin, end in pairwise(_edges(len(spans), groups))]


def _fold(spans: Sequence[LabelSpan], tested: Sequence[range], embargo_bars: int) -> Fold:
    """Tests some groups, and trains on the examples that overlap none of them or its embargo."""
    times = [(spans[group[0]].first, max(spans[index].last for index in group)) for group in tested]
    test = tuple(chain.from_iterable(tested))
    chosen = frozenset(test)
    train = (
        index
        for index, span in enumerate(spans)
        if index not in chosen
        and all(span.last < first or span.first > last + embargo_bars for first, last in times)
    )
    return Fold(tuple(train), test)
