"""`portfold research optimize`: which symbols to trade, how many at once, within the broker's bounds."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.exits import Failure, Unusable
from portfold.cli.research.found import (
    extent_line,
    found_lines,
    interrupted_line,
    kernel_lines,
    nothing_valid,
    partial_line,
    refused_test,
    spans_lines,
    stops_lines,
    without_greedys_lines,
)
from portfold.cli.research.given import Dollars, Given, Positions
from portfold.cli.research.printing import print_lines, read_lines, rules_line, sessions_lines
from portfold.cli.symbols import Symbols
from portfold.cli.workplace import Workplace

if TYPE_CHECKING:
    from portfold.cli.research.given import KnownSpan, Loaded
    from portfold.research.search.findings import Findings, Judged, Winner
    from portfold.research.search.optimizer import Optimized
    from portfold.research.search.plan import SearchPlan
    from portfold.research.simulate.scenario import Scenario
    from portfold.research.trades.trading_days import Chosen, DaySpan

_GIVEN = Given()


@Parameter(name="*", group="What is sought")
@dataclass(frozen=True)
class Sought:
    """The options of what a set has to keep to."""

    min_positions: Positions = 1
    """The smallest number of positions open at once."""

    max_positions: Positions = 5
    """The largest."""

    max_dd_limit: Dollars = 9000
    """Dollars that the drawdown has to stay below."""

    tries: Annotated[int, Parameter(validator=Number(gte=1, lte=1_000_000))] = 1
    """How many variants each symbol's file was chosen from before, where no more are on record: the deflated
    Sharpe counts them."""

    max_breach_events: Annotated[int, Parameter(validator=Number(gte=0))] = 2
    """How often it may come to the broker's limit."""

    daily_stops: Symbols = ()
    """Several daily stops, as 1500,2500: each is searched with every number of positions."""

    objective: Literal["sharpe", "return", "drawdown"] = "sharpe"
    """By which figure the best of all sets is the best, where the kernel looks at all."""


@Parameter(name="*", group="On which days")
@dataclass(frozen=True)
class DaysApart:
    """The options of the days to choose on, and of those to judge on."""

    train_from: date | None = None
    """The first trading day to choose on, as 2022-01-03."""

    train_to: date | None = None
    """The last one."""

    test_from: date | None = None
    """The first trading day to judge on. Without a test span it is judged on the days it was chosen on."""

    test_to: date | None = None
    """The last one."""


_SOUGHT = Sought()
_DAYS = DaysApart()
_WORKPLACE = Workplace()


def register(app: App) -> None:
    """Adds the command."""
    app.command(optimize)


def optimize(
    *,
    sought: Sought = _SOUGHT,
    days: DaysApart = _DAYS,
    exhaustive: Literal["auto", "always", "never"] = "auto",
    kernel: Literal["auto", "always", "never"] = "auto",
    output: Path | None = None,
    given: Given = _GIVEN,
    workplace: Workplace = _WORKPLACE,
) -> None:
    """Search for the best set of symbols, for each number of positions.

    Greedy: starts with all symbols and drops the one whose removal lowers
    the drawdown most, down to one; the valid set with the highest Sharpe is
    the best. Interrupted, the same command goes on where it was; while it
    looks at all sets, Ctrl-C ends that with what was looked at so far.

    Exit code 1 when no set keeps to the constraints.

    For example:

        portfold research optimize --train-to 2023-12-31 --test-from 2024-01-01

    Parameters
    ----------
    exhaustive
        Look at all sets as well, to say how far greedy is from the best: where that is a matter of minutes,
        always, or never. Where there are too many, greedy's best sets are improved by swaps, but not with
        never.
    kernel
        Simulate at compiled speed (numba) what is only looked at: where that is worth it, always, or never.
        The fold judges what is found.
    output
        The table to write; by default greedy_optimization_results.csv in the folder of results.
    """
    from portfold.cli.research.extra import needs_extra

    needs_extra()
    from portfold.cli.research.given import levels, stops_in
    from portfold.research.search.plan import SearchPlan
    from portfold.research.search.search import Constraints
    from portfold.research.trades.trading_days import DaySpan

    stops = stops_in(sought.daily_stops)
    if stops:
        given = replace(given, daily_stop_loss=float(stops[0]))
    plan = SearchPlan(
        levels=levels(sought.min_positions, sought.max_positions),
        constraints=Constraints(sought.max_dd_limit, sought.max_breach_events),
        all_sets=exhaustive,
        place=workplace.place(),
        seed=given.seed,
        kernel=kernel,
        objective=sought.objective,
        stops=stops,
    )
    judged = DaySpan(days.test_from, days.test_to) if days.test_from or days.test_to else None
    _run(given, plan, DaySpan(days.train_from, days.train_to), judged, output, sought.tries)


