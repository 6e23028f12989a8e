"""The optimizer: searches on one span, judges the winners on the other, and measures how much is luck."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from portfold.research.search.evaluation import measuring, run_searches
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
from portfold.research.statistics.metrics import Metrics

FEASIBLE_TRADE_EVENTS = 10_000_000
"""By default all sets are measured where they have at most so many entries and exits: minutes, not hours."""
_SOON_DONE_TRADE_EVENTS = 500_000

AllSets = Literal["auto", "always", "never"]
_Best = tuple[Symbols, Metrics]


class SearchPlan(Struct, frozen=True):
    """The search to run: numbers of positions, constraints, whether over all sets, in how many processes."""

    levels: Sequence[int]
    constraints: Constraints
    all_sets: AllSets
    jobs: int
    seed: int


class SearchExtent(Struct, frozen=True):
    """How many sets are to be measured, whether these are all sets, and how many all would be."""

    measured: int
    all_sets: bool
    of_all: int


class Optimized(Struct, frozen=True):
    """The `rows`, best first; the greedy `paths` by number of positions; the number of sets tried."""

    rows: tuple[Winner, ...]
    paths: dict[int, tuple[Visited, ...]]
    tries: int


def extent(scenario: Scenario, plan: SearchPlan) -> SearchExtent:
    """Counts the sets that the plan measures."""
    of_all = len(plan.levels) * (2 ** len(scenario.symbols) - 1)
    few = _trade_events_of_all_sets(scenario) * len(plan.levels) <= FEASIBLE_TRADE_EVENTS
    if plan.all_sets == "always" or (plan.all_sets == "auto" and few):
        return SearchExtent(of_all, all_sets=True, of_all=of_all)
    measured = len(plan.levels) * sets_greedy_measures(len(scenario.symbols))
    return SearchExtent(measured, all_sets=False, of_all=of_all)


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
) -> Optimized:
    """Searches on `train`, reusing what the resume log knows.

    Calls `on_progress` with the number of measurements so far.

    Raises ResearchError where a process that measures was ended from outside.
    """
    every = extent(train, plan)
    events = 2 * len(train.timeline.trades) * every.measured // 2
    jobs = plan.jobs if events > _SOON_DONE_TRADE_EVENTS else 1
    with measuring(train, jobs) as submit:
        paths = run_searches(
            {level: greedy(train.symbols) for level in plan.levels}, submit, resume_log, on_progress
        )
        bests: Mapping[int, _Best | None] = {}
        if every.all_sets:
            searches = {level: exhaustive(train.symbols, plan.constraints) for level in plan.levels}
            bests = run_searches(searches, submit, resume_log, on_progress)
    tried = [
        figures.sharpe
        for level, path in paths.items()
        for symbols in sorted(tried_by(path))
        if (figures := resume_log.known(level, symbols)) is not None
    ]
    rows = [
        _winner(train, test, level, best, bests.get(level), tried, plan.seed)
        for level, path in paths.items()
        if (best := best_of(path, plan.constraints)) is not None
    ]
    rows.sort(key=lambda row: (-row.train.sharpe, row.max_positions))
    return Optimized(tuple(rows), {level: tuple(path) for level, path in paths.items()}, len(tried))


def _winner(
    train: Scenario,
    test: Scenario | None,
    level: int,
    found: Visited,
    best: _Best | None,
    tried: Sequence[float],
    seed: int,
) -> Winner:
    simulated = train.simulate(found.symbols, level)
    return Winner(
        max_positions=level,
        symbols=found.symbols,
        train=found.metrics,
        test=test.measure(found.symbols, level) if test is not None else None,
        intervals=train.intervals(simulated, seed),
        deflated=train.deflated(simulated, tried),
        best_of_all=BestOfAll(2 ** len(train.symbols) - 1, *best) if best is not None else None,
    )


def closest(paths: Mapping[int, Sequence[Visited]]) -> tuple[int, Visited]:
    """Returns the visited set with the lowest drawdown, and its number of positions."""
    each = [(level, visited) for level, path in paths.items() for visited in path]
    return min(each, key=lambda pair: (pair[1].metrics.max_dd, pair[0]))
