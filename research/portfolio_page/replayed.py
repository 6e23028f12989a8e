"""Simulates the row of a table again, with the setting of its search, and only if nothing has changed.

The findings hold the digest of each span's scenario. Where the present trades, bars, rules or limits have
another digest, none of their figures is shown, as they would be those of another search.
"""

import math
from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct, structs

from portfold.research.portfolio_page.account import AccountDay, account_days
from portfold.research.portfolio_page.by_symbol import SymbolOutcome, outcomes, pnl_by_day
from portfold.research.search.findings import Findings, Judged, Winner
from portfold.research.simulate.scenario import Scenario
from portfold.research.statistics.intervals import Intervals
from portfold.research.statistics.metrics import Floats, Metrics


class ReplayedSpan(Struct, frozen=True):
    """One span of the row simulated again: `cash` at its beginning, and its results.

    Metrics and intervals are over all drawings of lots; days, stops and symbols are those of the first.
    """

    cash: Decimal
    metrics: Metrics
    intervals: Intervals
    days: tuple[AccountDay, ...]
    stop_days: tuple[str, ...]
    outcomes: tuple[SymbolOutcome, ...]
    by_day: dict[str, Floats]


class Replayed(Struct, frozen=True):
    """The row on both spans; `test` is None without a test span.

    `each` holds all rows of the table, in its order: their symbols' outcomes on the train span, and on the
    test span if there was one.
    """

    train: ReplayedSpan
    test: ReplayedSpan | None
    each: tuple[tuple[tuple[SymbolOutcome, ...], ...], ...]

    @property
    def spans(self) -> tuple[ReplayedSpan, ...]:
        """Returns both spans, the earlier first, or the only one."""
        spans = (self.train,) if self.test is None else (self.train, self.test)
        return tuple(sorted(spans, key=lambda span: span.days[0].date))


def changed(train: Scenario, test: Scenario | None, findings: Findings) -> str:
    """Returns a sentence where the present input is not that of the search; an empty text where it is."""
    pairs: list[tuple[str, Scenario, Judged]] = [("chosen", train, findings.train)]
    if test is not None and findings.test is not None:
        pairs.append(("judged", test, findings.test))
    for name, scenario, judged in pairs:
        if scenario.digest() != judged.fingerprint:
            now, then = len(scenario.timeline.trades), judged.trades
            trades = f"{now:,} trades now, {then:,} then" if now != then else f"{now:,} trades, as then"
            return (
                f"What it was {name} on, {judged.first_day} to {judged.last_day}, is not what is there now "
                f"({trades}): trades, bars, rules or limits have changed since the search."
            )
    return ""


def differing(again: Replayed, winner: Winner) -> str:
    """Returns a sentence where the row's figures differ from those of the search; an empty text where they
    agree.

    With the same fingerprint they differ only if portfold itself simulates or measures in another way.
    """
    pairs = [(again.train.metrics, winner.train)]
    if again.test is not None and winner.test is not None:
        pairs.append((again.test.metrics, winner.test))
    for now, then in pairs:
        for name, value in structs.asdict(then).items():
            if not _alike(getattr(now, name), value):
                return (
                    f"Simulated again, its {name} is {getattr(now, name)}, and not {value} as the search "
                    "wrote down: another portfold searched."
                )
    return ""


def _alike(now: float | None, then: float | None) -> bool:
    if now is None or then is None:
        return now is then
    return math.isclose(now, then, rel_tol=1e-9, abs_tol=1e-9)


def sets_to_play(findings: Findings) -> int:
    """Counts the simulations that `replayed` runs."""
    return len(findings.rows) * (1 if findings.test is None else 2)


def replayed(
    train: Scenario, test: Scenario | None, findings: Findings, row: int, on_progress: Callable[[int], object]
) -> Replayed:
    """Simulates every row of the findings again; calls `on_progress` with the number of simulations done."""
    seed = findings.setting.seed
    scenarios = (train,) if test is None else (train, test)
    spans: list[ReplayedSpan] = []
    each: list[tuple[tuple[SymbolOutcome, ...], ...]] = []
    for number, winner in enumerate(findings.rows):
        made: list[tuple[SymbolOutcome, ...]] = []
        for scenario in (one.under(findings.stop_of(winner)) for one in scenarios):
            simulated = scenario.simulate(winner.symbols, winner.max_positions)
            made.append(outcomes(simulated, scenario.timeline.trades))
            if number == row:
                spans.append(_replayed_span(scenario, winner, made[-1], seed))
            on_progress(number * len(scenarios) + len(made))
        each.append(tuple(made))
    return Replayed(spans[0], spans[1] if len(spans) > 1 else None, tuple(each))


def _replayed_span(
    scenario: Scenario, winner: Winner, own: tuple[SymbolOutcome, ...], seed: int
) -> ReplayedSpan:
    drawn = scenario.simulations(winner.symbols, winner.max_positions)
    simulated = drawn[0]
    limits, trades = scenario.limits, scenario.timeline.trades
    return ReplayedSpan(
        cash=scenario.account.cash,
        metrics=scenario.mean_figures(drawn),
        intervals=scenario.intervals(drawn, seed),
        days=tuple(account_days(simulated, scenario.days, scenario.account.cash)),
        stop_days=tuple(simulated.stop_days),
        outcomes=own,
        by_day=pnl_by_day(simulated, trades, scenario.days, zone=limits.zone, roll=limits.roll),
    )