def _run(
    given: Given,
    plan: "SearchPlan",
    train: "DaySpan",
    test: "DaySpan | None",
    output: Path | None,
    tries: int,
) -> None:
    from msgspec import structs

    from portfold.research.trades.trading_days import apart

    if test is not None:
        apart(train, test)
    loaded = given.load()
    print_lines(read_lines(loaded))
    plan = structs.replace(plan, variants=loaded.variants(tries))
    learned = loaded.known_of(loaded.chosen(train))
    judged = loaded.known_of(loaded.chosen(test)) if test is not None else None
    if judged is not None and judged.seen:
        raise Unusable(refused_test(judged.seen))
    print_lines(spans_lines(learned, judged), [rules_line(loaded)], stops_lines(plan.stops))
    scenario = loaded.scenario(learned.chosen)
    table = output or given.results_dir / "greedy_optimization_results.csv"
    other = loaded.scenario(judged.chosen) if judged is not None else None
    optimized = _searched(scenario, other, plan, table)
    spans = (
        _judged(learned, scenario),
        _judged(judged, other) if judged is not None and other is not None else None,
    )
    looks = _looked(given.results_dir, judged.chosen if judged is not None else None)
    findings = _written(loaded, plan, spans, optimized, table, looks)
    best = optimized.best_of_all
    of_all = list(_of_all_lines(findings, best, table))
    if not optimized.rows and best is None:
        raise Failure(nothing_valid(plan, optimized))
    print_lines(found_lines(findings) if findings.rows else without_greedys_lines(findings))
    if findings.rows:
        print_lines([f"Written: {table}, and more on it in {table.name}.json"])
        print_lines([f"A page of it: portfold research report --results {shlex.quote(str(table))}"])
    print_lines(of_all)
    if optimized.partial:
        raise KeyboardInterrupt


def _of_all_lines(findings: "Findings", best: "Winner | None", table: Path) -> Iterator[str]:
    """Writes the best of all sets as a table of its own, which export and report take, and says so; removes
    that of an earlier search where there is none.
    """
    from portfold.research.search.findings import (
        findings_file,
        findings_of_all,
        table_of_all,
        write_findings,
    )
    from portfold.research.search.tables import greedy_table
    from portfold.research.trades.whole_files import write_whole

    of_all = table_of_all(table)
    if best is None:
        for path in (of_all, findings_file(of_all)):
            path.unlink(missing_ok=True)
        return
    content = greedy_table([(best.max_positions, best.symbols, best.train)], [best.daily_stop_loss])
    write_whole(of_all, content)
    write_findings(of_all, findings_of_all(findings, best, content))
    named = shlex.quote(str(of_all))
    of = findings.sets_in_words(best)
    yield f"The best of {of} is a table of its own, for report and export: --results {named}"


def _judged(span: "KnownSpan", scenario: "Scenario") -> "Judged":
    from portfold.research.search.findings import Judged

    return Judged.of(span.chosen, scenario.digest(), span.seen, span.short, span.filters)


def _looked(results_dir: Path, judged: "Chosen | None") -> int | None:
    """Puts the look at the test span on record before anything of it is shown, and returns its number."""
    from portfold.research.search.looks import record_look

    if judged is None:
        return None
    return record_look(results_dir, "optimize", judged.days[0], judged.days[-1])


def _searched(scenario: "Scenario", test: "Scenario | None", plan: "SearchPlan", table: Path) -> "Optimized":
    """Searches with a resume log beside the table; it is gone when the search is over."""
    from portfold.cli.progress import progress
    from portfold.research.kernel.judging import KernelDiffers
    from portfold.research.search.optimizer import optimize
    from portfold.research.search.plan import extent
    from portfold.research.search.resume_log import ResumeLog
    from portfold.research.trades.whole_files import write_whole

    every = extent(scenario, plan)
    searched = [extent_line(every, plan), *kernel_lines(scenario, plan)]
    print_lines(sessions_lines(scenario), searched)
    with ResumeLog(table.with_suffix(".search"), scenario.digest()) as resume_log:
        if resume_log.found:
            print_lines([f"Going on with {resume_log.found:,} sets measured before, from {resume_log.path}."])
        try:
            known = resume_log.found
            with progress(
                "Searching", every.measured + every.swaps, "sets", done_before=known
            ) as on_progress:
                say = partial(print_lines, [partial_line()])
                optimized = optimize(scenario, test, plan, resume_log, on_progress, say)
        except KeyboardInterrupt:
            print_lines([interrupted_line(resume_log)])
            raise
        except KernelDiffers as differs:
            kept = table.with_suffix(".differs.json")
            write_whole(kept, differs.case.decode())
            raise Failure(f"{differs} The case is kept in {kept}.") from differs
        if not optimized.partial:
            resume_log.discard()
    return optimized


def _written(
    loaded: "Loaded",
    plan: "SearchPlan",
    spans: "tuple[Judged, Judged | None]",
    optimized: "Optimized",
    table: Path,
    looks: int | None,
) -> "Findings":
    """Writes the table and what lies beside it."""
    from importlib.metadata import version

    from portfold.research.search.findings import Findings, hash_of, write_findings
    from portfold.research.search.tables import greedy_table
    from portfold.research.trades.whole_files import write_whole

    content = greedy_table(
        ((row.max_positions, row.symbols, row.train) for row in optimized.rows),
        [row.daily_stop_loss for row in optimized.rows],
    )
    findings = Findings(
        table=hash_of(content),
        version=version("portfold"),
        setting=loaded.setting,
        constraints=plan.constraints,
        train=spans[0],
        test=spans[1],
        rows=optimized.rows,
        paths=optimized.paths,
        tries=optimized.tries,
        looks=looks,
        parameters_tried=loaded.tried,
        all_sets=optimized.all_sets,
        paths_under=optimized.paths_under,
    )
    write_whole(table, content)
    write_findings(table, findings)
    return findings
