"""The referee's cross-validation: from docs/filter.md and docs/research.md alone, bar by bar.

It imports nothing of ours.

Purged and with an embargo (López de Prado, "Advances in Financial Machine Learning", 2018, chapter 7), and
combinatorial (chapter 12).
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from math import ceil

Span = tuple[int, int]
"""The first and the last bar of an example's trade."""
Split = tuple[list[int], list[int]]
"""Which examples train, and which are tested."""


def group_of(example: int, count: int, groups: int) -> int:
    """Returns the group of an example: the first with room where each has its equal part of the examples."""
    return ceil(Fraction((example + 1) * groups, count)) - 1


def embargo(share: str, bars: int) -> int:
    """Returns how many bars a share of all bars is, a begun one being whole."""
    return ceil(Fraction(share) * bars)


def splits(spans: Sequence[Span], groups: int, tested: int, embargo_bars: int) -> list[Split]:
    """Returns a split for each choice of groups, in order."""
    count = len(spans)
    of = [group_of(example, count, groups) for example in range(count)]
    found = []
    for choice in combinations(range(groups), tested):
        forbidden = set()
        for group in choice:
            own = [spans[example] for example in range(count) if of[example] == group]
            begins, ends = min(first for first, _ in own), max(last for _, last in own)
            forbidden |= set(range(begins, ends + 1))
        late = {bar + more for bar in _ends(spans, of, choice) for more in range(1, embargo_bars + 1)}
        train = [
            example
            for example, (first, last) in enumerate(spans)
            if of[example] not in choice and not forbidden & set(range(first, last + 1)) and first not in late
        ]
        found.append((train, [example for example in range(count) if of[example] in choice]))
    return found


def paths(groups: int, tested: int) -> list[list[int]]:
    """Returns for each path and group the split that tests it: the first of each group, then the second."""
    choices = list(combinations(range(groups), tested))
    of_group = [[at for at, choice in enumerate(choices) if group in choice] for group in range(groups)]
    return [[each[path] for each in of_group] for path in range(len(of_group[0]))]


def _ends(spans: Sequence[Span], of: Sequence[int], choice: Sequence[int]) -> set[int]:
    """Returns the last bar of each tested group."""
    return {max(last for example, (_, last) in enumerate(spans) if of[example] == group) for group in choice}
