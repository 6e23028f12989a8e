"""Searches for the best set of symbols: greedy, and over all sets where they are few enough.

A search is a generator: it yields the sets it wants measured and is sent their figures. So it is pure, and
its caller decides where to measure, how many sets at once, and what to remember.

The greedy search starts with all symbols and drops one after the other: the symbol without which the drawdown
is lowest. Among several such, or where no drop lowers the drawdown, it drops the symbol with the lowest
Sharpe measured alone, on those days of the span that it has: one with two of ten years is not the worse for
the eight. (`Sharpe_OOS_CPCV` of a best.json may have seen the days of the test span.) Of the visited sets,
the valid one with the highest Sharpe is the best.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

from msgspec import Struct

from portfold.research.statistics.metrics import Metrics

Symbols = tuple[str, ...]
"""A set of symbols, sorted."""

_Found = TypeVar("_Found")
Search = Generator[Sequence[Symbols], Sequence[Metrics], _Found]


class Constraints(Struct, frozen=True):
    """The constraints on a set: drawdown below `max_dd` dollars, at most so many breaches."""

    max_dd: float
    max_breach_events: int

    def met_by(self, metrics: Metrics) -> bool:
        """Returns whether a set with these figures is valid."""
        return metrics.max_dd < self.max_dd and metrics.breach_events <= self.max_breach_events


class Visited(Struct, frozen=True):
    """A set that the greedy search visited, the symbol it `dropped` next, and why: `drawdown` or `sharpe`.

    Both are empty for the last set.
    """

    symbols: Symbols
    metrics: Metrics
    dropped: str = ""
    because: str = ""


def greedy(symbols: Sequence[str]) -> Search[list[Visited]]:
    """Visits the sets from all of `symbols` down to one, in order."""
    current = tuple(sorted(symbols))
    metrics, *alone = yield [current, *((symbol,) for symbol in current)]
    own = {symbol: figures.sharpe_own_days for symbol, figures in zip(current, alone, strict=True)}
    path: list[Visited] = []
    while len(current) > 1:
        rests = [without(current, symbol) for symbol in current]
        found = dict(zip(current, (yield rests), strict=True))
        dropped, reason = _worst(metrics, found, own)
        path.append(Visited(current, metrics, dropped, reason))
        current, metrics = without(current, dropped), found[dropped]
    return [*path, Visited(current, metrics)]


def without(symbols: Symbols, symbol: str) -> Symbols:
    """Returns the set without one of its symbols."""
    return tuple(kept for kept in symbols if kept != symbol)


def _worst(now: Metrics, rests: Mapping[str, Metrics], own: Mapping[str, float]) -> tuple[str, str]:
    """Returns the symbol to drop, and why; `rests` are the figures of the set without each symbol."""
    lowest = min(rest.max_dd for rest in rests.values())
    if lowest < now.max_dd:
        best = [symbol for symbol, rest in rests.items() if rest.max_dd == lowest]
        return _weakest(best, own), "drawdown" if len(best) == 1 else "sharpe"
    return _weakest(rests, own), "sharpe"


def _weakest(symbols: Iterator[str] | Sequence[str] | Mapping[str, Metrics], own: Mapping[str, float]) -> str:
    return min(symbols, key=lambda symbol: (own[symbol], symbol))


def sets_greedy_measures(symbols: int) -> int:
    """Counts the different sets that the greedy search measures: all symbols, each alone, each set less
    one."""
    alone = symbols if symbols > 1 else 0
    return 1 + alone + sum(range(3, symbols + 1))


def tried_by(path: Sequence[Visited]) -> set[Symbols]:
    """Returns all sets that were measured to find the path."""
    rests = {without(visited.symbols, symbol) for visited in path[:-1] for symbol in visited.symbols}
    alone = {(symbol,) for symbol in path[0].symbols}
    return rests | alone | {path[0].symbols}


def best_of(path: Sequence[Visited], constraints: Constraints) -> Visited | None:
    """Returns the valid set with the highest Sharpe, the first of equal ones; None where none is valid."""
    valid = [visited for visited in path if constraints.met_by(visited.metrics)]
    return max(valid, key=lambda visited: visited.metrics.sharpe, default=None)


# --- all sets -------------------------------------------------------------------------------------------

_AT_ONCE = 64


def exhaustive(symbols: Sequence[str], constraints: Constraints) -> Search[tuple[Symbols, Metrics] | None]:
    """Finds the valid set with the highest Sharpe of all sets; of equal ones the one with the fewest
    symbols."""
    best: tuple[Symbols, Metrics] | None = None
    for batch in _batches(all_sets(symbols), _AT_ONCE):
        for chosen, metrics in zip(batch, (yield batch), strict=True):
            if constraints.met_by(metrics) and (best is None or metrics.sharpe > best[1].sharpe):
                best = chosen, metrics
    return best


def all_sets(symbols: Sequence[str]) -> Iterator[Symbols]:
    """Yields every set but the empty one, small ones first."""
    ordered = sorted(symbols)
    for size in range(1, len(ordered) + 1):
        yield from combinations(ordered, size)


def _batches(sets: Iterator[Symbols], size: int) -> Iterator[list[Symbols]]:
    batch: list[Symbols] = []
    for symbols in sets:
        batch.append(symbols)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
