"""`portfold research backtest` as people type it: files, words, mistakes, and what a model adds."""

import csv
import json
import re
import signal
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from portfold.config import load
from portfold.research.trades.results_folder import best_file, trades_file
from portfold.workers.feeds.synthetic import SYMBOLS, SyntheticMarket
from tests.cli.command_line import Ran, called, started
from tests.cli.filtered import NAMED, train_es
from tests.processes import config_folder
from tests.waiting import until

BACKTEST = ("research", "backtest", "--jobs", "1")
SYNTHETIC = ("--bars", "synthetic", "--days", "5")


def rows(folder: Path, symbol: str) -> list[dict[str, str]]:
    with trades_file(folder / "results", symbol).open(newline="") as file:
        return list(csv.DictReader(file))


def best(folder: Path, symbol: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(best_file(folder / "results", symbol).read_text())
    return found


def test_the_synthetic_market_is_backtested_simulated_optimized_and_exported(tmp_path: Path) -> None:
    ran = called(*BACKTEST, *SYNTHETIC, cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert "each alone: no portfolio limit, no daily stop." in ran.out
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == [
        f"{symbol}_optimization" for symbol in sorted(SYMBOLS)
    ]
    printed = {line.split()[0]: line.split()[1] for line in ran.out.splitlines() if line.split()}
    for symbol in SYMBOLS:
        assert printed[symbol] == str(best(tmp_path, symbol)["Trades"]) == str(len(rows(tmp_path, symbol)))

    ended = next(symbol for symbol in SYMBOLS if not best(tmp_path, symbol)["Open_At_End"])
    alone = ("--symbols", ended, "--max-positions", "1", "--daily-stop-loss", "999999")
    assert called("research", "simulate", *SYNTHETIC, *alone, cwd=tmp_path).code == 0
    with (tmp_path / "results" / "portfolio_simulation.csv").open(newline="") as file:
        (simulated,) = csv.DictReader(file)
    assert float(simulated["total_return"]) == best(tmp_path, ended)["Total_PnL_USD"]
    assert int(simulated["trades"]) == best(tmp_path, ended)["Trades"]

    bounds = ("--max-dd-limit", "999999", "--max-breach-events", "999", "--max-positions", "2", "--jobs", "1")
    found = called("research", "optimize", *SYNTHETIC, *bounds, "--exhaustive", "never", cwd=tmp_path)
    assert found.code == 0, found.err
    assert "by the bars of the synthetic market of 5 days with seed 1" in found.out
    assert called("research", "export", cwd=tmp_path).code == 0
    assert load(None, {}, tmp_path).portfolio.max_positions in (1, 2)


def test_what_was_done_before_is_not_done_again_and_is_told_all_the_same(tmp_path: Path) -> None:
    words = (*BACKTEST, *SYNTHETIC, "--symbols", "ES,CL")
    first = called(*words, cwd=tmp_path)
    second = called(*words, cwd=tmp_path)
    note = "Done before, and nothing has changed since: CL, ES.\n"
    assert note not in first.out
    assert second.out.replace(note, "") == first.out


def test_many_processes_write_what_one_does(tmp_path: Path) -> None:
    for jobs in ("1", "2"):
        words = ("--symbols", "ES,CL", "--results-dir", f"by-{jobs}", "--jobs", jobs)
        assert called("research", "backtest", *SYNTHETIC, *words, cwd=tmp_path).code == 0
    for file in (trades_file, best_file):
        for symbol in ("ES", "CL"):
            assert file(tmp_path / "by-1", symbol).read_text() == file(tmp_path / "by-2", symbol).read_text()


# --- folders of bars --------------------------------------------------------------------------------------


def write_bars(folder: Path, symbol: str, days: int = 3) -> Path:
    """Some days of the synthetic market, as a file in UTC."""
    folder.mkdir(exist_ok=True)
    market = SyntheticMarket(load(None, {}, folder).contracts, days=days, seed=1)
    lines = [
        f"{bar.time - timedelta(hours=1):%Y-%m-%dT%H:%M},{bar.open},{bar.high},{bar.low},{bar.close}"
        for bar in market.bars("ES")
    ]
    file = folder / f"{symbol}.csv"
    file.write_text("\n".join(["time,open,high,low,close", *lines]) + "\n")
    return file


def test_a_folder_gives_the_same_trades_as_the_market_it_was_written_from(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars", "ES")
    write_bars(tmp_path / "bars", "ZZ")
    ran = called(*BACKTEST, "--bars", "bars", cwd=tmp_path)
    assert ran.code == 0
    assert "Left out, as they have no contract: ZZ." in ran.out
    found = rows(tmp_path, "ES")
    market = called(*BACKTEST, "--bars", "synthetic", "--days", "3", "--symbols", "ES", cwd=tmp_path)
    assert market.code == 0
    assert found == rows(tmp_path, "ES")


def test_a_bad_file_is_named_with_its_line_and_the_others_are_done(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars", "ES")
    bad = write_bars(tmp_path / "bars", "CL")
    bad.write_text(bad.read_text().replace("T05:00", "T5:00", 1))
    ran = called(*BACKTEST, "--bars", "bars", cwd=tmp_path)
    assert ran.code == 1
    assert "bars/CL.csv, line 8, column time: expected a time such as 2012-01-03T09:00" in ran.err
    assert len(rows(tmp_path, "ES")) == best(tmp_path, "ES")["Trades"]
    assert not trades_file(tmp_path / "results", "CL").exists()


def test_a_span_is_kept_to(tmp_path: Path) -> None:
    span = ("--from", "2025-01-07", "--to", "2025-01-09")
    assert called(*BACKTEST, *SYNTHETIC, "--symbols", "ES", *span, cwd=tmp_path).code == 0
    entered = [datetime.fromisoformat(row["Date/Time"]) for row in rows(tmp_path, "ES")]
    assert entered[0].date() >= date(2025, 1, 6)
    assert min(entered).isoformat() >= "2025-01-06T17:00:00-06:00"
    assert (best(tmp_path, "ES")["Days"], best(tmp_path, "ES")["Warm_Up_Bars"]) == (3, 23)


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ((), 2, "--bars"),
        (("--bars", "nowhere"), 2, "nowhere is not a folder"),
        (("--bars", "."), 2, "expected files such as ES.csv"),
        (("--bars", "unknown"), 2, "unknown has none of them"),
        (("--bars", "unknown", "--symbols", "ZZ"), 2, "--symbols: expected symbols with a contract"),
        (("--bars", "empty"), 1, "ES: expected bars in empty, got none."),
        (("--bars", "old"), 1, "ES: expected bars from 1970 on, got one of 1969-12-31."),
        (("--bars", "empty", "--days", "5"), 2, "--days: expected --bars synthetic with it, got empty."),
        (("--bars", "empty", "--market-seed", "5"), 2, "--market-seed: expected --bars synthetic with it"),
        (
            (*SYNTHETIC, "--symbols", "ES,XX"),
            2,
            "--symbols: the synthetic market of 5 days with seed 1 has bars of 6A, 6B",
        ),
        ((*SYNTHETIC, "--days", "0"), 2, "--days"),
        (
            (*SYNTHETIC, "--from", "2025-01-08", "--to", "2025-01-07"),
            2,
            "Expected a last day from 2025-01-08",
        ),
        ((*SYNTHETIC, "--symbols", "ES", "--to", "2024-12-31"), 1, "those in the synthetic market of 5 days"),
        ((*SYNTHETIC, "--config", "nowhere"), 2, "No portfolio optimization config found"),
        ((*SYNTHETIC, "--symbols", "ES", "--results-dir", "a-file"), 1, "cannot be written"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, words: tuple[str, ...], code: int, why: str) -> None:
    (tmp_path / "a-file").write_text("")
    for folder, name, line in (
        ("unknown", "ZZ", ""),
        ("empty", "ES", ""),
        ("old", "ES", "1969-12-31,1,1,1,1\n"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.csv").write_text(f"date,open,high,low,close\n{line}")
    ran = called(*BACKTEST, *words, cwd=tmp_path)
    assert ran.code == code, ran.err
    assert why in " ".join(ran.err.split())
    assert ran.err.startswith("portfold: ")


# --- a model ----------------------------------------------------------------------------------------------


MODELLED = ("--bars", "synthetic", "--market-seed", "4", "--days", "40", "--symbols", "ES")


class Modelled(NamedTuple):
    """A working folder whose configuration names a model of ES, and its backtest on forty days of a market.

    The model was trained on what lies in the first thirty.
    """

    folder: Path
    ran: Ran


@pytest.fixture(scope="module")
def modelled(tmp_path_factory: pytest.TempPathFactory) -> Modelled:
    home = tmp_path_factory.mktemp("modelled")
    folder = config_folder(home / "config")
    train_es(load(str(folder), {}, home), folder)
    config_folder(folder, runtime={"workers": {"ES": NAMED["ES"] | {"min_probability": 0.52}}})
    ran = called(*BACKTEST, *MODELLED, cwd=home)
    assert ran.code == 0, ran.err
    return Modelled(home, ran)


def test_what_the_filter_refused_is_written_unselected_with_what_it_would_have_made(
    modelled: Modelled,
) -> None:
    found, written = rows(modelled.folder, "ES"), best(modelled.folder, "ES")
    made = [row for row in found if row["Model_Selected"] == "1"]
    refused = [row for row in found if row["Model_Selected"] == "0"]
    assert (len(made), len(refused)) == (
        written["Trades"],
        written["Refused"] - written["Refused_Without_Outcome"],
    )
    assert len(made) > 10 < len(refused)
    assert min(float(row["Model_Probability"]) for row in made) >= 0.52
    assert max(float(row["Model_Probability"]) for row in refused) < 0.52
    for row in found:
        ticks = (float(row["Exit_Price"]) - float(row["Entry_Price"])) / 0.25
        assert float(row["Model_PnL_USD"]) == pytest.approx(12.5 * ticks - 5)
    assert f"ES: the filter refused {written['Refused']} signals" in modelled.ran.out


def test_with_a_model_the_sharpe_out_of_sample_is_that_of_the_paths(modelled: Modelled) -> None:
    written = best(modelled.folder, "ES")
    assert written["Model_Threshold"] == 0.52
    assert written["Sharpe_OOS_Method"].startswith("CPCV: 6 groups, 2 tested")
    assert written["Sharpe_OOS_CPCV"] == pytest.approx(sum(written["Sharpe_OOS_Paths"]) / 5)
    assert written["Sharpe_OOS_CPCV"] != written["Sharpe"]


def test_the_trades_of_each_path_are_a_folder_of_results_that_no_model_has_seen(modelled: Modelled) -> None:
    assert "by models that have not seen them: --results-dir results/paths/1 to 5." in modelled.ran.out
    figures = best(modelled.folder, "ES")["Sharpe_OOS_Paths"]
    words = ("simulate", "--max-positions", "1", "--results-dir")
    for path, sharpe in enumerate(figures, start=1):
        ran = called("research", *words, f"results/paths/{path}", cwd=modelled.folder)
        assert (ran.code, "prove nothing" in ran.out) == (0, False)
        assert (
            f"Out of sample by cross-validation, as far as filters go: ES, judged by models of path {path}"
            in (ran.out)
        )
        table = modelled.folder / "results" / "paths" / f"{path}" / "portfolio_simulation.csv"
        with table.open(newline="") as file:
            found = next(iter(csv.DictReader(file)))
        assert float(found["sharpe"]) == pytest.approx(sharpe, rel=0.2)  # from its first trade to its last


def test_trades_on_bars_of_the_training_are_counted_and_told(modelled: Modelled) -> None:
    written = best(modelled.folder, "ES")
    known = written["Trades_On_Training_Bars"]
    assert 0 < known < written["Trades"]
    part = f"{known} of {written['Trades']} trades"
    assert f"ES: {part} are on bars that the model was trained on" in modelled.ran.out


def test_a_span_that_begins_after_the_training_has_none_of_them(modelled: Modelled) -> None:
    after = ("--results-dir", "after", "--from", "2025-02-17")  # thirty trading days after 6 January
    ran = called(*BACKTEST, *MODELLED, *after, cwd=modelled.folder)
    written = json.loads(best_file(modelled.folder / "after", "ES").read_text())
    assert (written["Trades_On_Training_Bars"], written["Trades"] > 0) == (0, True)
    assert "prove nothing" not in ran.out


def test_without_the_extra_that_trains_there_is_no_sharpe_out_of_sample(
    modelled: Modelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "portfold.research.filter.training", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    ran = called(*BACKTEST, *MODELLED, "--results-dir", "untrained", cwd=modelled.folder)
    assert ran.code == 0
    written = json.loads(best_file(modelled.folder / "untrained", "ES").read_text())
    assert written["Sharpe_OOS_CPCV"] is None
    assert re.search(
        r"OOS: none: sklearn.ensemble is not installed \(\S+pip install -e '\S+\[ml\]'\)\.", ran.out
    )


# --- interrupted ------------------------------------------------------------------------------------------


def test_interrupted_what_is_done_stays_and_the_same_command_does_the_rest(tmp_path: Path) -> None:
    words = ("research", "backtest", "--bars", "synthetic", "--days", "600", "--jobs", "2")
    with started(*words, cwd=tmp_path) as running:
        until(lambda: any(tmp_path.glob("results/*/best.json")), "the first symbol", seconds=150)
        running.process.send_signal(signal.SIGINT)
        assert running.ends() == 130
        said = running.said.read_text()
    assert "Traceback" not in said
    kept = sorted(
        path.parent.name.removesuffix("_optimization") for path in tmp_path.glob("results/*/best.json")
    )
    assert 0 < len(kept) < len(SYMBOLS)
    assert "symbols are done and kept; the same command does the rest." in said
    again = called(*words[:-1], "1", "--symbols", kept[0], cwd=tmp_path)
    assert f"nothing has changed since: {kept[0]}." in again.out
