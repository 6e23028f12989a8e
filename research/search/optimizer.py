"""The optimizer: searches on one span, judges the winners on the other, and measures how much is luck."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec import Struct, structs

from portfold.pieces.place import Place
from portfold.research.kernel.anew import judged_anew
from portfold.research.kernel.available import kernel_of, spread, surveyed_sets
from portfold.research.kernel.judging import agree
from portfold.research.search.all_sets import AllSets as AllSetsFound
from portfold.research.search.evaluation import Histories, complete, keeping, measuring, run_searches
from portfold.research.search.findings import BestOfAll, Winner
from portfold.research.search.grid import Cell, own_stop
from portfold.research.search.judged_days import judged_days
from portfold.research.search.plan import SOON_DONE_TRADE_EVENTS, SearchExtent, SearchPlan, by_kernel, extent
from portfold.research.search.resume_log import Known, ResumeLog
from portfold.research.search.search import (
    Search,
    Symbols,
    Visited,
    best_of,
    exhaustive,
    greedy,
    tried_by,
)
from portfold.research.search.swaps import Swapped, swapped
from portfold.research.simulate.scenario import Scenario
from portfold.research.simulate.simulator import Simulated
from portfold.research.statistics.clusters import tries_among
from portfold.research.statistics.metrics import Floats, Metrics, daily_pnl
from portfold.research.statistics.reality_check import TriedHistories

if TYPE_CHECKING:
    from portfold.research.kernel.kernel import Kernel

_Best = tuple[Symbols, Metrics]
_TriedSet = tuple[Cell, Symbols]


class Optimized(Struct, frozen=True):
    """The `rows`, best first; the greedy `paths` by number of positions; the number of sets tried; what all
    sets come to, where the kernel looked at all; the paths under other daily stops than the scenario's."""

    rows: tuple[Winner, ...]
    paths: dict[int, tuple[Visited, ...]]
    tries: int
    all_sets: AllSetsFound | None = None
    paths_under: dict[str, dict[int, tuple[Visited, ...]]] = {}

    @property
    def partial(self) -> bool:
        """Returns whether the look at all sets was interrupted."""
        return self.all_sets is not None and self.all_sets.there_are > 0


def optimize(
    train: Scenario,
    test: Scenario | None,
    plan: SearchPlan,
    resume_log: ResumeLog,
    on_progress: Callable[[int], object],
    on_interrupted: Callable[[], object] = lambda: None,
) -> Optimized:
    """Searches on `train`, reusing what the resume log knows.

    Calls `on_progress` with the number of measurements so far. Where Ctrl-C ends the look at all sets by the
    kernel, it calls `on_interrupted` and judges what is there: `Optimized.partial`.

    Raises ResearchError where a process that measures was ended from outside, and KernelDiffers where the
    kernel made something else of what was found than the fold.
    """
    every = extent(train, plan)
    kernel = kernel_of(train) if by_kernel(train, plan) else None
    under = [_Spans.under(stop, train, test, kernel) for stop in plan.stops_of(train)]
    spans = {own_stop(one.train): one for one in under}
    found = [_searched(one, plan, every, resume_log, on_progress) for one in under]
    paths, bests, better, histories = _together(found)
    surveyed = None
    if every.all_sets and kernel is not None:
        before = len(resume_log.tried)
        kernels = [one.kernel for one in under if one.kernel is not None]
        surveyed = surveyed_sets(
            kernels, plan.levels, plan.constraints, lambda done: on_progress(before + done)
        )
        if surveyed.partial:
            on_interrupted()
        else:
            bests = {cell: surveyed.best_by_sharpe(cell) for cell in paths}
    judge = _Judge(spans, histories, plan)
    rows = [
        judge.winner(cell, best, _Beside(bests.get(cell), better.get(cell)))
        for cell, path in paths.items()
        if (best := best_of(path, plan.constraints)) is not None
    ]
    rows.sort(key=lambda row: (-row.train.sharpe, row.max_positions, row.daily_stop_loss or 0))
    if rows:
        rows[0] = judge.with_lots(rows[0])
    of_all = None
    if surveyed is not None:
        of_all = surveyed.found(plan.objective, judge.judged)
        if rows:
            winner = rows[0].symbols, judge.cell_of(rows[0])
            anew = judged_anew(surveyed.chosen_anew(), train.days, judge.dollars, winner)
            of_all = structs.replace(of_all, anew=anew)
    first, *others = found
    ways = {f"{own_stop(one.spans.train):f}": one.paths for one in others}
    return Optimized(tuple(rows), first.paths, len(histories), of_all, ways)


