"""What `optimize` says and leaves beside its table: all sets, daily stops, luck."""

import json
import re
from pathlib import Path

import pytest

from portfold.config import read_portfolio
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
