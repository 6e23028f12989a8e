"""What is found where all sets are looked at: the best of each level, the frontier, how likely it is luck.

The kernel looks at all of them. What is shown of any is simulated by the fold as well, which judges it.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from portfold.research.kernel.anew import PAST, Anew, ChosenAnew
from portfold.research.search.grid import Cell, own_stop
from portfold.research.search.search import Constraints, Symbols
from portfold.research.statistics.metrics import Metrics
from portfold.research.statistics.overfitting import Overfitting, overfitting

if TYPE_CHECKING:
    from portfold.research.kernel.kernel import Kernel
    from portfold.research.kernel.quarters import Choices
    from portfold.research.kernel.survey import Survey

Objective = Literal["sharpe", "return", "drawdown"]
MOST_SHOWN = 12
"""How many sets of the frontier are shown; those between are left out, evenly."""
_ON_THE_MAP = 1500
_ALIKE = 1e-9

Judge = Callable[[Symbols, Cell], Metrics]
"""Simulates a set by the fold, and returns its figures."""
Ask = Callable[[Sequence[tuple[Symbols, Cell]]], object]
"""Is told which sets will be judged, so that they are simulated side by side."""


class FrontSet(Struct, frozen=True):
    """A set of the frontier: no valid set is better in one figure and as good in the others.

    `daily_stop_loss` None is that of the setting.
    """

    max_positions: int
    symbols: Symbols
    metrics: Metrics
    daily_stop_loss: Decimal | None = None


class MapPoint(Struct, frozen=True, array_like=True):
    """A set on the map: number of positions, drawdown in dollars, Sharpe. The kernel alone measured it.

    `daily_stop_loss` None is that of the setting.
    """

    max_positions: int
    max_dd: float
    sharpe: float
    daily_stop_loss: Decimal | None = None


class AllSets(Struct, frozen=True):
    """What all `sets` come to, of all numbers of positions: how many are `valid`, the best of these by the
    `objective`, the `front` as far as it is shown, of `front_of` sets; how likely the choice is luck.

    The map holds some of the sets, taken evenly. Where the look at them was interrupted, `sets` are those
    that were looked at, drawn from so many that `there_are`; else that is 0.
    """

    sets: int
    valid: int
    objective: Objective
    best: FrontSet | None
    front: tuple[FrontSet, ...]
    front_of: int
    overfitting: Overfitting | None
    map: tuple[MapPoint, ...]
    there_are: int = 0
    anew: ChosenAnew | None = None


class _Place(NamedTuple):
    """A set by its limits and its row among those looked at under them."""

    cell: Cell
    row: int


class SurveyedSets:
    """The survey of one scenario by its kernels, one a daily stop; `days` is how many each part of them
    has."""

    def __init__(
        self,
        kernels: "Sequence[Kernel]",
        survey: "Survey",
        choices: "Choices",
        constraints: Constraints,
        days: Sequence[int],
    ) -> None:
        self._symbols = kernels[0].compiled.symbols
        self._kernels = {own_stop(kernel.scenario): kernel for kernel in kernels}
        self._surveys, self._choices, self._days = survey.surveyed, choices, days
        self._there_are = survey.sets if survey.interrupted else 0
        self._valid = {
            cell: (one.max_dd < constraints.max_dd) & (one.breach_events <= constraints.max_breach_events)
            for cell, one in survey.surveyed.items()
        }

    @property
    def partial(self) -> bool:
        """Returns whether some were not looked at."""
        return self._there_are > 0

    def best_by_sharpe(self, cell: Cell) -> tuple[Symbols, Metrics] | None:
        """Returns the valid set with the highest Sharpe; of equal ones the first with the fewest symbols."""
        valid = self._valid[cell]
        if not valid.any():
            return None
        sharpe = np.where(valid, self._surveys[cell].sharpe, -np.inf)
        highest = sharpe.max()
        rows = np.flatnonzero(sharpe >= highest - _ALIKE * max(1.0, abs(highest)))
        kernel = self._kernels[cell.daily_stop]
        sets = [self._members(_Place(cell, int(row))) for row in rows]
        each = [(one, kernel.measure(one, cell.max_positions)) for one in sets]
        return min(each, key=lambda pair: (-pair[1].sharpe, len(pair[0]), pair[0]))

    def chosen_anew(self) -> "Iterator[Anew]":
        """Yields what was chosen for each quarter on the days before it, and which days these are."""
        bounds = self._choices.quarters.bounds.tolist()
        for quarter, choice in enumerate(self._choices.made):
            if quarter >= PAST:
                days = slice(bounds[quarter], bounds[quarter + 1])
                yield Anew(days, choice.cell if choice else None, self._set(choice.number) if choice else ())

    def found(self, objective: Objective, judge: Judge, ask: Ask = lambda _: None) -> AllSets:
        """Returns what all of them come to."""
        front = self._front()
        shown = [front[at] for at in _evenly(len(front), MOST_SHOWN)]
        best = self._best(objective)
        ask([(self._members(one), one.cell) for one in (*shown, *((best,) if best is not None else ()))])
        return AllSets(
            sets=sum(len(one.sharpe) for one in self._surveys.values()),
            valid=sum(int(valid.sum()) for valid in self._valid.values()),
            objective=objective,
            best=self._shown(best, judge) if best is not None else None,
            front=tuple(self._shown(place, judge) for place in shown),
            front_of=len(front),
            overfitting=self._overfitting(),
            map=tuple(self._map()),
            there_are=self._there_are,
        )

    def _members(self, place: _Place) -> Symbols:
        return self._set(int(self._surveys[place.cell].number[place.row]))

    def _set(self, number: int) -> Symbols:
        return tuple(sorted(one for bit, one in enumerate(self._symbols) if number >> bit & 1))

    def _shown(self, place: _Place, judge: Judge) -> FrontSet:
        symbols = self._members(place)
        stop, level = place.cell
        return FrontSet(level, symbols, judge(symbols, place.cell), self._named(stop))

    def _named(self, stop: Decimal) -> Decimal | None:
        return stop if len(self._kernels) > 1 else None

    def _best(self, objective: Objective) -> _Place | None:
        """Returns the best valid set; of equal ones the first, with the fewest positions."""
        best, found = -np.inf, None
        for cell, one in self._surveys.items():
            value = {"sharpe": one.sharpe, "return": one.made, "drawdown": -one.max_dd}[objective]
            valued = np.where(self._valid[cell], value, -np.inf)
            row = int(np.argmax(valued))
            if valued[row] > best:
                best, found = valued[row], _Place(cell, row)
        return found

    def _front(self) -> list[_Place]:
        """Returns the valid sets that no other dominates, the lowest drawdown first.

        From the highest Sharpe down, a set is on the frontier where none before it has as low a drawdown and
        as high a return.
        """
        places = [
            _Place(cell, int(row)) for cell, valid in self._valid.items() for row in np.flatnonzero(valid)
        ]
        if not places:
            return []
        columns = np.array([self._figures(place) for place in places])
        order = np.lexsort((-columns[:, 2], columns[:, 1], -columns[:, 0]))
        drawdowns: list[float] = []
        made: list[float] = []
        front: list[int] = []
        for at in order.tolist():
            depth, gain = columns[at, 1], columns[at, 2]
            below = bisect_right(drawdowns, depth)
            if below and made[below - 1] >= gain:
                continue
            front.append(at)
            until = below
            while until < len(made) and made[until] <= gain:
                until += 1
            drawdowns[below:until], made[below:until] = [depth], [gain]
        front.sort(key=lambda at: (columns[at, 1], -columns[at, 0]))
        return [places[at] for at in front]

    def _figures(self, place: _Place) -> tuple[float, float, float]:
        one = self._surveys[place.cell]
        return one.sharpe[place.row], one.max_dd[place.row], one.made[place.row]

    def _overfitting(self) -> Overfitting | None:
        surveys = self._surveys.values()
        sums, squares = (
            np.vstack(each) for each in zip(*((one.sums, one.squares) for one in surveys), strict=True)
        )
        return overfitting(sums, squares, self._days)

    def _map(self) -> Iterator[MapPoint]:
        each = max(1, _ON_THE_MAP // len(self._surveys))
        for (stop, level), one in self._surveys.items():
            for row in _evenly(len(one.sharpe), each):
                depth, sharpe = round(float(one.max_dd[row]), 2), round(float(one.sharpe[row]), 4)
                yield MapPoint(level, depth, sharpe, self._named(stop))


def _evenly(count: int, most: int) -> NDArray[np.int64]:
    """Returns places from the first to the last of so many, at most `most` of them."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, most)).round().astype(np.int64))