class _Found(NamedTuple):
    """What a search under one daily stop found: by number of positions, and the daily returns of the sets."""

    spans: "_Spans"
    paths: dict[int, tuple[Visited, ...]]
    bests: Mapping[int, _Best | None]
    swapped: Mapping[int, Swapped]
    histories: Histories


def _searched(
    spans: "_Spans",
    plan: SearchPlan,
    every: SearchExtent,
    resume_log: ResumeLog,
    on_progress: Callable[[int], object],
) -> _Found:
    """Searches greedily under one daily stop; over all sets as well where the fold is to look at all."""
    scenario = spans.train
    events = 2 * len(scenario.timeline.trades) * every.measured // 2
    place = plan.place if plan.place.cluster or events > SOON_DONE_TRADE_EVENTS else Place()
    known: Known = resume_log.under(spans.named_stop)
    histories: Histories = {}
    bests: Mapping[int, _Best | None] = {}
    better: Mapping[int, Swapped] = {}
    with measuring(scenario, place) if spans.kernel is None else measuring(spans.kernel, Place()) as submit:
        greedily = {level: greedy(scenario.symbols) for level in plan.levels}
        paths = run_searches(
            greedily, keeping(histories, submit.both), known, on_progress, ahead=submit.ahead
        )
        if every.all_sets and spans.kernel is None:
            searches = {level: exhaustive(scenario.symbols, plan.constraints) for level in plan.levels}
            bests = run_searches(searches, submit.measure, known, on_progress, ahead=submit.ahead)
        if every.swaps:
            better = run_searches(
                _by_swaps(scenario, plan, paths), submit.measure, known, on_progress, ahead=submit.ahead
            )
        sets = [(level, symbols) for level, path in paths.items() for symbols in sorted(tried_by(path))]
        complete(histories, sets, submit.returns)
    ways = {level: tuple(path) for level, path in paths.items()}
    return _Found(spans, ways, bests, better, {tried: histories[tried] for tried in sets})


def _by_swaps(
    scenario: Scenario, plan: SearchPlan, paths: Mapping[int, Sequence[Visited]]
) -> dict[int, Search[Swapped]]:
    """Returns the searches that go on from the best sets of greedy."""
    begun = {level: best_of(path, plan.constraints) for level, path in paths.items()}
    return {
        level: swapped(best.symbols, best.metrics, scenario.symbols, plan.constraints)
        for level, best in begun.items()
        if best is not None and len(scenario.symbols) > 1
    }


class _Together(NamedTuple):
    """What all searches found, by the cells of the grid."""

    paths: dict[Cell, tuple[Visited, ...]]
    bests: Mapping[Cell, _Best | None]
    swapped: Mapping[Cell, Swapped]
    histories: dict[_TriedSet, Floats]


def _together(found: Sequence[_Found]) -> _Together:
    paths: dict[Cell, tuple[Visited, ...]] = {}
    bests: dict[Cell, _Best | None] = {}
    better: dict[Cell, Swapped] = {}
    histories: dict[_TriedSet, Floats] = {}
    for one in found:
        stop = own_stop(one.spans.train)
        paths |= {Cell(stop, level): path for level, path in one.paths.items()}
        bests |= {Cell(stop, level): best for level, best in one.bests.items()}
        better |= {Cell(stop, level): best for level, best in one.swapped.items()}
        histories |= {
            (Cell(stop, level), symbols): history for (level, symbols), history in one.histories.items()
        }
    return _Together(paths, bests, better, histories)


class _Spans(NamedTuple):
    """The scenarios to choose and to judge on, under one daily stop; the kernel by which it was chosen, if it
    was. `named_stop` is that stop where it is another than the one of the search."""

    train: Scenario
    test: Scenario | None
    kernel: "Kernel | None"
    named_stop: Decimal | None

    @classmethod
    def under(
        cls, stop: Decimal, train: Scenario, test: Scenario | None, kernel: "Kernel | None"
    ) -> "_Spans":
        """Returns the same scenarios under a daily stop."""
        if stop == own_stop(train):
            return cls(train, test, kernel, None)
        other = test.under(stop) if test is not None else None
        return cls(train.under(stop), other, kernel.under(stop) if kernel is not None else None, stop)

    def simulated(self, symbols: Symbols, level: int) -> list[Simulated]:
        """Simulates what was chosen by the fold, which judges the kernel. Raises KernelDiffers."""
        simulations = self.train.simulations(symbols, level)
        if self.kernel is not None:
            agree(self.kernel, simulations)
        return simulations


