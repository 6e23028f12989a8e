"""Cuts a schedule that breaks an invariant down to the few happenings that it takes: delta debugging."""

from collections.abc import Callable, Sequence
from itertools import pairwise

_MOST_RUNS = 600


def shrunk(numbers: Sequence[int], breaks: Callable[[list[int]], bool]) -> list[int]:
    """Fewer of the happenings that still break it: no small group of these can be left out any more.

    Ends early, with what it has by then, where that would take very many runs.
    """
    kept, parts, runs = list(numbers), 2, 0
    while len(kept) > 1:
        for rest in _without_each(kept, parts):
            runs += 1
            if runs > _MOST_RUNS:
                return kept
            if breaks(rest):
                kept, parts = rest, max(2, parts - 1)
                break
        else:
            if parts >= len(kept):
                return kept
            parts = min(len(kept), 2 * parts)
    return [] if kept and breaks([]) else kept


def _without_each(numbers: list[int], parts: int) -> list[list[int]]:
    """The numbers with one of so many parts left out, for each of them."""
    cuts = [len(numbers) * part // parts for part in range(parts + 1)]
    return [numbers[:begin] + numbers[end:] for begin, end in pairwise(cuts)]
