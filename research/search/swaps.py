"""Improves a set by swaps, where all sets are too many to look at.

From a valid set it goes to the best valid neighbour, which has one symbol more, one less, or one exchanged
for another, as long as that has a higher Sharpe. So it ends with a set that no single step betters: never
worse than where it began, and not surely the best there is. It is a generator, as every search is.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from portfold.research.search.search import Constraints, Search, Symbols, without
from portfold.research.statistics.metrics import Metrics


class Swapped(Struct, frozen=True):
    """The set that swaps came to, after so many `steps`; they `looked` at so many sets."""

    symbols: Symbols
    metrics: Metrics
    steps: int
    looked: int


def swapped(
    begin: Symbols, begins_with: Metrics, symbols: Sequence[str], constraints: Constraints
) -> Search[Swapped]:
    """Goes from a valid set and its figures to one that no step betters."""
    current, metrics, steps = begin, begins_with, 0
    looked = {begin}
    while True:
        near = [one for one in neighbours(current, symbols) if one not in looked]
        looked.update(near)
        figures = (yield near) if near else []
        valid = [pair for pair in zip(near, figures, strict=True) if constraints.met_by(pair[1])]
        best = max(valid, key=lambda pair: pair[1].sharpe, default=None)
        if best is None or best[1].sharpe <= metrics.sharpe:
            return Swapped(current, metrics, steps, len(looked) - 1)
        (current, metrics), steps = best, steps + 1


def neighbours(chosen: Symbols, symbols: Sequence[str]) -> Iterator[Symbols]:
    """Yields the sets one step away: one symbol less, one more, one exchanged."""
    others = sorted(set(symbols) - set(chosen))
    rests = [without(chosen, symbol) for symbol in chosen]
    yield from (rest for rest in rests if rest)
    yield from (_with(chosen, other) for other in others)
    yield from (_with(rest, other) for rest in rests for other in others)


def steps_about(symbols: int) -> int:
    """Estimates how many sets swaps look at: those around a set of half of the symbols, twice."""
    half = symbols // 2
    return 2 * (half * (symbols - half) + symbols)


def _with(chosen: Symbols, symbol: str) -> Symbols:
    return tuple(sorted((*chosen, symbol)))
