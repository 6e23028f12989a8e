"""`portfold research tear-sheet`: the trades of a folder as they are, in the figures that traders ask."""

import json
from pathlib import Path

from portfold.cli.exits import OK
from tests.cli.command_line import called
from tests.research.made import trade, write_results


def test_the_trades_of_a_folder_as_a_tear_sheet(tmp_path: Path) -> None:
    priced = {"side": "long", "entry_price": None, "exit_price": None}
    write_results(
        tmp_path / "results",
        [
            trade("ES", 0, 1, 100, **priced),
            trade("CL", 8, 9, -40, **priced),
            trade("ES", 24, 26, 60, **priced),
        ],
    )
    ran = called("research", "tear-sheet", "--json", cwd=tmp_path)
    found = json.loads(ran.out)
    assert (ran.code, found["trades"], found["pnl"], found["days"]) == (OK, 3, 120, 2)
    assert found["by_hour"] == {"10:00": 160, "18:00": -40}
    assert found["by_month"] == {"2025-01": 120}
    shown = called("research", "tear-sheet", "--returns", "returns.csv", cwd=tmp_path)
    assert shown.out.startswith("2025-01-06 to 2025-01-07: 2 trading days, 3 trades\n")
    assert "Written: returns.csv" in shown.out
    assert (tmp_path / "returns.csv").read_text().startswith("date,return\n2025-01-06,0.000666")


def test_a_folder_without_trades_is_said(tmp_path: Path) -> None:
    ran = called("research", "tear-sheet", "--results-dir", "none", cwd=tmp_path)
    assert ran.code != OK
    assert "none" in ran.err
