"""A whole search: what was found, how it is judged, and what lies beside the table."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from portfold.pieces.place import Place
from portfold.research.errors import ResearchError
from portfold.research.search.findings import (
    Findings,
    Judged,
    Setting,
    findings_file,
    hash_of,
    read_findings,
    write_findings,
)
from portfold.research.search.optimizer import Optimized, closest, optimize
from portfold.research.search.plan import AllSets, SearchPlan, extent
from portfold.research.search.resume_log import ResumeLog
from portfold.research.search.search import Constraints, tried_by
from portfold.research.search.tables import (
    GREEDY_COLUMNS,
    SIMULATION_COLUMNS,
    SimulatedRow,
    greedy_table,
    simulation_table,
)
from portfold.research.simulate.scenario import Scenario
from portfold.research.statistics.reality_check import TriedHistories
from portfold.research.trades.in_sample import InSampleTrades
from portfold.research.trades.trading_days import Chosen
from tests.research.judge import NOTHING, names
from tests.research.made import random_trades, scenario_of, trade

SYMBOLS = ("ES", "CL", "6E", "GC")


def plan(*, all_sets: AllSets = "never", max_dd: float = 1e9, levels: tuple[int, ...] = (1, 2)) -> SearchPlan:
    return SearchPlan(levels, Constraints(max_dd, 1_000), all_sets, Place(), seed=1)


def searched(scenario: Scenario, made: SearchPlan, folder: Path, test: Scenario | None = None) -> Optimized:
    with ResumeLog(folder / "a.search", scenario.digest()) as resume_log:
        return optimize(scenario, test, made, resume_log, lambda _: None)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return scenario_of(random_trades(4, SYMBOLS, each=25))


# --- what is found --------------------------------------------------------------------------------------


def test_the_rows_are_the_best_of_each_number_of_positions_best_first(
    scenario: Scenario, tmp_path: Path
) -> None:
    found = searched(scenario, plan(levels=(1, 2, 3)), tmp_path)
    assert sorted(row.max_positions for row in found.rows) == [1, 2, 3]
    sharpes = [row.train.sharpe for row in found.rows]
    assert sharpes == sorted(sharpes, reverse=True)
    for row in found.rows:
        assert row.train == scenario.measure(row.symbols, row.max_positions)
        assert row.symbols in [visited.symbols for visited in found.paths[row.max_positions]]


def test_a_number_of_positions_without_a_valid_set_has_no_row(scenario: Scenario, tmp_path: Path) -> None:
    found = searched(scenario, plan(max_dd=0.01), tmp_path)
    assert found.rows == ()
    level, nearest = closest(found.paths)
    lowest = min(one.metrics.max_dd for path in found.paths.values() for one in path)
    assert (nearest.metrics.max_dd, level in (1, 2)) == (lowest, True)


def test_all_sets_say_how_far_greedy_is_from_the_best(scenario: Scenario, tmp_path: Path) -> None:
    for row in searched(scenario, plan(all_sets="always"), tmp_path).rows:
        assert row.best_of_all is not None
        assert row.best_of_all.sets == 15
        assert row.best_of_all.metrics.sharpe >= row.train.sharpe
        assert row.best_of_all.metrics == scenario.measure(row.best_of_all.symbols, row.max_positions)


def test_the_tries_are_the_sets_that_greedy_looked_at_not_all_there_are(
    scenario: Scenario, tmp_path: Path
) -> None:
    few, many = (searched(scenario, plan(all_sets=which), tmp_path) for which in ("never", "always"))
    assert few.tries == many.tries == 2 * 12
    assert [row.deflated for row in few.rows] == [row.deflated for row in many.rows]


def test_what_was_chosen_is_checked_against_all_that_greedy_looked_at(tmp_path: Path) -> None:
    train = scenario_of(random_trades(4, SYMBOLS, each=80))
    assert len(train.days) >= 20
    found = searched(train, plan(), tmp_path)
    sets = sorted((level, symbols) for level, path in found.paths.items() for symbols in tried_by(path))
    tried = TriedHistories(np.array([train.returns(symbols, level) for level, symbols in sets]), seed=1)
    for row in found.rows:
        assert row.reality_check == tried.check(sets.index((row.max_positions, row.symbols)))


def test_it_is_judged_on_the_other_span_by_what_was_chosen_on_the_first(tmp_path: Path) -> None:
    train, test = (scenario_of(random_trades(seed, SYMBOLS, each=25)) for seed in (4, 5))
    alone = searched(train, plan(), tmp_path)
    judged = searched(train, plan(), tmp_path, test)
    assert [row.symbols for row in judged.rows] == [row.symbols for row in alone.rows]
    for row in judged.rows:
        assert row.test == test.measure(row.symbols, row.max_positions)
        played = test.simulate(row.symbols, row.max_positions)
        assert row.test_intervals == test.intervals([played], 1)
        assert row.kept is None or row.kept == pytest.approx(
            max(0, row.test.sharpe_dollars / row.train.sharpe_dollars)
        )
    assert [row.test for row in alone.rows] == [None] * len(alone.rows)


def test_of_a_sharpe_that_was_no_good_nothing_is_said_to_be_left(scenario: Scenario, tmp_path: Path) -> None:
    row = searched(scenario, plan(), tmp_path, scenario).rows[0]
    assert structs.replace(row, train=structs.replace(NOTHING, sharpe_dollars=-1.0)).kept is None
    gained = structs.replace(row, train=structs.replace(NOTHING, sharpe_dollars=0.5))
    assert structs.replace(gained, test=structs.replace(NOTHING, sharpe_dollars=-2.0)).kept == 0


# --- how much there is to do ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbols", "all_sets", "measured", "all_of_them"),
    [(4, "auto", 30, True), (4, "never", 24, False), (12, "auto", 176, False), (12, "always", 8190, True)],
)
def test_all_sets_are_looked_at_where_that_is_feasible(
    symbols: int, all_sets: AllSets, measured: int, *, all_of_them: bool
) -> None:
    trades = [
        trade(symbol, hours, hours + 1, 1) for symbol in names(symbols) for hours in range(0, 2 * 120, 2)
    ]
    found = extent(scenario_of(trades), plan(all_sets=all_sets))
    assert (found.measured, found.all_sets) == (measured, all_of_them)
    assert found.of_all == 2 * (2**symbols - 1)


# --- tables ---------------------------------------------------------------------------------------------


def test_the_greedy_table_has_the_columns_its_users_know() -> None:
    metrics = structs.replace(NOTHING, sharpe=1 / 3, total_return=12.5, breach_events=2, profit_factor=None)
    [row] = csv.DictReader(io.StringIO(greedy_table([(4, ("CL", "ES"), metrics)])))
    assert tuple(row) == (
        *("max_positions", "n_symbols", "symbols", "sharpe", "cagr", "total_return", "max_dd"),
        *("breach_events", "breach_periods", "pct_time_in_breach", "daily_stops", "profit_factor"),
        "avg_positions",
    )
    assert (row["max_positions"], row["n_symbols"], row["breach_events"]) == ("4", "2", "2")
    assert json.loads(row["symbols"]) == ["CL", "ES"]
    assert (row["sharpe"], row["total_return"], row["profit_factor"]) == ("0.333333", "12.50", "inf")


def test_the_simulation_table_has_a_row_for_each_number_of_positions(scenario: Scenario) -> None:
    rows = []
    for level in (1, 2):
        played = scenario.simulate(SYMBOLS, level)
        rows.append(SimulatedRow(level, scenario.figures(played), scenario.intervals([played], 1)))
    read = list(csv.DictReader(io.StringIO(simulation_table(rows))))
    assert [row["max_positions"] for row in read] == ["1", "2"]
    assert tuple(read[0]) == SIMULATION_COLUMNS
    for row, made in zip(read, rows, strict=True):
        assert float(row["sharpe"]) == pytest.approx(made.metrics.sharpe, abs=1e-6)
        assert float(row["sharpe_low"]) <= float(row["sharpe"]) <= float(row["sharpe_high"])


# --- findings -------------------------------------------------------------------------------------------


@pytest.fixture
def findings(scenario: Scenario, tmp_path: Path) -> Findings:
    found = searched(scenario, plan(), tmp_path, scenario)
    span = Judged.of(
        Chosen(scenario.timeline.trades, scenario.days, 3),
        scenario.digest(),
        (InSampleTrades("ES", 3, 9, "2025-01-08"),),
    )
    setting = Setting("results", "America/Chicago", None, 1, "150000.00", "2500.00", "6000.00", SYMBOLS)
    table = greedy_table((row.max_positions, row.symbols, row.train) for row in found.rows)
    return Findings(
        hash_of(table),
        "0.1.0",
        setting,
        Constraints(9000, 2),
        span,
        span,
        found.rows,
        found.paths,
        found.tries,
    )


def test_findings_are_read_as_they_were_written(findings: Findings, tmp_path: Path) -> None:
    table = tmp_path / "greedy_optimization_results.csv"
    content = greedy_table((row.max_positions, row.symbols, row.train) for row in findings.rows)
    write_findings(table, findings)
    assert findings_file(table).name == "greedy_optimization_results.csv.json"
    assert read_findings(table, content) == findings


def test_findings_of_another_table_are_none_of_this_one(findings: Findings, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    write_findings(table, findings)
    assert read_findings(table, ",".join(GREEDY_COLUMNS)) is None
    assert read_findings(tmp_path / "b.csv", "") is None


def test_findings_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv.json").write_text("{")
    with pytest.raises(ResearchError, match=r"a\.csv\.json: expected the findings of a\.csv"):
        read_findings(tmp_path / "a.csv", "")


def test_dollars_of_the_setting_stay_exact(findings: Findings) -> None:
    assert Decimal(findings.setting.daily_stop_loss) == 2500
