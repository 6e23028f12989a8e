"""The commands as people type them: what they print and write."""

import csv
import json
import re
import signal
from pathlib import Path

import pytest

from portfold.config import load, read_portfolio, write_defaults
from portfold.research.search.tables import GREEDY_COLUMNS
from tests.cli.command_line import called, started
from tests.research.made import random_trades, trade, write_results, write_rows
from tests.waiting import until

TABLE = "results/greedy_optimization_results.csv"


LOOSE = ("--max-dd-limit", "999999", "--max-breach-events", "999", "--jobs", "1")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# --- simulate -------------------------------------------------------------------------------------------


def test_simulate_prints_and_writes_a_row_for_each_number_of_positions(folder: Path) -> None:
    ran = called("research", "simulate", "--min-positions", "2", "--max-positions", "3", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    assert "100 trades of 6E, CL, ES, GC in results." in ran.out
    written = rows(folder / "results" / "portfolio_simulation.csv")
    assert [row["max_positions"] for row in written] == ["2", "3"]
    printed = [line.split()[:2] for line in ran.out.splitlines()]
    for row in written:
        assert [row["max_positions"], f"{float(row['sharpe']):.2f}"] in printed


def test_simulate_says_what_it_dropped_and_names_a_bad_file(folder: Path) -> None:
    header, *lines = (folder / "results/ES_optimization/ES_rf_best_trades.csv").read_text().splitlines()
    spoilt = [header, ",,,,5,1,1", *lines, lines[0].replace(",1,0.5", ",0,0.5")]
    (folder / "results/ES_optimization/ES_rf_best_trades.csv").write_text("\n".join(spoilt))
    write_rows(folder / "results", "NQ", ("a", "b"), [])
    ran = called("research", "simulate", "--max-positions", "1", cwd=folder)
    assert ran.code == 0
    assert "100 trades of 6E, CL, ES, GC in results, 1 more not selected." in ran.out
    assert "ES_rf_best_trades.csv: 1 of 27 rows: 1 no entry time (line 2)." in ran.out
    assert "Not used: results/NQ_optimization/NQ_rf_best_trades.csv: expected a column Date/Time" in ran.out


def test_simulate_without_bars_says_what_a_stop_was_taken_to_cost(tmp_path: Path) -> None:
    write_results(tmp_path / "results", [trade("ES", 0, 2, -2500), trade("CL", 1, 6, 900)])
    ran = called("research", "simulate", "--min-positions", "2", "--max-positions", "2", cwd=tmp_path)
    assert "Stops closed positions at their own final P&L, which lay in the future then" in ran.out
    assert "  with 2: 1 of 1, $900 in all" in ran.out


@pytest.mark.parametrize("command", ["simulate", "optimize"])
def test_without_bars_the_table_itself_says_that_open_losses_are_not_in_the_drawdown(
    command: str, tmp_path: Path
) -> None:
    write_results(tmp_path / "results", [trade("ES", 0, 2, -50), trade("CL", 1, 6, 900)])
    limits = LOOSE if command == "optimize" else ()
    ran = called("research", command, "--max-positions", "1", *limits, cwd=tmp_path)
    assert re.search(r"^ *Pos .* MaxDD closed ", ran.out, re.MULTILINE)
    assert "no open loss is in the drawdown" in ran.out


def test_figures_are_means_over_drawings_of_lots_and_their_spread_is_printed(tmp_path: Path) -> None:
    crowd = [trade(one, at, at + 1, pnl) for at in range(0, 90, 2) for one, pnl in (("ES", 9), ("CL", -4))]
    write_results(tmp_path / "results", crowd)
    ran = called("research", "simulate", "--max-positions", "2", "--drawings", "3", cwd=tmp_path)
    assert "Figures are means over 3 drawings of lots" in ran.out
    one, both = rows(tmp_path / "results" / "portfolio_simulation.csv")
    assert (one["drawings"], both["drawings"]) == ("3", "1")
    assert float(one["sharpe_least"]) < float(one["sharpe"]) < float(one["sharpe_most"])
    assert f"{float(one['sharpe_least']):.2f} to {float(one['sharpe_most']):.2f}" in ran.out
    assert re.findall(r"^  2 .* (any|once) ", ran.out, re.MULTILINE) == ["any"]
    once = called("research", "simulate", "--max-positions", "2", "--drawings", "1", cwd=tmp_path)
    assert re.findall(r"^  [12] .* (any|once) ", once.out, re.MULTILINE) == ["once", "once"]
    assert "Lots were drawn once" in once.out


def test_a_symbol_with_a_part_of_the_days_is_said_wherever_it_is_chosen(tmp_path: Path) -> None:
    whole = [trade("ES", 24 * day, 24 * day + 1, 10 + day % 7) for day in range(60)]
    part = [trade("CL", 24 * day, 24 * day + 1, 10 + day % 5) for day in range(14)]
    write_results(tmp_path / "results", [*whole, *part])
    said = "CL has trades from 2025-01-06 to 2025-01-20 only, 11 of 44 trading days"
    for command in (("simulate", "--max-positions", "2"), ("optimize", "--max-positions", "2", *LOOSE)):
        assert said in called("research", *command, cwd=tmp_path).out
    report = called("research", "report", "--results", TABLE, cwd=tmp_path)
    assert report.code == 0
    assert said in (tmp_path / TABLE).with_suffix(".html").read_text()


def test_simulate_takes_symbols_span_and_output(folder: Path) -> None:
    ran = called(
        *("research", "simulate", "--symbols", "ES", "CL", "--max-positions", "1"),
        *("--from", "2025-01-07", "--to", "2025-01-10", "--output", "deep/table.csv"),
        cwd=folder,
    )
    assert ran.code == 0
    assert "Span: 2025-01-07 to 2025-01-10, 4 trading days" in ran.out
    assert "trades of CL, ES in results" in ran.out
    assert len(rows(folder / "deep" / "table.csv")) == 1


def test_sensitivity_says_what_is_left_at_other_costs_and_with_later_fills(tmp_path: Path) -> None:
    bars = tmp_path / "bars"
    bars.mkdir()
    hours = [f"2025-01-{day:02}T{at:02}:00" for day in range(6, 11) for at in range(15, 22)]
    lines = [
        f"{at},{4000 + number},{4003 + number},{3999 + number},{4002 + number}"
        for number, at in enumerate(hours)
    ]
    (bars / "ES.csv").write_text("\n".join(["time,open,high,low,close", *lines]) + "\n")
    made = [
        trade("ES", 24 * day, 24 * day + 2, 95 + day, entry_price=4002, exit_price=4004) for day in range(4)
    ]
    write_results(tmp_path / "results", made)
    plain = called("research", "sensitivity", "--max-positions", "1", cwd=tmp_path)
    assert (plain.code, plain.err) == (0, "")
    assert "Without bars (--bars) nothing is filled later." in plain.out
    ran = called("research", "sensitivity", "--max-positions", "1", "--bars", "bars", cwd=tmp_path)
    assert ran.code == 0, ran.err
    names = ("as it is", "costs twice", "filled at the next bar's open", "filled a day later")
    assert [name for name in names if re.search(rf"^{name} ", ran.out, re.MULTILINE)] == list(names)


# --- optimize -------------------------------------------------------------------------------------------


def test_optimize_writes_the_table_best_first_and_leaves_no_resume_log(folder: Path) -> None:
    ran = called("research", "optimize", "--max-positions", "3", *LOOSE, cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    written = rows(folder / TABLE)
    assert tuple(written[0]) == GREEDY_COLUMNS
    sharpes = [float(row["sharpe"]) for row in written]
    assert sharpes == sorted(sharpes, reverse=True)
    assert sorted(row["max_positions"] for row in written) == ["1", "2", "3"]
    assert "Judged on the same days: expect less of it" in ran.out
    assert "95 % intervals before selection" in ran.out
    assert "Reality check: too few days, or none that vary, to tell" in ran.out
    assert "Deflated Sharpe" in ran.out
    assert "of all 15 sets" in ran.out or "greedy found the best of all sets" in ran.out
    assert sorted(path.name for path in (folder / "results").glob("greedy*")) == [
        "greedy_optimization_results.csv",
        "greedy_optimization_results.csv.json",
    ]


def test_optimize_chooses_on_one_span_and_judges_on_the_other(folder: Path) -> None:
    ran = called(
        *("research", "optimize", "--max-positions", "2", *LOOSE),
        *("--train-to", "2025-01-10", "--test-from", "2025-01-13"),
        cwd=folder,
    )
    assert ran.code == 0
    assert "Chosen on: 2025-01-06 to 2025-01-10, 5 trading days" in ran.out
    assert "Judged on: 2025-01-13 to " in ran.out
    assert "Generalization: Sharpe" in ran.out
    assert "On the test span Sharpe" in ran.out
    assert "95 % intervals of that span" in ran.out
    called("research", "export", "--output", "c/portfolio_optimization.json", cwd=folder)
    exported = json.loads((folder / "c" / "portfolio_optimization.json").read_text())["optimization"]
    assert exported["judged_sharpe_95_percent"][0] <= exported["judged_sharpe_95_percent"][1]
    found = json.loads((folder / f"{TABLE}.json").read_text())
    assert (found["train"]["last_day"], found["test"]["first_day"]) == ("2025-01-10", "2025-01-13")
    assert found["rows"][0]["test"] is not None


def test_every_look_at_a_test_span_is_counted_and_said_wherever_it_is_judged(folder: Path) -> None:
    spans = ("--train-to", "2025-01-10", "--test-from", "2025-01-13")
    words = ("research", "optimize", "--max-positions", "1", *LOOSE)
    assert "look" not in called("research", "simulate", "--max-positions", "1", cwd=folder).out
    assert "the first look on record" in called(*words, *spans, cwd=folder).out
    simulated = called("research", "simulate", "--max-positions", "1", "--from", "2025-01-13", cwd=folder)
    assert "days of a test span. This is look 2 on record" in simulated.out
    earlier = called("research", "simulate", "--max-positions", "1", "--to", "2025-01-10", cwd=folder)
    assert "test span" not in earlier.out
    sensitive = called("research", "sensitivity", "--max-positions", "1", cwd=folder)
    assert "days of a test span. This is look 3 on record" in sensitive.out
    assert "look 4 on record" in called(*words, *spans, cwd=folder).out
    called("research", "export", "--output", "c/portfolio_optimization.json", cwd=folder)
    exported = json.loads((folder / "c" / "portfolio_optimization.json").read_text())["optimization"]
    assert exported["looks_at_the_test_span"] == 4
    assert called("research", "report", "--results", TABLE, cwd=folder).code == 0
    assert "look 4 on record" in (folder / TABLE).with_suffix(".html").read_text()


def test_what_was_tried_before_the_files_is_counted_where_the_user_says_it(folder: Path) -> None:
    words = ("research", "optimize", "--max-positions", "2", *LOOSE)
    plain, told = called(*words, cwd=folder), called(*words, "--tries", "20", cwd=folder)
    assert "Neither counts what was tried before these files" in plain.out
    assert "each file the best of 20" in told.out
    assert "in the deflated Sharpe alone, as --tries says it" in told.out
    sure = [float(re.findall(r"Deflated Sharpe: ([\d.]+) %", ran.out)[0]) for ran in (plain, told)]
    assert sure[1] <= sure[0]


def test_optimize_with_nothing_valid_says_how_near_it_came_and_writes_an_empty_table(folder: Path) -> None:
    ran = called("research", "optimize", "--max-positions", "1", "--max-dd-limit", "1", cwd=folder)
    assert ran.code == 1
    assert (
        "No set of symbols keeps its drawdown below $1 with at most 2 breaches. The lowest drawdown"
        in ran.err
    )
    assert rows(folder / TABLE) == []
    export = called("research", "export", "--output", "c/portfolio_optimization.json", cwd=folder)
    assert (export.code, "no set kept to its constraints" in export.err) == (2, True)


def test_optimize_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    write_results(tmp_path / "results", random_trades(4, each=120))
    words = ("research", "optimize", "--max-positions", "4", "--exhaustive", "never", *LOOSE)
    resume_log = tmp_path / "results" / "greedy_optimization_results.search"

    def begun() -> bool:
        try:
            return resume_log.read_bytes().count(b"\n") > 5
        except FileNotFoundError:
            return False

    def over() -> bool:
        return running.process.poll() is not None

    code, said = 0, ""
    for _ in range(5):  # one that is over before it could be interrupted is begun anew
        with started(*words, cwd=tmp_path) as running:
            until(lambda: begun() or over(), "some measurements")
            running.process.send_signal(signal.SIGINT)
            code, said = running.ends(), running.said.read_text()
        if code:
            break
    assert (code, "Traceback" in said) == (130, False)
    assert "sets are measured and kept in results/greedy_optimization_results.search" in said
    kept = resume_log.read_bytes().count(b"\n") - 1
    again = called(*words, cwd=tmp_path)
    assert again.code == 0
    assert f"Going on with {kept:,} sets measured before" in again.out
    assert not resume_log.exists()
    anew = called(*words, "--output", "anew.csv", cwd=tmp_path)
    assert anew.code == 0
    assert (tmp_path / "anew.csv").read_text() == (tmp_path / TABLE).read_text()


# --- export ---------------------------------------------------------------------------------------------


@pytest.fixture
def searched(folder: Path) -> Path:
    ran = called(
        *("research", "optimize", "--max-positions", "3", "--daily-stop-loss", "2000", *LOOSE),
        *("--train-to", "2025-01-10", "--test-from", "2025-01-13"),
        cwd=folder,
    )
    assert ran.code == 0
    return folder


def test_export_writes_what_the_coordinator_loads_and_says_on_what_it_was_judged(searched: Path) -> None:
    ran = called("research", "export", cwd=searched)
    assert (ran.code, ran.err) == (0, "")
    best = rows(searched / TABLE)[0]
    loaded = load(None, {}, searched)
    assert loaded.source.folder == searched / "config"
    assert loaded.portfolio.max_positions == int(best["max_positions"])
    assert list(loaded.portfolio.symbols) == json.loads(best["symbols"])
    assert loaded.portfolio.daily_stop_loss == 2000
    optimization = json.loads((searched / "config" / "portfolio_optimization.json").read_text())[
        "optimization"
    ]
    assert optimization["chosen_on"]["to"] == "2025-01-10"
    assert optimization["judged_on"]["from"] == "2025-01-13"
    assert optimization["judged_on_the_same_data"] is False
    expected = loaded.portfolio.expected_performance
    test = json.loads((searched / f"{TABLE}.json").read_text())["rows"][0]["test"]
    assert expected is not None
    assert expected.sharpe_ratio == pytest.approx(test["sharpe"], abs=1e-6)


def test_export_changes_no_limits_before_it_has_said_so(searched: Path) -> None:
    live = searched / "config" / "portfolio_optimization.json"
    write_defaults(searched / "config")
    before = live.read_bytes()
    refused = called("research", "export", cwd=searched)
    assert (refused.code, live.read_bytes()) == (1, before)
    assert "In config/portfolio_optimization.json that changes:" in refused.out
    assert "daily_stop_loss: $2,500 → $2,000" in refused.out
    assert "config/portfolio_optimization.json is as it was: --yes writes it." in refused.err
    allowed = called("research", "export", "--yes", cwd=searched)
    assert allowed.code == 0
    assert "daily_stop_loss: $2,500 → $2,000" in allowed.out
    assert read_portfolio(live).daily_stop_loss == 2000
    assert called("research", "export", cwd=searched).code == 0, "the same limits again need no yes"


def test_export_takes_another_row_and_another_stop(searched: Path) -> None:
    ran = called("research", "export", "--row", "1", "--daily-stop-loss", "1500", cwd=searched)
    assert ran.code == 0
    assert "It was simulated with a stop of $2,000 a day, not $1,500." in ran.out
    read = read_portfolio(searched / "config" / "portfolio_optimization.json")
    assert read.max_positions == int(rows(searched / TABLE)[1]["max_positions"])
    assert read.daily_stop_loss == 1500


def test_export_of_a_table_that_was_edited_does_not_pretend_to_know_its_days(searched: Path) -> None:
    path = searched / TABLE
    path.write_text(path.read_text().replace("sharpe", "sharpe", 1) + "\n")
    ran = called("research", "export", cwd=searched)
    assert ran.code == 0
    assert "On which days it was chosen is not known" in ran.out
    assert "Its Sharpe is what its table calls sharpe: not measured here" in ran.out
    expected = json.loads((searched / "config" / "portfolio_optimization.json").read_text())
    assert "growth over volatility" in expected["expected_performance"]["sharpe_ratio_is"]
    assert load(None, {}, searched).portfolio.warnings == ()
    assert "The table does not say under which daily stop: $2,500." in ran.out
