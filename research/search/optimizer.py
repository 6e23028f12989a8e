"""The optimizer: searches on one span, judges the winners on the other, and measures how much is luck."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from msgspec import Struct

from portfold.research.kernel.available import UseKernel, kernel_of, surveyed_sets, why_not
from portfold.research.kernel.judging import agree
from portfold.research.search.all_sets import AllSets as AllSetsFound
from portfold.research.search.all_sets import Objective
from portfold.research.search.evaluation import Histories, complete, keeping, measuring, run_searches
from portfold.research.search.findings import BestOfAll, Winner
from portfold.research.search.grid import Cell, own_stop
from portfold.research.search.judged_days import judged_days
from portfold.research.search.resume_log import Known, ResumeLog
from portfold.research.search.search import (
    Constraints,
    Symbols,
    Visited,
    best_of,
    exhaustive,
    greedy,
    sets_greedy_measures,
    tried_by,
)
from portfold.research.simulate.scenario import Scenario
from portfold.research.simulate.simulator import Simulated
from portfold.research.statistics.clusters import tries_among
from portfold.research.statistics.metrics import Floats, Metrics
from portfold.research.statistics.reality_check import TriedHistories

if TYPE_CHECKING:
    from portfold.research.kernel.kernel import Kernel

FEASIBLE_TRADE_EVENTS = 10_000_000
"""By default all sets are measured where they have at most so many entries and exits: minutes, not hours."""
FEASIBLE_COMPILED_TRADE_EVENTS = 5_000_000_000
"""The same at compiled speed: two minutes or so."""
_SOON_DONE_TRADE_EVENTS = 500_000

AllSets = Literal["auto", "always", "never"]
_Best = tuple[Symbols, Metrics]
_TriedSet = tuple[Cell, Symbols]


class SearchPlan(Struct, frozen=True):
    """The search to run: numbers of positions, constraints, whether over all sets, in how many processes.

    Each symbol's file was the best of so many `variants`, as far as the user said. `kernel`: whether sets are
    simulated at compiled speed; by default where that is worth compiling. `stops` are the daily stops, each
    searched with every number of positions; without any it is that of the scenario.
    """

    levels: Sequence[int]
    constraints: Constraints
    all_sets: AllSets
    jobs: int
    seed: int
    variants: int = 1
    kernel: UseKernel = "auto"
    objective: Objective = "sharpe"
    stops: Sequence[Decimal] = ()

    @property
    def cells(self) -> int:
        """Counts the cells of the grid."""
        return len(self.levels) * max(1, len(self.stops))

    def stops_of(self, scenario: Scenario) -> tuple[Decimal, ...]:
        """Returns the daily stops to search, that of the scenario first."""
        own = own_stop(scenario)
        return (own, *(stop for stop in self.stops if stop != own))


class SearchExtent(Struct, frozen=True):
    """How many sets are to be measured, whether these are all sets, and how many all would be."""

    measured: int
    all_sets: bool
    of_all: int


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


def extent(scenario: Scenario, plan: SearchPlan) -> SearchExtent:
    """Counts the sets that the plan measures."""
    of_all = plan.cells * (2 ** len(scenario.symbols) - 1)
    feasible = FEASIBLE_COMPILED_TRADE_EVENTS if by_kernel(scenario, plan) else FEASIBLE_TRADE_EVENTS
    few = _trade_events_of_all_sets(scenario) * plan.cells <= feasible
    if plan.all_sets == "always" or (plan.all_sets == "auto" and few):
        return SearchExtent(of_all, all_sets=True, of_all=of_all)
    measured = plan.cells * sets_greedy_measures(len(scenario.symbols))
    return SearchExtent(measured, all_sets=False, of_all=of_all)


def by_kernel(scenario: Scenario, plan: SearchPlan) -> bool:
    """Returns whether the sets are simulated at compiled speed. What is found the fold judges."""
    if plan.kernel == "never" or why_not(scenario):
        return False
    measured = plan.cells * sets_greedy_measures(len(scenario.symbols))
    return plan.kernel == "always" or len(scenario.timeline.trades) * measured > _SOON_DONE_TRADE_EVENTS


def _trade_events_of_all_sets(scenario: Scenario) -> int:
    """Counts the entries and exits of all sets together: each symbol is in half of the sets."""
    half: int = 2 ** (len(scenario.symbols) - 1)
    return 2 * len(scenario.timeline.trades) * half


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
    paths, bests, histories = _together(found)
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
        judge.winner(cell, best, bests.get(cell))
        for cell, path in paths.items()
        if (best := best_of(path, plan.constraints)) is not None
    ]
    rows.sort(key=lambda row: (-row.train.sharpe, row.max_positions, row.daily_stop_loss or 0))
    of_all = surveyed.found(plan.objective, judge.judged) if surveyed is not None else None
    first, *others = found
    ways = {f"{own_stop(one.spans.train):f}": one.paths for one in others}
    return Optimized(tuple(rows), first.paths, len(histories), of_all, ways)


class _Found(NamedTuple):
    """What a search under one daily stop found: by number of positions, and the daily returns of the sets."""

    spans: "_Spans"
    paths: dict[int, tuple[Visited, ...]]
    bests: Mapping[int, _Best | None]
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
    jobs = plan.jobs if events > _SOON_DONE_TRADE_EVENTS else 1
    known: Known = resume_log.under(spans.named_stop)
    histories: Histories = {}
    bests: Mapping[int, _Best | None] = {}
    with measuring(scenario, jobs, spans.kernel) as submit:
        greedily = {level: greedy(scenario.symbols) for level in plan.levels}
        paths = run_searches(greedily, keeping(histories, submit.both), known, on_progress)
        if every.all_sets and spans.kernel is None:
            searches = {level: exhaustive(scenario.symbols, plan.constraints) for level in plan.levels}
            bests = run_searches(searches, submit.measure, known, on_progress)
        sets = [(level, symbols) for level, path in paths.items() for symbols in sorted(tried_by(path))]
        complete(histories, sets, submit.returns)
    ways = {level: tuple(path) for level, path in paths.items()}
    return _Found(spans, ways, bests, {tried: histories[tried] for tried in sets})


class _Together(NamedTuple):
    """What all searches found, by the cells of the grid."""

    paths: dict[Cell, tuple[Visited, ...]]
    bests: Mapping[Cell, _Best | None]
    histories: dict[_TriedSet, Floats]


def _together(found: Sequence[_Found]) -> _Together:
    paths: dict[Cell, tuple[Visited, ...]] = {}
    bests: dict[Cell, _Best | None] = {}
    histories: dict[_TriedSet, Floats] = {}
    for one in found:
        stop = own_stop(one.spans.train)
        paths |= {Cell(stop, level): path for level, path in one.paths.items()}
        bests |= {Cell(stop, level): best for level, best in one.bests.items()}
        histories |= {
            (Cell(stop, level), symbols): history for (level, symbols), history in one.histories.items()
        }
    return _Together(paths, bests, histories)


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

    def winner(self, cell: Cell, found: Visited, best: _Best | None) -> Winner:
        """Judges the best set under these limits."""
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
            best_of_all=self._best_of_all(cell, best) if best is not None else None,
            daily_stop_loss=cell.daily_stop if len(self._spans) > 1 else None,
            days=judged_days(*((tested[0], test) if tested and test else (simulated[0], train))),
        )

    def _best_of_all(self, cell: Cell, best: _Best) -> BestOfAll:
        symbols, metrics = best
        spans = self._spans[cell.daily_stop]
        if spans.kernel is not None:
            metrics = self.judged(symbols, cell)
        return BestOfAll(2 ** len(spans.train.symbols) - 1, symbols, metrics)


def closest(*paths: Mapping[int, Sequence[Visited]]) -> tuple[int, Visited]:
    """Returns the visited set with the lowest drawdown, and its number of positions."""
    each = [(level, visited) for one in paths for level, path in one.items() for visited in path]
    return min(each, key=lambda pair: (pair[1].metrics.max_dd, pair[0]))
