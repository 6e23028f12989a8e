"""What happened over a day, small enough to draw: a line of so many points at most, denials in so many runs.

However many events a day has, what is kept of it stays bounded; and what is left out never hides an extreme.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from msgspec import Struct, field

MOST_POINTS = 4096
MOST_RUNS = 512
_MERGED = 8
_FIRST_RUN_MS = 1000


class Curve(Struct):
    """A line of steps: each point is a moment and the value from it on."""

    points: list[tuple[int, Decimal]] = field(default_factory=list)

    def add(self, ms: int, value: Decimal | int) -> None:
        """Adds the value from `ms` on, which is not before the last moment."""
        if self.points and self.points[-1][1] == value:
            return
        self.points.append((ms, Decimal(value)))
        if len(self.points) > MOST_POINTS:
            self._thin()

    def until(self, ms: int) -> list[tuple[int, Decimal]]:
        """Returns the points, and the last value once more at `ms`, so that the line goes on to there."""
        if not self.points or self.points[-1][0] >= ms:
            return list(self.points)
        return [*self.points, (ms, self.points[-1][1])]

    def _thin(self) -> None:
        self.points = thinned(self.points, _MERGED)


def thinned(points: Sequence[tuple[int, Decimal]], merged: int) -> list[tuple[int, Decimal]]:
    """Keeps of each `merged` points in a row the first, the lowest, the highest and the last."""
    kept: list[tuple[int, Decimal]] = []
    for start in range(0, len(points), merged):
        some = points[start : start + merged]
        by_value = sorted(range(len(some)), key=lambda index: some[index][1])
        kept += [some[index] for index in sorted({0, by_value[0], by_value[-1], len(some) - 1})]
    return kept


class Run(Struct):
    """Denials for the same reason, close together: when, how many, and of which symbols."""

    code: str
    first_ms: int
    last_ms: int
    count: int
    symbols: dict[str, int]


class Denials(Struct):
    """The runs by code, in order. `width_ms` is how long a run lasts at most; it grows as it must."""

    runs: dict[str, list[Run]] = field(default_factory=dict)
    width_ms: int = _FIRST_RUN_MS

    def add(self, ms: int, code: str, symbol: str) -> None:
        """Adds one more denial, not before the last one."""
        self._join(Run(code, ms, ms, 1, {symbol: 1}))
        while sum(map(len, self.runs.values())) > MOST_RUNS:
            self.width_ms *= 2
            runs, self.runs = list(self), {}
            for run in runs:
                self._join(run)

    def __iter__(self) -> Iterator[Run]:
        for runs in self.runs.values():
            yield from runs

    def _join(self, run: Run) -> None:
        before = self.runs.setdefault(run.code, [])
        if not before or run.last_ms - before[-1].first_ms >= self.width_ms:
            before.append(run)
            return
        last = before[-1]
        last.last_ms, last.count = run.last_ms, last.count + run.count
        for symbol, count in run.symbols.items():
            last.symbols[symbol] = last.symbols.get(symbol, 0) + count
