"""What all sets come to, against each of them simulated by the fold alone."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from portfold.pieces.place import Place
from portfold.research.kernel.available import surveyed_sets
from portfold.research.kernel.kernel import Kernel
from portfold.research.kernel.survey import survey
from portfold.research.search.all_sets import AllSets, FrontSet, Judge, Objective
from portfold.research.search.grid import Cell, own_stop
from portfold.research.search.optimizer import optimize
from portfold.research.search.plan import SearchPlan
from portfold.research.search.resume_log import ResumeLog
from portfold.research.search.search import Constraints, Symbols, all_sets
from portfold.research.simulate.scenario import Scenario
from portfold.research.statistics.metrics import Floats, Metrics, daily_pnl, dollar_sharpe
from portfold.research.trades.trade_file import Trade
from tests.research.kernel.test_kernel import without_what_the_kernel_adds
from tests.research.made import MONDAY_MS, random_trades, scenario_of

SYMBOLS = ("ES", "CL", "6E", "GC")
LEVELS = (1, 2, 3)
CONSTRAINTS = Constraints(9_000, 40)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return scenario_of(random_trades(11, SYMBOLS, each=80), drawings=2)


@pytest.fixture(scope="module")
def each(scenario: Scenario) -> list[FrontSet]:
    sets = [(level, symbols) for level in LEVELS for symbols in all_sets(SYMBOLS)]
    measured = [FrontSet(level, symbols, scenario.measure(symbols, level)) for level, symbols in sets]
    return [one for one in measured if CONSTRAINTS.met_by(one.metrics)]


def found(scenario: Scenario, objective: Objective) -> AllSets:
    kernel = Kernel(scenario)
    return surveyed_sets([kernel], LEVELS, CONSTRAINTS, print).found(objective, judged_by(scenario))


def judged_by(scenario: Scenario) -> Judge:
    """The fold under the limits of a cell."""
    return lambda symbols, cell: scenario.under(cell.daily_stop).measure(symbols, cell.max_positions)


def figures(metrics: Metrics) -> tuple[float, float, float]:
    return metrics.sharpe, -metrics.max_dd, metrics.total_return


def test_the_best_is_the_best_of_each_by_every_objective(scenario: Scenario, each: list[FrontSet]) -> None:
    assert 0 < len(each) < 45  # some are not valid
    of_objective: dict[Objective, int] = {"sharpe": 0, "drawdown": 1, "return": 2}
    for objective, place in of_objective.items():
        all_of_them = found(scenario, objective)
        highest = max(figures(one.metrics)[place] for one in each)
        assert all_of_them.best is not None
        assert figures(all_of_them.best.metrics)[place] == highest
        assert (all_of_them.sets, all_of_them.valid) == (45, len(each))


def test_no_set_of_the_frontier_is_bettered_and_every_other_is(
    scenario: Scenario, each: list[FrontSet]
) -> None:
    front = found(scenario, "sharpe")
    known = {figures(one.metrics) for one in each}
    free = {
        one
        for one in known
        if not any(other != one and all(a >= b for a, b in zip(other, one, strict=True)) for other in known)
    }
    assert front.front_of == len(free) > 1
    assert {figures(one.metrics) for one in front.front} <= free


def test_the_choice_among_all_is_judged_on_other_days(scenario: Scenario) -> None:
    judged = found(scenario, "sharpe").overfitting
    assert judged is not None
    assert (judged.sets, judged.choices) == (45, 924)


def test_ctrl_c_keeps_the_sets_that_were_looked_at_and_says_how_many_there_are(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.research.kernel.survey._AT_ONCE", 4)

    def interrupting(done: int) -> None:
        if done == 16:
            raise KeyboardInterrupt

    kernel = Kernel(scenario)
    surveyed = surveyed_sets([kernel], LEVELS, CONSTRAINTS, interrupting)
    partial = surveyed.found("sharpe", judged_by(scenario))
    assert surveyed.partial
    assert (partial.sets, partial.there_are) == (16, 45)
    assert partial.overfitting is not None
    assert partial.overfitting.sets == 16
    looked = survey([kernel], LEVELS, interrupting).surveyed
    assert [len(one.number) for one in looked.values()] == [8, 4, 4]
    assert looked[Cell(own_stop(scenario), 1)].number.tolist() != list(
        range(1, 9)
    )  # a sample of all, not the first of them
    whole = survey([kernel], LEVELS, lambda _: None).surveyed
    for cell, one in looked.items():
        assert (one.sharpe == whole[cell].sharpe[one.number - 1]).all()


def test_ctrl_c_before_any_set_was_looked_at_ends_the_search(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("portfold.research.kernel.survey._look", interrupt)
    with pytest.raises(KeyboardInterrupt):
        survey([Kernel(scenario)], LEVELS, lambda _: None)


def test_symbols_limits_and_daily_stops_are_one_grid(scenario: Scenario, tmp_path: Path) -> None:
    stops = Decimal(2500), Decimal(700)
    found = {}
    for use in ("always", "never"):
        plan = SearchPlan((1, 2), Constraints(1e9, 1_000), "always", Place(), 1, kernel=use, stops=stops)
        with ResumeLog(tmp_path / f"{use}.search", scenario.digest()) as resume_log:
            found[use] = optimize(scenario, None, plan, resume_log, lambda _: None)
            again = optimize(scenario, None, plan, resume_log, lambda _: None)
            assert again.rows == found[use].rows  # nothing is mixed up in the resume log
    kernel, fold = found["always"], found["never"]
    assert without_what_the_kernel_adds(kernel) == fold
    assert kernel.all_sets is not None
    assert (kernel.all_sets.sets, kernel.tries) == (60, 48)
    assert {(row.daily_stop_loss, row.max_positions) for row in kernel.rows} == {
        *((stop, level) for stop in stops for level in (1, 2))
    }
    for row in kernel.rows:
        assert row.daily_stop_loss is not None
        assert row.train == scenario.under(row.daily_stop_loss).measure(row.symbols, row.max_positions)
    best = kernel.all_sets.best
    assert best is not None
    assert best.metrics.sharpe == max(row.best_of_all.metrics.sharpe for row in fold.rows if row.best_of_all)


def test_another_stop_makes_the_scenario_that_was_built_with_it() -> None:
    trades = random_trades(2, SYMBOLS, each=5)
    assert (
        scenario_of(trades, stop=2500).under(Decimal(700)).digest() == scenario_of(trades, stop=700).digest()
    )


def test_the_choice_made_anew_each_quarter_is_that_of_a_search_on_the_days_before(tmp_path: Path) -> None:
    scenario = scenario_of(stretched(random_trades(5, SYMBOLS, each=60), by=20), drawings=2)
    constraints = Constraints(60_000, 40)
    plan = SearchPlan((1, 2), constraints, "always", Place(), 1, kernel="always")
    with ResumeLog(tmp_path / "a.search", scenario.digest()) as resume_log:
        found = optimize(scenario, None, plan, resume_log, lambda _: None)
    assert found.all_sets is not None
    anew = found.all_sets.anew
    assert anew is not None
    assert len(anew.quarters) >= 2
    sets = [(level, symbols) for level in (1, 2) for symbols in all_sets(SYMBOLS)]
    returns = {one: scenario.returns(one[1], one[0]) for one in sets}
    deepest = {one: _deepest_by_day(scenario, *one) for one in sets}
    dollars = []
    for quarter in anew.quarters:
        until = scenario.days.index(quarter.first_day)
        valid = [one for one in sets if deepest[one][until - 1] < constraints.max_dd]
        ranked = {one: returns[one][:until].mean() / returns[one][:until].std(ddof=1) for one in valid}
        assert ranked[quarter.max_positions, quarter.symbols] == pytest.approx(max(ranked.values()))
        days = slice(until, scenario.days.index(quarter.last_day) + 1)
        drawn = scenario.simulations(quarter.symbols, quarter.max_positions)
        dollars.append(np.mean([daily_pnl(one, scenario.days) for one in drawn], axis=0)[days])
        assert quarter.made == pytest.approx(dollars[-1].sum(), abs=0.01)
    assert anew.sharpe == pytest.approx(dollar_sharpe(np.concatenate(dollars)))
    assert anew.quarters[-1].last_day == scenario.days[-1]


def stretched(trades: list[Trade], by: int) -> list[Trade]:
    """The same trades, so many times as far apart and as long."""
    return [
        structs.replace(
            one,
            entry_ms=MONDAY_MS + by * (one.entry_ms - MONDAY_MS),
            exit_ms=MONDAY_MS + by * (one.exit_ms - MONDAY_MS),
        )
        for one in trades
    ]


def _deepest_by_day(scenario: Scenario, level: int, symbols: Symbols) -> Floats:
    """The deepest drawdown from the first day to the end of each: means over the drawings."""
    each = []
    for one in scenario.simulations(symbols, level):
        curve = np.array([0.0, *map(float, one.curve)])
        depth = np.maximum.accumulate(np.maximum.accumulate(curve) - curve)
        points = {day.date: day.points for day in one.days}
        after = np.maximum.accumulate([points.get(day, 0) for day in scenario.days])
        each.append(depth[after])
    mean: Floats = np.mean(each, axis=0)
    return mean
