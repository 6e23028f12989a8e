"""The row of a table simulated again, with the very setting of its search, and only if nothing has changed.

The findings name what each span was measured on by the digest of its scenario. Where the trades, bars, rules
or limits at hand have another digest, nothing of them is shown: it would be another search's account.
"""

import math
from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct, structs

from portfold.research.portfolio_page.account import AccountDay, account_days
from portfold.research.portfolio_page.by_symbol import Outcome, outcomes, pnl_by_day
from portfold.research.search.findings import Findings, Judged, Winner
from portfold.research.simulate.scenario import Scenario
from portfold.research.simulate.simulator import Simulated
from portfold.research.statistics.metrics import Floats, Metrics
from portfold.research.statistics.significance import Intervals


class Played(Struct, frozen=True):
    """One span of the row again: `cash` at its beginning, and what came of it."""

    cash: Decimal
    metrics: Metrics
    intervals: Intervals
    days: tuple[AccountDay, ...]
    stop_days: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    by_day: dict[str, Floats]


class Replayed(Struct, frozen=True):
    """The row on both spans, `test` None where there was none.

    `each` are all rows of the table, in its order: their symbols' outcomes on the train span, and on the
    test span if there was one.
    """

    train: Played
    test: Played | None
    each: tuple[tuple[tuple[Outcome, ...], ...], ...]

    @property
    def spans(self) -> tuple[Played, ...]:
        """Both, or the one there is, the earlier first."""
        spans = (self.train,) if self.test is None else (self.train, self.test)
        return tuple(sorted(spans, key=lambda one: one.days[0].date))


def changed(train: Scenario, test: Scenario | None, findings: Findings) -> str:
    """A sentence where what is at hand is not what was searched; nothing where it is."""
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
    """A sentence where the row comes to other figures than the search wrote down; nothing where it does not.

    Of one fingerprint it should not: so it is portfold itself that simulates or measures in another way.
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
    """How many simulations `replayed` comes to."""
    return len(findings.rows) * (1 if findings.test is None else 2)


def replayed(
    train: Scenario, test: Scenario | None, findings: Findings, row: int, on_progress: Callable[[int], object]
) -> Replayed:
    """Plays every row of the findings again; `on_progress` is told how many simulations are done."""
    seed = findings.setting.seed
    scenarios = (train,) if test is None else (train, test)
    spans: list[Played] = []
    each: list[tuple[tuple[Outcome, ...], ...]] = []
    for number, winner in enumerate(findings.rows):
        made: list[tuple[Outcome, ...]] = []
        for scenario in scenarios:
            simulated = scenario.simulate(winner.symbols, winner.max_positions)
            made.append(outcomes(simulated, scenario.timeline.trades))
            if number == row:
                spans.append(_played(scenario, simulated, made[-1], seed))
            on_progress(number * len(scenarios) + len(made))
        each.append(tuple(made))
    return Replayed(spans[0], spans[1] if len(spans) > 1 else None, tuple(each))


def _played(scenario: Scenario, simulated: Simulated, own: tuple[Outcome, ...], seed: int) -> Played:
    limits, trades = scenario.limits, scenario.timeline.trades
    return Played(
        cash=scenario.account.cash,
        metrics=scenario.figures(simulated),
        intervals=scenario.intervals(simulated, seed),
        days=tuple(account_days(simulated, scenario.days, scenario.account.cash)),
        stop_days=tuple(simulated.stop_days),
        outcomes=own,
        by_day=pnl_by_day(simulated, trades, scenario.days, zone=limits.zone, roll=limits.roll),
    )
