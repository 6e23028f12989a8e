"""What a search found, in words: the best sets, how much of it is luck, how it did on the other days."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from portfold.cli.research.printing import (
    SHARPE_LINE,
    drawdown_head,
    drawdown_lines,
    ends,
    forced_lines,
    lots,
    lots_line,
    money,
    number,
    percent,
    ratio,
    span_lines,
)
from portfold.cli.rows import in_columns
from portfold.dollars import shown_limit

if TYPE_CHECKING:
    from decimal import Decimal

    from portfold.cli.research.given import KnownSpan
    from portfold.research.search.all_sets import AllSets
    from portfold.research.search.findings import Findings, Winner
    from portfold.research.search.optimizer import Optimized
    from portfold.research.search.plan import SearchExtent, SearchPlan
    from portfold.research.search.resume_log import ResumeLog
    from portfold.research.search.swaps import Swapped
    from portfold.research.simulate.scenario import Scenario
    from portfold.research.statistics.intervals import Intervals
    from portfold.research.statistics.metrics import Metrics
    from portfold.research.statistics.significance import Deflated
    from portfold.research.trades.in_sample import InSampleTrades

_HEADS = (
    "Pos",
    "Sharpe",
    "Lots",
    "$ Sharpe",
    "CAGR/vol",
    "CAGR",
    "Return",
    "MaxDD",
    "Breaches",
    "Stops",
    "Symbols",
)
_TEST_HEADS = ("Test Sharpe", "$ Sharpe", "Return", "MaxDD")
_FRONT_HEADS = ("Pos", "Sharpe", "Return", "MaxDD", "Symbols")
_SMALLEST = 0.001
_SYMBOLS = _HEADS.index("Symbols")


def spans_lines(learned: "KnownSpan", judged: "KnownSpan | None") -> Iterator[str]:
    """Yields on which days it is chosen and judged, and what is known of their trades."""
    yield from span_lines("Chosen on", learned, "--train-from")
    if judged is not None:
        yield from span_lines("Judged on", judged, "--test-from")
    else:
        yield "Judged on the same days: expect less of it. --train-to and --test-from judge it on others."


def refused_test(seen: "Sequence[InSampleTrades]") -> str:
    """Says that a test span in which a model has been trained judges nothing, and where one may begin."""
    from portfold.research.trades.in_sample import in_words

    last = max(counted.last_day for counted in seen)
    return (
        f"--test-from: expected a day after {last}, as a span that a model was trained on judges nothing: "
        f"{in_words(seen)}. Such days may be chosen on (--train-from, --train-to)."
    )


def stops_lines(stops: "Sequence[Decimal]") -> Iterator[str]:
    """Yields which daily stops are searched, where there are several."""
    if len(stops) > 1:
        yield f"Searched under {len(stops)} daily stops: {', '.join(map(shown_limit, stops))}."


def extent_line(extent: "SearchExtent", plan: "SearchPlan") -> str:
    """Says how much there is to do, and what is not done."""
    if extent.all_sets:
        each = "number of positions and daily stop" if len(plan.stops) > 1 else "number of positions"
        return f"Searching greedily, then all {extent.of_all // plan.cells:,} sets, for each {each}."
    swaps = ", then by swaps" if extent.swaps else ""
    return (
        f"Searching greedily: {extent.measured:,} of the {extent.of_all:,} sets there are{swaps}; "
        "--exhaustive always looks at all of them."
    )


def kernel_lines(scenario: "Scenario", plan: "SearchPlan") -> Iterator[str]:
    """Says by what the sets are simulated: the kernel, or, where it cannot be, the fold, and why."""
    from portfold.research.kernel.available import why_not
    from portfold.research.search.plan import by_kernel

    reason = why_not(scenario)
    if by_kernel(scenario, plan):
        yield "Simulated by the kernel; what is found, by the coordinator's fold as well, trade by trade."
    elif reason and plan.kernel != "never":
        yield f"Simulated by the coordinator's fold alone, which is slower: {reason}."


def interrupted_line(resume_log: "ResumeLog") -> str:
    """Says what is left of a search that was interrupted."""
    return (
        f"Interrupted. {len(resume_log.tried):,} sets are measured and kept in {resume_log.path}; the same "
        "command goes on from there."
    )


def partial_line() -> str:
    """Says at once what becomes of a look at all sets that was interrupted."""
    return "Interrupted: the fold judges what was found so far. Ctrl-C once more ends at once, without it."


def nothing_valid(plan: "SearchPlan", optimized: "Optimized") -> str:
    """Says that no set keeps to the constraints, and how near the nearest comes."""
    from portfold.research.search.optimizer import closest

    level, nearest = closest(optimized.paths, *optimized.paths_under.values())
    limits, found = plan.constraints, nearest.metrics
    return (
        f"No set of symbols keeps its drawdown below {money(limits.max_dd)} with at most "
        f"{limits.max_breach_events} breaches. The lowest drawdown is that of {', '.join(nearest.symbols)} "
        f"with {level} positions: {money(found.max_dd)}, {number(found.breach_events)} breaches. Allow more "
        "(--max-dd-limit, --max-breach-events), or less of a loss a day (--daily-stop-loss)."
    )


def found_lines(findings: "Findings") -> Iterator[str]:
    """Yields the table for people, and what is to be said of its first row."""
    from portfold.research.report.wording import counted
    from portfold.research.search import verdict

    best = findings.rows[0]
    yield ""
    several = len(findings.daily_stops) > 1
    yield from in_columns(list(_cells(findings)), left=frozenset([_SYMBOLS + several]))
    yield ""
    stop = f", stop at {shown_limit(best.daily_stop_loss)} a day" if best.daily_stop_loss else ""
    yield f"Best: at most {counted(best.max_positions, 'position')} of {', '.join(best.symbols)}{stop}"
    yield f"  {verdict.IN_WORDS[verdict.verdict_on(best)]}"
    yield from _luck(best, same_days=findings.test is None)
    yield from _generalization(best)
    if best.lots is not None:
        from portfold.research.statistics.lots import in_words as lots_in_words

        yield f"  {lots_in_words(best.lots)}"
    if findings.looks is not None:
        from portfold.research.search.looks import in_words

        yield f"  {in_words(findings.looks)}"
    yield from map(_distance, (row for row in findings.rows if row.best_of_all is not None))
    yield from (swaps_line(row, row.by_swaps) for row in findings.rows if row.by_swaps is not None)
    if findings.all_sets is not None:
        yield from all_sets_lines(findings.all_sets)
    yield from forced_lines({best.max_positions: best.train}, bars=findings.setting.market is not None)
    yield from drawdown_lines(bars=findings.setting.market is not None)
    yield lots_line(findings.setting.drawings)
    yield SHARPE_LINE


def without_greedys_lines(findings: "Findings") -> Iterator[str]:
    """Yields what is found among all sets where greedy came by none that is valid."""
    yield ""
    yield "Greedy came by no valid set."
    if findings.all_sets is not None:
        yield from all_sets_lines(findings.all_sets)
    yield from drawdown_lines(bars=findings.setting.market is not None)
    yield SHARPE_LINE


def _cells(findings: "Findings") -> Iterator[Sequence[str]]:
    tested, head = findings.test is not None, drawdown_head(bars=findings.setting.market is not None)
    several = len(findings.daily_stops) > 1
    heads = (_HEADS[0], *(("Stop",) if several else ()), *_HEADS[1:], *(_TEST_HEADS if tested else ()))
    yield [head if one == "MaxDD" else one for one in heads]
    for row in findings.rows:
        found, test = row.train, row.test
        yield (
            str(row.max_positions),
            *((shown_limit(row.daily_stop_loss),) if row.daily_stop_loss is not None else ()),
            ratio(found.sharpe),
            lots(found, drawings=findings.setting.drawings),
            ratio(found.sharpe_dollars),
            ratio(found.cagr_over_vol),
            percent(found.cagr),
            money(found.total_return),
            money(found.max_dd),
            number(found.breach_events),
            number(found.daily_stops),
            " ".join(row.symbols),
            *(_test_cells(test) if test is not None else ()),
        )


def _test_cells(test: "Metrics") -> Sequence[str]:
    return (
        ratio(test.sharpe),
        ratio(test.sharpe_dollars),
        money(test.total_return),
        money(test.max_dd),
    )


def _luck(best: "Winner", *, same_days: bool) -> Iterator[str]:
    deflated, checked = best.deflated, best.reality_check
    luck = _intervals(best.intervals)
    yield f"  Sharpe {ratio(best.train.sharpe)}; 95 % intervals before selection: {luck}"
    if best.test is not None and best.test_intervals is not None:
        tested = _intervals(best.test_intervals)
        yield f"  On the test span Sharpe {ratio(best.test.sharpe)}; 95 % intervals of that span: {tested}"
    if checked is None:
        yield "  Reality check: too few days, or none that vary, to tell"
    else:
        yield (
            f"  Reality check: had none of the {checked.tries:,} sets tried any merit, the best of them "
            f"would look as good with a probability of {_chance(checked.p_value)}"
        )
    if deflated is not None:
        yield (
            f"  Deflated Sharpe: {percent(deflated.probability)} sure to be above "
            f"{ratio(deflated.threshold)}, which the best of {deflated.tries:,} sets without merit would show"
            f"{_each_file(deflated)}"
        )
    yield _before(deflated)
    if same_days:
        yield "  These are the days it was chosen on: this is the best of many, and not what to expect"


def _each_file(deflated: "Deflated") -> str:
    return f", {deflated.of_files}" if deflated.of_files else ""


def _before(deflated: "Deflated | None") -> str:
    """Says what of the choosing before there were files is not counted."""
    if deflated is not None and deflated.variants > 1:
        return (
            "  What was tried before these files is in the deflated Sharpe alone, as --tries says it, or as "
            "it is on record"
        )
    return (
        "  Neither counts what was tried before these files, parameters and filters: the deflated Sharpe can "
        "be told how many there were (--tries)"
    )


def _chance(probability: float) -> str:
    return percent(probability) if probability >= _SMALLEST else f"less than {percent(_SMALLEST)}"


def _intervals(luck: "Intervals") -> str:
    return (
        f"{ends(luck.sharpe)}, CAGR {percent(luck.cagr.low)} to {percent(luck.cagr.high)}, drawdown "
        f"{money(luck.max_dd.low)} to {money(luck.max_dd.high)} (bootstrap, {luck.block_days:.1f}-day blocks)"
    )


def _generalization(best: "Winner") -> Iterator[str]:
    found, test = best.train, best.test
    if test is None:
        return
    kept = f", {percent(best.kept)} of it" if best.kept is not None else ""
    yield (
        f"  Generalization: Sharpe of dollars {ratio(found.sharpe_dollars)} where it was chosen, "
        f"{ratio(test.sharpe_dollars)} where it is judged{kept}; drawdown {money(found.max_dd)}, "
        f"then {money(test.max_dd)}; breaches "
        f"{number(found.breach_events)}, then {number(test.breach_events)}"
    )


def _distance(row: "Winner") -> str:
    """Says how far greedy is from the best of all sets."""
    best = row.best_of_all
    under = f"{row.max_positions}{_under(row.daily_stop_loss)}"
    if best is None or best.metrics.sharpe <= row.train.sharpe:
        return f"  With {under} greedy found the best of all sets"
    part = percent(row.train.sharpe / best.metrics.sharpe)
    return (
        f"  With {under} greedy comes to {part} of the best of all {best.sets:,} sets: Sharpe "
        f"{ratio(best.metrics.sharpe)} with {' '.join(best.symbols)}"
    )


def swaps_line(row: "Winner", found: "Swapped") -> str:
    """Says what swaps made of greedy's set."""
    under = f"{row.max_positions}{_under(row.daily_stop_loss)}"
    if found.symbols == row.symbols:
        return f"  With {under} none of {found.looked:,} sets one swap away is better than greedy's"
    return (
        f"  With {under} swaps come to Sharpe {ratio(found.metrics.sharpe)} with {' '.join(found.symbols)} "
        f"({found.looked:,} sets looked at), where greedy has {ratio(row.train.sharpe)}"
    )


