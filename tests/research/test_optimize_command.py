"""What `optimize` says and leaves beside its table: all sets, daily stops, luck."""

import json
import re
from pathlib import Path

import pytest

from portfold.config import read_portfolio
from tests.audit.pages import Elements
from tests.cli.command_line import called
from tests.research.test_commands import LOOSE, TABLE, rows


def test_a_look_at_all_sets_that_is_interrupted_leaves_what_it_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object, done: int) -> None:
        if done == 39:  # greedy's 24, and all sets with one position
            raise KeyboardInterrupt

    monkeypatch.setattr("portfold.cli.progress.ShownProgress.__call__", interrupted)
    words = ("research", "optimize", "--max-positions", "2", "--kernel", "always", *LOOSE)
    ran = called(*words, cwd=folder)
    assert ran.code == 130
    assert "Interrupted: the fold judges what was found so far." in ran.out
    assert "Partial: interrupted when 15 of 30 sets were looked at" in ran.out
    assert len(rows(folder / TABLE)) == 2
    assert json.loads((folder / f"{TABLE}.json").read_text())["all_sets"]["there_are"] == 30

    of_all = Path("results") / "greedy_optimization_results_all_sets.csv"
    assert "The best of the 15 of 30 sets looked at is a table of its own" in ran.out
    assert called("research", "export", "--results", f"{of_all}", cwd=folder).code == 0
    said = json.loads((folder / "config" / "portfolio_optimization.json").read_text())["optimization"]
    assert (said["best_of_sets_looked_at"], said["sets_there_are"]) == (15, 30)
    assert "best_of_all_sets" not in said
    assert called("research", "report", "--results", f"{of_all}", cwd=folder).code == 0
    page = Elements((folder / of_all).with_suffix(".html").read_text()).said
    assert "did not choose this: it is the best of the 15 of 30 sets looked at." in page
    assert "none of the best of the 15 of 30 sets looked at, of which greedy tried few" in page


def test_several_daily_stops_are_searched_at_once_exported_and_shown(folder: Path) -> None:
    words = ("research", "optimize", "--max-positions", "2", "--daily-stops", "900,2500", *LOOSE)
    ran = called(*words, "--exhaustive", "never", cwd=folder)
    assert ran.code == 0
    assert "Searched under 2 daily stops: $900, $2,500." in ran.out
    assert re.search(r"^ *Pos +Stop +Sharpe ", ran.out, re.MULTILINE)
    found = rows(folder / TABLE)
    assert sorted(row["daily_stop_loss"] for row in found) == ["2500.00", "2500.00", "900.00", "900.00"]
    last = next(number for number, row in enumerate(found) if row["daily_stop_loss"] == "2500.00")
    assert called("research", "export", "--row", f"{last}", cwd=folder).code == 0
    assert read_portfolio(folder / "config" / "portfolio_optimization.json").daily_stop_loss == 2500
    page = called("research", "report", "--row", f"{last}", cwd=folder)
    assert (page.code, page.err) == (0, "")
    assert "(of 2 searched, $900 to $2,500)" in (folder / TABLE).with_suffix(".html").read_text()
    bad = called(*words, "--daily-stops", "900,much", cwd=folder)
    assert "--daily-stops: expected dollars as 1500,2500, got 'much'." in bad.err


def test_the_best_of_all_sets_is_exported_and_drawn_though_greedy_chose_another(folder: Path) -> None:
    words = ("research", "optimize", "--max-positions", "2", "--kernel", "always", *LOOSE)
    ran = called(*words, "--objective", "drawdown", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    of_all = Path("results") / "greedy_optimization_results_all_sets.csv"
    assert f"a table of its own, for report and export: --results {of_all}" in ran.out
    found = json.loads((folder / f"{of_all}.json").read_text())
    best, [winner] = found["all_sets"]["best"], found["rows"]
    assert winner["of_all"] == 30
    assert (winner["symbols"], winner["max_positions"]) == (best["symbols"], best["max_positions"])
    assert winner["train"] == best["metrics"]
    greedys = json.loads((folder / f"{TABLE}.json").read_text())["rows"][0]
    assert winner["train"]["max_dd"] < greedys["train"]["max_dd"]

    exported = called("research", "export", "--results", f"{of_all}", cwd=folder)
    assert exported.code == 0, exported.err
    file = folder / "config" / "portfolio_optimization.json"
    assert sorted(read_portfolio(file).symbols) == best["symbols"]
    said = json.loads(file.read_text())["optimization"]
    assert said["best_of_all_sets"] == 30
    assert "sets_there_are" not in said
    assert said["parameters_tried"] == {}  # nobody counted
    page = called("research", "report", "--results", f"{of_all}", cwd=folder)
    assert (page.code, page.err) == (0, "")
    drawn = (folder / of_all).with_suffix(".html").read_text()
    assert "did not choose this: it is the best of all 30 sets" in drawn

    assert called(*words, "--exhaustive", "never", cwd=folder).code == 0
    assert not (folder / of_all).exists()  # nobody takes it for that of this search
