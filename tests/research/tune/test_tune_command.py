"""`portfold research tune` from bars to an exported portfolio: an edge is found, and every try counts."""

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from portfold.config import load
from portfold.research.search.verdict import Verdict
from portfold.research.trades.results_folder import best_file, signals_file, trades_file
from portfold.research.tune.in_words import IN_WORDS
from portfold.research.tune.record import TrialRecord
from tests.audit.pages import Elements
from tests.cli.command_line import called
from tests.processes import config_folder
from tests.research.walks import day_number, rows

DAYS = 90
RANGES = ("--range", "entry_below=0.1,0.2", "--range", "exit_above=0.5..0.9/0.2", "--range", "max_bars=1,4")
"""Twelve sets: what was planted is found by some of them, not by what is best of a walk."""
TUNE = ("research", "tune", "--bars", "bars", "--test-from", day_number(DAYS // 2))
HOW = ("--every", "month", "--trials", "8", "--min-trades", "10", "--jobs", "1")
LOOSE = ("--max-positions", "1", "--max-dd-limit", "999999", "--max-breach-events", "999", "--jobs", "1")


def walks(folder: Path, edge: float, *symbols: str) -> None:
    """Bars in `folder`/bars, and a configuration that trades them at no costs to speak of."""
    config = config_folder(folder / "config", limits={"symbols": list(symbols)})
    contracts, bars = load(str(config), {}, folder).contracts, folder / "bars"
    bars.mkdir()
    for symbol in symbols:
        made = rows(Random(f"{symbol} 3"), contracts[symbol], edge, DAYS)
        (bars / f"{symbol}.csv").write_text("\n".join(made) + "\n")


@pytest.mark.parametrize(("edge", "ends"), [(0.0, "luck"), (0.3, "holds")], ids=["walks", "edge"])
def test_of_random_walks_nothing_is_found_and_a_planted_edge_is(
    edge: float, ends: Verdict, tmp_path: Path
) -> None:
    symbols = ("CL", "ES")
    walks(tmp_path, edge, *symbols)
    ran = called(*TUNE, *RANGES, *HOW, cwd=tmp_path)
    assert ran.code == 0, ran.err
    for symbol in symbols:
        assert f"{symbol}: {IN_WORDS[ends]}" in ran.out


def test_every_try_is_on_record_from_the_folder_to_page_and_export(tmp_path: Path) -> None:
    walks(tmp_path, 0.3, "ES")
    ran = called(*TUNE, *RANGES, *HOW, cwd=tmp_path)
    assert ran.code == 0, ran.err
    folder = tmp_path / "results" / "tuned"
    tuned: dict[str, Any] = json.loads((folder / "tuned.json").read_text())
    tried = tuned["tried"]["ES"]
    best: dict[str, Any] = json.loads(best_file(folder, "ES").read_text())
    assert best["Parameters_Tried"] == tried == len(lines_on_record(folder))
    assert 8 <= tried <= 12
    assert best["Params"]["max_bars"] == tuned["workers"]["ES"]["max_bars"]

    out_of_sample = called("research", "simulate", "--results-dir", str(folder), cwd=tmp_path).out
    spans = best["Tuned_Spans"]
    assert f"as far as parameters go: ES, chosen anew for each of {spans} spans" in out_of_sample

    chosen = ("--bars", "bars", "--jobs", "1", "--tuned", str(folder / "tuned.json"))
    assert called("research", "backtest", *chosen, cwd=tmp_path).code == 0
    alone: dict[str, Any] = json.loads(best_file(tmp_path / "results", "ES").read_text())
    assert (alone["Parameters_Tried"], alone["Params"]["max_bars"]) == (tried, best["Params"]["max_bars"])

    searched = called("research", "optimize", *LOOSE, cwd=tmp_path)
    assert f"Parameters on record were chosen of ES from {tried} sets" in searched.out
    more = called("research", "optimize", *LOOSE, "--tries", "500", cwd=tmp_path)
    assert "Deflated Sharpe" in searched.out
    assert f"each file the best of {tried}" in searched.out
    assert "each file the best of 500" in more.out
    assert called("research", "optimize", *LOOSE, cwd=tmp_path).code == 0
    assert called("research", "export", "--yes", cwd=tmp_path).code == 0
    exported = json.loads((tmp_path / "config" / "portfolio_optimization.json").read_text())
    assert exported["optimization"]["parameters_tried"] == {"ES": tried}
    assert called("research", "report", cwd=tmp_path).code == 0
    page = Elements((tmp_path / "results" / "greedy_optimization_results.html").read_text()).said
    assert f"those of ES from {tried} sets on record, each counted as a try" in page


def lines_on_record(folder: Path) -> list[str]:
    return best_file(folder, "ES").with_name("ES_parameters.tried").read_text().splitlines()


def test_ctrl_c_keeps_what_is_done_and_the_same_command_comes_to_what_one_that_went_through_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks(tmp_path, 0.3, "CL", "ES")
    in_two = (*HOW[:-1], "2")
    whole = called(*TUNE, *RANGES, *in_two, "--results-dir", "through", cwd=tmp_path)
    added, asked = TrialRecord.add, iter(range(100))

    def cut(self: TrialRecord, *given: Any) -> Any:
        if next(asked) == 14:  # of the second symbol
            raise KeyboardInterrupt
        return added(self, *given)

    with monkeypatch.context() as context:
        context.setattr(TrialRecord, "add", cut)
        stopped = called(*TUNE, *RANGES, *HOW, "--results-dir", "cut", cwd=tmp_path)
    assert stopped.code == 130
    assert "Interrupted. 1 of 2 symbols are done and kept; the same command does the rest." in stopped.out
    assert "Of the others each set of parameters that was traded is kept as well." in stopped.out
    again = called(*TUNE, *RANGES, *HOW, "--results-dir", "cut", cwd=tmp_path)
    assert again.out == whole.out.replace("through", "cut")
    for symbol in ("CL", "ES"):
        for file in (trades_file, signals_file, best_file):
            cut_short, through = (file(tmp_path / name, symbol) for name in ("cut", "through"))
            assert cut_short.read_text() == through.read_text()
    chosen = [(tmp_path / name / "tuned.json").read_text() for name in ("cut", "through")]
    assert chosen[0] == chosen[1]


def test_of_one_symbol_ctrl_c_says_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walks(tmp_path, 0.0, "ES")

    def cut(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(TrialRecord, "add", cut)
    stopped = called(*TUNE, *RANGES, *HOW, cwd=tmp_path)
    assert stopped.code == 130
    assert "Each set of parameters that was traded is kept; the same command goes on." in stopped.out


def test_what_was_tuned_before_stays_in_the_file_and_one_that_cannot_be_read_is_said_at_once(
    tmp_path: Path,
) -> None:
    walks(tmp_path, 0.0, "CL", "ES")
    file = tmp_path / "results" / "tuned" / "tuned.json"

    def tuned(symbol: str) -> dict[str, Any]:
        ran = called(*TUNE, *RANGES, *HOW, "--symbols", symbol, cwd=tmp_path)
        assert ran.code == 0, ran.err
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    first, both = tuned("ES"), tuned("CL")
    assert list(first["workers"]) == list(first["tried"]) == ["ES"]
    assert list(both["workers"]) == list(both["tried"]) == ["CL", "ES"]
    assert both["workers"]["ES"] == first["workers"]["ES"]
    assert both["tried"]["ES"] == first["tried"]["ES"]

    file.write_text('{"workers": {}}')
    ran = called(*TUNE, *RANGES, *HOW, cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "tuned.json: tried: expected" in ran.err
    assert file.read_text() == '{"workers": {}}'


def test_what_cannot_be_tuned_is_said_by_name_and_the_rest_is_done(tmp_path: Path) -> None:
    walks(tmp_path, 0.0, "CL", "ES")
    short = (tmp_path / "bars" / "CL.csv").read_text().splitlines()[:400]
    (tmp_path / "bars" / "CL.csv").write_text("\n".join(short) + "\n")
    ran = called(*TUNE, *RANGES, *HOW, cwd=tmp_path)
    assert ran.code == 1
    assert re.search(
        r"CL: expected a --test-from with bars before and after it, which are from \S+ to", ran.err
    )
    assert set(json.loads((tmp_path / "results" / "tuned" / "tuned.json").read_text())["workers"]) == {"ES"}
    bad = called(*TUNE, "--range", "entry_below=0.1..2/0.1", cwd=tmp_path)
    assert bad.code == 1
    assert "--range: entry_below: expected a number from 0 to 1, got" in bad.err