class _Judge:
    """Measures how much of the best sets is luck, and how they do on the test span."""

    def __init__(
        self, spans: Mapping[Decimal, _Spans], histories: Mapping[_TriedSet, Floats], plan: SearchPlan
    ) -> None:
        self._spans, self._plan = spans, plan
        self._row_of = {tried: number for number, tried in enumerate(histories)}
        returns = np.array(list(histories.values()))
        self._tries = tries_among(returns)
        self._tried = TriedHistories(returns, seed=plan.seed)

    def judged(self, symbols: Symbols, cell: Cell) -> Metrics:
        """Measures a set as the fold simulates it. Raises KernelDiffers."""
        spans = self._spans[cell.daily_stop]
        return spans.train.mean_figures(spans.simulated(symbols, cell.max_positions))

    def cell_of(self, row: Winner) -> Cell:
        """Returns the limits of a row."""
        return Cell(row.daily_stop_loss or next(iter(self._spans)), row.max_positions)

    def dollars(self, symbols: Symbols, cell: Cell) -> Floats:
        """Returns the dollars of each day as the fold simulates the set, means. Raises KernelDiffers."""
        spans = self._spans[cell.daily_stop]
        simulations = spans.simulated(symbols, cell.max_positions)
        mean: Floats = np.mean([daily_pnl(one, spans.train.days) for one in simulations], axis=0)
        return mean

    def with_lots(self, row: Winner) -> Winner:
        """Returns the row with its spread over many drawings of lots, where the kernel can tell it."""
        kernel = self._spans[self.cell_of(row).daily_stop].kernel
        if kernel is None:
            return row
        return structs.replace(row, lots=spread(kernel, row.symbols, row.max_positions, self._plan.seed))

    def winner(self, cell: Cell, found: Visited, beside: "_Beside") -> Winner:
        """Judges greedy's best set under these limits, and names what was found beside it."""
        spans, seed, level = self._spans[cell.daily_stop], self._plan.seed, cell.max_positions
        train, test = spans.train, spans.test
        simulated = spans.simulated(found.symbols, level)
        tested = test.simulations(found.symbols, level) if test is not None else None
        return Winner(
            max_positions=level,
            symbols=found.symbols,
            train=found.metrics,
            test=test.mean_figures(tested) if test is not None and tested is not None else None,
            intervals=train.intervals(simulated, seed),
            test_intervals=test.intervals(tested, seed) if test is not None and tested is not None else None,
            reality_check=self._tried.check(self._row_of[cell, found.symbols]),
            deflated=train.deflated(simulated, self._tries, self._plan.variants),
            best_of_all=self._best_of_all(cell, beside.best) if beside.best is not None else None,
            by_swaps=self._by_swaps(cell, beside.swapped) if beside.swapped is not None else None,
            daily_stop_loss=cell.daily_stop if len(self._spans) > 1 else None,
            days=judged_days(*((tested[0], test) if tested and test else (simulated[0], train))),
        )

    def _best_of_all(self, cell: Cell, best: _Best) -> BestOfAll:
        symbols, metrics = best
        spans = self._spans[cell.daily_stop]
        if spans.kernel is not None:
            metrics = self.judged(symbols, cell)
        return BestOfAll(2 ** len(spans.train.symbols) - 1, symbols, metrics)

    def _by_swaps(self, cell: Cell, found: Swapped) -> Swapped:
        if self._spans[cell.daily_stop].kernel is None:
            return found
        return structs.replace(found, metrics=self.judged(found.symbols, cell))


class _Beside(NamedTuple):
    """What was found under the same limits beside greedy's best: the best of all sets, or that of swaps."""

    best: _Best | None
    swapped: Swapped | None


def closest(*paths: Mapping[int, Sequence[Visited]]) -> tuple[int, Visited]:
    """Returns the visited set with the lowest drawdown, and its number of positions."""
    each = [(level, visited) for one in paths for level, path in one.items() for visited in path]
    return min(each, key=lambda pair: (pair[1].metrics.max_dd, pair[0]))
