"""The optimizer: searches on one span, judges the winners on the other, and measures how much is luck."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from msgspec import Struct

from portfold.research.kernel.available import UseKernel, kernel_of, surveyed_sets, why_not
from portfold.research.kernel.judging import agree
from portfold.research.search.all_sets import AllSets as AllSetsFound
from portfold.research.search.all_sets import Objective
from portfold.research.search.evaluation import Histories, complete, keeping, measuring, run_searches
from portfold.research.search.findings import BestOfAll, Winner
from portfold.research.search.resume_log import ResumeLog
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
_TriedSet = tuple[int, Symbols]


class SearchPlan(Struct, frozen=True):
    """The search to run: numbers of positions, constraints, whether over all sets, in how many processes.

    Each symbol's file was the best of so many `variants`, as far as the user said. `kernel`: whether sets are
    simulated at compiled speed; by default where that is worth compiling.
    """

    levels: Sequence[int]
    constraints: Constraints
    all_sets: AllSets
    jobs: int
    seed: int
    variants: int = 1
    kernel: UseKernel = "auto"
    objective: Objective = "sharpe"


class SearchExtent(Struct, frozen=True):
    """How many sets are to be measured, whether these are all sets, and how many all would be."""

    measured: int
    all_sets: bool
    of_all: int


class Optimized(Struct, frozen=True):
    """The `rows`, best first; the greedy `paths` by number of positions; the number of sets tried; what all
    sets come to, where the kernel looked at all."""

    rows: tuple[Winner, ...]
    paths: dict[int, tuple[Visited, ...]]
    tries: int
    all_sets: AllSetsFound | None = None

    @property
    def partial(self) -> bool:
        """Returns whether the look at all sets was interrupted."""
        return self.all_sets is not None and self.all_sets.there_are > 0


def extent(scenario: Scenario, plan: SearchPlan) -> SearchExtent:
    """Counts the sets that the plan measures."""
    of_all = len(plan.levels) * (2 ** len(scenario.symbols) - 1)
    feasible = FEASIBLE_COMPILED_TRADE_EVENTS if by_kernel(scenario, plan) else FEASIBLE_TRADE_EVENTS
    few = _trade_events_of_all_sets(scenario) * len(plan.levels) <= feasible
    if plan.all_sets == "always" or (plan.all_sets == "auto" and few):
        return SearchExtent(of_all, all_sets=True, of_all=of_all)
    measured = len(plan.levels) * sets_greedy_measures(len(scenario.symbols))
    return SearchExtent(measured, all_sets=False, of_all=of_all)


def by_kernel(scenario: Scenario, plan: SearchPlan) -> bool:
    """Returns whether the sets are simulated at compiled speed. What is found the fold judges."""
    if plan.kernel == "never" or why_not(scenario):
        return False
    measured = len(plan.levels) * sets_greedy_measures(len(scenario.symbols))
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
    events = 2 * len(train.timeline.trades) * every.measured // 2
    jobs = plan.jobs if events > _SOON_DONE_TRADE_EVENTS else 1
    kernel = kernel_of(train) if by_kernel(train, plan) else None
    histories: Histories = {}
    with measuring(train, jobs, kernel) as submit:
        keep = keeping(histories, submit.both)
        paths = run_searches(
            {level: greedy(train.symbols) for level in plan.levels}, keep, resume_log, on_progress
        )
        bests: Mapping[int, _Best | None] = {}
        surveyed = None
        if every.all_sets and kernel is not None:
            before = len(resume_log.tried)
            surveyed = surveyed_sets(
                kernel, plan.levels, plan.constraints, lambda done: on_progress(before + done)
            )
            if surveyed.partial:
                on_interrupted()
            else:
                bests = {level: surveyed.best_by_sharpe(level) for level in plan.levels}
        elif every.all_sets:
            searches = {level: exhaustive(train.symbols, plan.constraints) for level in plan.levels}
            bests = run_searches(searches, submit.measure, resume_log, on_progress)
        sets = [(level, symbols) for level, path in paths.items() for symbols in sorted(tried_by(path))]
        complete(histories, sets, submit.returns)
    returns = [histories[tried] for tried in sets]
    spans = _Spans(train, test, kernel)
    judge = _Judge(spans, sets, returns, plan)
    rows = [
        judge.winner(level, best, bests.get(level))
        for level, path in paths.items()
        if (best := best_of(path, plan.constraints)) is not None
    ]
    rows.sort(key=lambda row: (-row.train.sharpe, row.max_positions))
    of_all = surveyed.found(plan.objective, spans.judged) if surveyed is not None else None
    ways = {level: tuple(path) for level, path in paths.items()}
    return Optimized(tuple(rows), ways, len(sets), of_all)


class _Spans(NamedTuple):
    """The scenarios to choose and to judge on; the kernel by which it was chosen, if it was."""

    train: Scenario
    test: Scenario | None
    kernel: "Kernel | None"

    def simulated(self, symbols: Symbols, level: int) -> list[Simulated]:
        """Simulates what was chosen by the fold, which judges the kernel. Raises KernelDiffers."""
        simulations = self.train.simulations(symbols, level)
        if self.kernel is not None:
            agree(self.kernel, simulations)
        return simulations

    def judged(self, symbols: Symbols, level: int) -> Metrics:
        """Measures a set as the fold simulates it. Raises KernelDiffers."""
        return self.train.mean_figures(self.simulated(symbols, level))


class _Judge:
    """Measures how much of the best sets is luck, and how they do on the test span."""

    def __init__(
        self, spans: _Spans, sets: Sequence[_TriedSet], returns: Sequence[Floats], plan: SearchPlan
    ) -> None:
        self._spans, self._plan = spans, plan
        self._row_of = {tried: number for number, tried in enumerate(sets)}
        self._tries = tries_among(np.array(returns))
        self._tried = TriedHistories(np.array(returns), seed=plan.seed)

    def winner(self, level: int, found: Visited, best: _Best | None) -> Winner:
        """Judges the best set of a number of positions."""
        train, test, seed = self._spans.train, self._spans.test, self._plan.seed
        simulated = self._spans.simulated(found.symbols, level)
        tested = test.simulations(found.symbols, level) if test is not None else None
        return Winner(
            max_positions=level,
            symbols=found.symbols,
            train=found.metrics,
            test=test.mean_figures(tested) if test is not None and tested is not None else None,
            intervals=train.intervals(simulated, seed),
            test_intervals=test.intervals(tested, seed) if test is not None and tested is not None else None,
            reality_check=self._tried.check(self._row_of[level, found.symbols]),
            deflated=train.deflated(simulated, self._tries, self._plan.variants),
            best_of_all=self._best_of_all(level, best) if best is not None else None,
        )

    def _best_of_all(self, level: int, best: _Best) -> BestOfAll:
        symbols, metrics = best
        if self._spans.kernel is not None:
            metrics = self._spans.judged(symbols, level)
        return BestOfAll(2 ** len(self._spans.train.symbols) - 1, symbols, metrics)


def closest(paths: Mapping[int, Sequence[Visited]]) -> tuple[int, Visited]:
    """Returns the visited set with the lowest drawdown, and its number of positions."""
    each = [(level, visited) for level, path in paths.items() for visited in path]
    return min(each, key=lambda pair: (pair[1].metrics.max_dd, pair[0]))