def _under(stop: "Decimal | None") -> str:
    """` under a stop of $1,500`, where there were several."""
    return f" under a stop of {shown_limit(stop)}" if stop is not None else ""


def all_sets_lines(found: "AllSets") -> Iterator[str]:
    """Yields what was found among all sets, or among those looked at before it was interrupted."""
    from portfold.research.kernel.anew import in_words as chosen_anew_in_words
    from portfold.research.statistics import overfitting

    all_of_them = "all"
    if found.there_are:
        all_of_them = "the"
        yield (
            f"  Partial: interrupted when {found.sets:,} of {found.there_are:,} sets were looked at, in a "
            "drawn order; what follows is of these"
        )
    if found.best is None:
        yield f"  Of {all_of_them} {found.sets:,} sets none is valid"
        return
    best = found.best
    yield (
        f"  The best of {all_of_them} {found.sets:,} sets by {found.objective}, {found.valid:,} of them "
        f"valid: Sharpe {ratio(best.metrics.sharpe)}, return {money(best.metrics.total_return)}, drawdown "
        f"{money(best.metrics.max_dd)} with {best.max_positions} positions of {' '.join(best.symbols)}"
        f"{_under(best.daily_stop_loss)}"
    )
    if found.overfitting is not None:
        yield f"  {overfitting.in_words(found.overfitting)}"
    if found.anew is not None:
        yield f"  {chosen_anew_in_words(found.anew)}"
    shown = "all" if len(found.front) == found.front_of else f"{len(found.front)} of"
    yield f"  What no other set betters in Sharpe, return and drawdown together ({shown} {found.front_of:,}):"
    cells = list(_front_cells(found))
    yield from (f"  {line}" for line in in_columns(cells, left=frozenset([len(cells[0]) - 1])))


def _front_cells(found: "AllSets") -> Iterator[Sequence[str]]:
    several = any(one.daily_stop_loss is not None for one in found.front)
    yield (_FRONT_HEADS[0], *(("Stop",) if several else ()), *_FRONT_HEADS[1:])
    for one in found.front:
        figures = one.metrics
        yield (
            str(one.max_positions),
            *((shown_limit(one.daily_stop_loss),) if one.daily_stop_loss is not None else ()),
            ratio(figures.sharpe),
            money(figures.total_return),
            money(figures.max_dd),
            " ".join(one.symbols),
        )
