"""The optimizer: searches on one span, judges the winners on the other, and measures how much is luck."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct, structs

from portfold.pieces.place import HERE, Place
from portfold.research.kernel.anew import judged_anew
from portfold.research.kernel.available import kernel_of, surveyed_sets
from portfold.research.search.all_sets import AllSets as AllSetsFound
from portfold.research.search.all_sets import SurveyedSets
from portfold.research.search.evaluation import Histories, complete, keeping, measuring, run_searches
from portfold.research.search.findings import Winner
from portfold.research.search.grid import Cell, own_stop
from portfold.research.search.judged.judge import Beside, Best, Judge, Spans, TriedSet, scenarios_of
from portfold.research.search.plan import SOON_DONE_TRADE_EVENTS, SearchExtent, SearchPlan, by_kernel, extent
from portfold.research.search.resume_log import Known, ResumeLog
from portfold.research.search.search import (
    Search,
    Visited,
    best_of,
    exhaustive,
    greedy,
    tried_by,
)
from portfold.research.search.swaps import Swapped, swapped
from portfold.research.simulate.scenario import Scenario
from portfold.research.statistics.metrics import Floats


class Optimized(Struct, frozen=True):
    """The `rows`, best first; the greedy `paths` by number of positions; the number of sets tried; what all
    sets come to, where the kernel looked at all; the paths under other daily stops than the scenario's; and
    the best of all sets, judged as a row is."""

    rows: tuple[Winner, ...]
    paths: dict[int, tuple[Visited, ...]]
    tries: int
    all_sets: AllSetsFound | None = None
    paths_under: dict[str, dict[int, tuple[Visited, ...]]] = {}
    best_of_all: Winner | None = None

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
    under = [Spans.under(stop, train, test, kernel) for stop in plan.stops_of(train)]
    spans = {own_stop(one.train): one for one in under}
    found = [_searched(one, plan, every, resume_log, on_progress) for one in under]
    paths, bests, better, histories = _together(found)
    surveyed = None
    if every.all_sets and kernel is not None:
        before = len(resume_log.tried)
        kernels = [one.kernel for one in under if one.kernel is not None]
        surveyed = surveyed_sets(
            kernels, plan.levels, plan.constraints, lambda done: on_progress(before + done), plan.place
        )
        if surveyed.partial:
            on_interrupted()
        else:
            bests = {cell: surveyed.best_by_sharpe(cell) for cell in paths}
    with _judges_at(plan, train).working(scenarios_of(spans)) as pieces:
        judge = Judge(spans, histories, plan, pieces)
        rows = _rows(judge, plan, paths, bests, better)
        of_all = _of_all(judge, surveyed, plan, rows, train.days) if surveyed is not None else None
        best_of_all = _best_of_all(judge, of_all, own_stop(train)) if of_all is not None else None
    first, *others = found
    ways = {f"{own_stop(one.spans.train):f}": one.paths for one in others}
    return Optimized(tuple(rows), first.paths, len(histories), of_all, ways, best_of_all)


def _rows(
    judge: "Judge",
    plan: SearchPlan,
    paths: "Mapping[Cell, Sequence[Visited]]",
    bests: Mapping[Cell, Best | None],
    better: Mapping[Cell, Swapped],
) -> list[Winner]:
    """Judges greedy's best set of each cell, and what was found beside it; the best first."""
    each = {cell: best_of(path, plan.constraints) for cell, path in paths.items()}
    winners = {cell: best for cell, best in each.items() if best is not None}
    judge.ask_winners([(best.symbols, cell) for cell, best in winners.items()])
    rows = [
        judge.winner(cell, best, Beside(bests.get(cell), better.get(cell))) for cell, best in winners.items()
    ]
    rows.sort(key=lambda row: (-row.train.sharpe, row.max_positions, row.daily_stop_loss or 0))
    if rows:
        rows[0] = judge.with_lots(rows[0])
    return rows


def _of_all(
    judge: "Judge", surveyed: SurveyedSets, plan: SearchPlan, rows: Sequence[Winner], days: Sequence[str]
) -> AllSetsFound:
    """Judges what was found among all sets."""
    of_all = surveyed.found(plan.objective, judge.judged, judge.ask)
    if not rows:
        return of_all
    winner, chosen = (rows[0].symbols, judge.cell_of(rows[0])), list(surveyed.chosen_anew())
    judge.ask([winner, *((one.symbols, one.cell) for one in chosen if one.cell is not None)])
    return structs.replace(of_all, anew=judged_anew(chosen, days, judge.dollars, winner))


def _best_of_all(judge: Judge, found: AllSetsFound, own: Decimal) -> Winner | None:
    """Judges the best of all sets, as greedy's best are; None where none is valid."""
    best = found.best
    if best is None:
        return None
    cell = Cell(best.daily_stop_loss or own, best.max_positions)
    return judge.best_of_all(cell, best.symbols, found.sets)


def _judges_at(plan: SearchPlan, train: Scenario) -> Place:
    """Returns where the fold judges: processes only where they are worth their beginning."""
    events = 2 * len(train.timeline.trades) * len(train.drawings) * plan.cells
    return plan.place if plan.place.cluster or events > SOON_DONE_TRADE_EVENTS else HERE


class _Found(NamedTuple):
    """What a search under one daily stop found: by number of positions, and the daily returns of the sets."""

    spans: "Spans"
    paths: dict[int, tuple[Visited, ...]]
    bests: Mapping[int, Best | None]
    swapped: Mapping[int, Swapped]
    histories: Histories


def _searched(
    spans: "Spans",
    plan: SearchPlan,
    every: SearchExtent,
    resume_log: ResumeLog,
    on_progress: Callable[[int], object],
) -> _Found:
    """Searches greedily under one daily stop; over all sets as well where the fold is to look at all."""
    scenario = spans.train
    events = 2 * len(scenario.timeline.trades) * every.measured // 2
    place = plan.place if plan.place.cluster or events > SOON_DONE_TRADE_EVENTS else HERE
    known: Known = resume_log.under(spans.named_stop)
    histories: Histories = {}
    bests: Mapping[int, Best | None] = {}
    better: Mapping[int, Swapped] = {}
    with measuring(scenario, place) if spans.kernel is None else measuring(spans.kernel, HERE) as submit:
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
    bests: Mapping[Cell, Best | None]
    swapped: Mapping[Cell, Swapped]
    histories: dict[TriedSet, Floats]


def _together(found: Sequence[_Found]) -> _Together:
    paths: dict[Cell, tuple[Visited, ...]] = {}
    bests: dict[Cell, Best | None] = {}
    better: dict[Cell, Swapped] = {}
    histories: dict[TriedSet, Floats] = {}
    for one in found:
        stop = own_stop(one.spans.train)
        paths |= {Cell(stop, level): path for level, path in one.paths.items()}
        bests |= {Cell(stop, level): best for level, best in one.bests.items()}
        better |= {Cell(stop, level): best for level, best in one.swapped.items()}
        histories |= {
            (Cell(stop, level), symbols): history for (level, symbols), history in one.histories.items()
        }
    return _Together(paths, bests, better, histories)


def closest(*paths: Mapping[int, Sequence[Visited]]) -> tuple[int, Visited]:
    """Returns the visited set with the lowest drawdown, and its number of positions."""
    each = [(level, visited) for one in paths for level, path in one.items() for visited in path]
    return min(each, key=lambda pair: (pair[1].metrics.max_dd, pair[0]))
