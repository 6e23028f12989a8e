"""Judges what was found by the fold, wherever pieces are done: on these days and on others, and its luck.

All that is to be judged is asked for at once, so that it is simulated side by side; the answers are the same
in whatever order they come.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec import structs

from portfold.pieces.pieces import Pieces
from portfold.research.kernel.available import spread
from portfold.research.kernel.judging import agree
from portfold.research.search.findings import BestOfAll, Winner
from portfold.research.search.grid import Cell, own_stop
from portfold.research.search.judged.days import judged_days
from portfold.research.search.plan import SearchPlan
from portfold.research.search.search import Symbols, Visited
from portfold.research.search.swaps import Swapped
from portfold.research.simulate.scenario import Scenario
from portfold.research.simulate.simulator import Simulated
from portfold.research.statistics.clusters import Tries, tries_among
from portfold.research.statistics.intervals import Intervals
from portfold.research.statistics.metrics import Floats, Metrics, daily_pnl
from portfold.research.statistics.reality_check import TriedHistories

if TYPE_CHECKING:
    from portfold.research.kernel.kernel import Kernel

Best = tuple[Symbols, Metrics]
TriedSet = tuple[Cell, Symbols]


class Spans(NamedTuple):
    """The scenarios to choose and to judge on, under one daily stop; the kernel by which it was chosen, if it
    was. `named_stop` is that stop where it is another than the one of the search."""

    train: Scenario
    test: Scenario | None
    kernel: "Kernel | None"
    named_stop: Decimal | None

    @classmethod
    def under(cls, stop: Decimal, train: Scenario, test: Scenario | None, kernel: "Kernel | None") -> "Spans":
        """Returns the same scenarios under a daily stop."""
        if stop == own_stop(train):
            return cls(train, test, kernel, None)
        other = test.under(stop) if test is not None else None
        return cls(train.under(stop), other, kernel.under(stop) if kernel is not None else None, stop)


Scenarios = Mapping[Decimal, tuple[Scenario, Scenario | None]]
"""Those to choose and to judge on, by their daily stop."""


def scenarios_of(spans: Mapping[Decimal, Spans]) -> Scenarios:
    return {stop: (one.train, one.test) for stop, one in spans.items()}


class _Tested(NamedTuple):
    """A set simulated by the fold, and the intervals of its figures; on the test span alike, where there is
    one."""

    train: list[Simulated]
    intervals: Intervals
    test: list[Simulated] | None
    test_intervals: Intervals | None


def _simulate(scenarios: Scenarios, symbols: Symbols, cell: Cell) -> list[Simulated]:
    return scenarios[cell.daily_stop][0].simulations(symbols, cell.max_positions)


def _test(scenarios: Scenarios, symbols: Symbols, cell: Cell, seed: int) -> _Tested:
    train, test = scenarios[cell.daily_stop]
    simulated = train.simulations(symbols, cell.max_positions)
    intervals = train.intervals(simulated, seed)
    if test is None:
        return _Tested(simulated, intervals, None, None)
    tested = test.simulations(symbols, cell.max_positions)
    return _Tested(simulated, intervals, tested, test.intervals(tested, seed))


def _tried(_: Scenarios, returns: Floats, seed: int) -> TriedHistories:
    return TriedHistories(returns, seed=seed)


class Judge:
    """Measures how much of the best sets is luck, and how they do on the test span; the pieces simulate."""

    def __init__(
        self,
        spans: Mapping[Decimal, Spans],
        histories: Mapping[TriedSet, Floats],
        plan: SearchPlan,
        pieces: Pieces[Scenarios],
    ) -> None:
        self._spans, self._plan, self._pieces = spans, plan, pieces
        self._row_of = {tried: number for number, tried in enumerate(histories)}
        returns = np.array(list(histories.values()))
        self._tried = pieces.submit(_tried, returns, plan.seed)
        self._tries = tries_among(returns)
        self._simulated: dict[tuple[Symbols, Cell], Future[list[Simulated]]] = {}
        self._tested: dict[tuple[Symbols, Cell], Future[_Tested]] = {}

    def ask(self, sets: Sequence[tuple[Symbols, Cell]]) -> None:
        """Asks for the simulations of sets, all at once."""
        for one in sets:
            if one not in self._simulated:
                self._simulated[one] = self._pieces.submit(_simulate, *one)

    def ask_winners(self, sets: Sequence[tuple[Symbols, Cell]]) -> None:
        """Asks for all that is to be known of winners, all at once."""
        for one in sets:
            self._tested[one] = self._pieces.submit(_test, *one, self._plan.seed)

    def simulated(self, symbols: Symbols, cell: Cell) -> list[Simulated]:
        """Returns the fold's simulations of a set, which judge the kernel. Raises KernelDiffers."""
        one = symbols, cell
        if one in self._tested:
            simulations = self._tested[one].result().train
        else:
            self.ask([one])
            simulations = self._simulated[one].result()
        kernel = self._spans[cell.daily_stop].kernel
        if kernel is not None:
            agree(kernel, simulations)
        return simulations

    def judged(self, symbols: Symbols, cell: Cell) -> Metrics:
        """Measures a set as the fold simulates it. Raises KernelDiffers."""
        spans = self._spans[cell.daily_stop]
        return spans.train.mean_figures(self.simulated(symbols, cell))

    def cell_of(self, row: Winner) -> Cell:
        """Returns the limits of a row."""
        return Cell(row.daily_stop_loss or next(iter(self._spans)), row.max_positions)

    def dollars(self, symbols: Symbols, cell: Cell) -> Floats:
        """Returns the dollars of each day as the fold simulates the set, means. Raises KernelDiffers."""
        spans = self._spans[cell.daily_stop]
        simulations = self.simulated(symbols, cell)
        mean: Floats = np.mean([daily_pnl(one, spans.train.days) for one in simulations], axis=0)
        return mean

    def with_lots(self, row: Winner) -> Winner:
        """Returns the row with its spread over many drawings of lots, where the kernel can tell it."""
        kernel = self._spans[self.cell_of(row).daily_stop].kernel
        if kernel is None:
            return row
        return structs.replace(row, lots=spread(kernel, row.symbols, row.max_positions, self._plan.seed))

    def winner(self, cell: Cell, found: Visited, beside: "Beside") -> Winner:
        """Judges greedy's best set under these limits, and names what was found beside it."""
        return structs.replace(
            self._judged(found.symbols, cell, self._tries),
            train=found.metrics,
            reality_check=self._tried.result().check(self._row_of[cell, found.symbols]),
            best_of_all=self._best_of_all(cell, beside.best) if beside.best is not None else None,
            by_swaps=self._by_swaps(cell, beside.swapped) if beside.swapped is not None else None,
        )

    def best_of_all(self, cell: Cell, symbols: Symbols, sets: int) -> Winner:
        """Judges the best of all sets, of which there are so many. The reality check is of greedy's alone: of
        these the probability of overfitting tells.
        """
        tries = structs.replace(self._tries, count=sets)
        return structs.replace(self._judged(symbols, cell, tries), of_all=sets)

    def _judged(self, symbols: Symbols, cell: Cell, tries: Tries) -> Winner:
        spans = self._spans[cell.daily_stop]
        train, test = spans.train, spans.test
        if (symbols, cell) not in self._tested:
            self.ask_winners([(symbols, cell)])
        simulated = self.simulated(symbols, cell)
        _, intervals, tested, test_intervals = self._tested[symbols, cell].result()
        return Winner(
            max_positions=cell.max_positions,
            symbols=symbols,
            train=train.mean_figures(simulated),
            test=test.mean_figures(tested) if test is not None and tested is not None else None,
            intervals=intervals,
            test_intervals=test_intervals,
            reality_check=None,
            deflated=train.deflated(simulated, tries, self._plan.variants),
            best_of_all=None,
            daily_stop_loss=cell.daily_stop if len(self._spans) > 1 else None,
            days=judged_days(*((tested[0], test) if tested and test else (simulated[0], train))),
        )

    def _best_of_all(self, cell: Cell, best: Best) -> BestOfAll:
        symbols, metrics = best
        spans = self._spans[cell.daily_stop]
        if spans.kernel is not None:
            metrics = self.judged(symbols, cell)
        return BestOfAll(2 ** len(spans.train.symbols) - 1, symbols, metrics)

    def _by_swaps(self, cell: Cell, found: Swapped) -> Swapped:
        if self._spans[cell.daily_stop].kernel is None:
            return found
        return structs.replace(found, metrics=self.judged(found.symbols, cell))


class Beside(NamedTuple):
    """What was found under the same limits beside greedy's best: the best of all sets, or that of swaps."""

    best: Best | None
    swapped: Swapped | None
