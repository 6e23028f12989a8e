"""`portfold research report` as people type it: the page of a search, and what becomes of mistakes."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.audit.pages import Elements
from tests.cli.command_line import called
from tests.research.made import random_trades, write_results

TABLE = "results/greedy_optimization_results.csv"
PAGE = "results/greedy_optimization_results.html"
LOOSE = ("--max-dd-limit", "999999", "--max-breach-events", "999", "--exhaustive", "never", "--jobs", "1")


@pytest.fixture(scope="module")
def optimized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which was searched, not to be changed, and what was said last."""
    folder = tmp_path_factory.mktemp("optimized")
    write_results(folder / "results", random_trades(4, ("ES", "CL", "6E", "GC"), each=25))
    ran = called(
        *("research", "optimize", "--max-positions", "2", "--daily-stop-loss", "2000", *LOOSE),
        *("--train-to", "2025-01-10", "--test-from", "2025-01-13", "--seed", "5", "--zone", "Europe/Paris"),
        cwd=folder,
    )
    assert ran.code == 0
    return folder, ran.out.splitlines()[-1]


@pytest.fixture
def folder(optimized: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(optimized[0] / "results", tmp_path / "results")
    return tmp_path


def said(page: Path) -> str:
    return Elements(page.read_text(encoding="utf-8")).said


def test_the_search_says_how_to_make_the_page_and_that_makes_it(
    optimized: tuple[Path, str], folder: Path
) -> None:
    command = optimized[1].removeprefix("A page of it: portfold ").split()
    ran = called(*command, cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"Written: {PAGE}. It opens in a browser, and needs nothing else.\n"
    page = said(folder / PAGE)
    assert "the fingerprints agree. Trades of results, no bars, times in Europe/Paris, seed 5." in page
    assert "stop at $2,000 a day" in page
    assert called(*command, cwd=folder).code == 0, "a page of ours is made anew"


def test_another_row_another_file(folder: Path) -> None:
    ran = called("research", "report", "--row", "1", "--output", "deep/page.html", cwd=folder)
    assert ran.code == 0
    assert "row 1" in said(folder / "deep" / "page.html")


def test_trades_that_changed_are_not_taken_for_those_that_were_searched(folder: Path) -> None:
    file = folder / "results/ES_optimization/ES_rf_best_trades.csv"
    file.write_text("\n".join(file.read_text().splitlines()[:-1]))
    ran = called("research", "report", cwd=folder)
    assert ran.code == 1
    assert "is not what is there now" in ran.err
    assert "The page says so, and shows what the search wrote down." in ran.err
    page = said(folder / PAGE)
    assert "▲ Not simulated again What it was judged on, 2025-01-13 to" in page
    assert "The search's path" in page


def test_a_symbol_more_in_the_folder_changes_nothing(folder: Path) -> None:
    write_results(folder / "results", random_trades(9, ("SI",)))
    assert called("research", "report", cwd=folder).code == 0


def test_trades_that_were_moved_are_found_where_one_says(folder: Path) -> None:
    (folder / "results").rename(folder / "moved")
    table = "moved/greedy_optimization_results.csv"
    lost = called("research", "report", "--results", table, cwd=folder)
    assert lost.code == 1
    assert "What it was made of cannot be read again: results: expected the folder of results" in lost.err
    found = called("research", "report", "--results", table, "--results-dir", "moved", cwd=folder)
    assert (found.code, found.err) == (0, "")


def test_a_table_without_findings_is_drawn_as_far_as_it_goes(folder: Path) -> None:
    (folder / f"{TABLE}.json").unlink()
    ran = called("research", "report", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    assert "Nothing beside the table says how it was found" in ran.out
    page = said(folder / PAGE)
    assert "▲ Not simulated again Nothing beside the table" in page
    assert "▲ Its Sharpe is what its table calls sharpe: not measured here" in page
    assert "mean over deviation of daily returns" not in page


def test_only_a_page_of_ours_is_written_over(folder: Path) -> None:
    trades = folder / "results/ES_optimization/ES_rf_best_trades.csv"
    before = trades.read_bytes()
    ran = called("research", "report", "--output", str(trades), cwd=folder)
    assert (ran.code, trades.read_bytes()) == (2, before)
    assert "is there already and is no report" in ran.err


def test_without_plotly_it_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    ran = called("research", "report", cwd=folder)
    assert (ran.code, (folder / PAGE).exists()) == (2, False)
    assert re.search(r"needs plotly, which is not installed: \S+pip install -e '\S+\[research\]'\n", ran.err)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--row", "2"), "--row: expected a row from 0 to 1"),
        (("--row", "-1"), "--row"),
        (("--results", "nowhere.csv"), "nowhere.csv: cannot be read"),
        (("--output", "results"), "--output: results cannot be written: Is a directory"),
        (("--output", f"{TABLE}/page.html"), "cannot be written: Not a directory"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(folder: Path, words: tuple[str, ...], why: str) -> None:
    ran = called("research", "report", *words, cwd=folder)
    assert ran.code == 2
    assert why in " ".join(ran.err.split())
    assert "Traceback" not in ran.err


def test_findings_that_cannot_be_read_are_named(folder: Path) -> None:
    (folder / f"{TABLE}.json").write_text("{")
    ran = called("research", "report", cwd=folder)
    assert ran.code == 2
    assert f"{TABLE}.json: expected the findings of greedy_optimization_results.csv" in ran.err
