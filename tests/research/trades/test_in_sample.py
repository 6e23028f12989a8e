"""Trades on bars that a model was trained on prove nothing, and every command after the backtest says so."""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from portfold.cli.exits import UNUSABLE
from portfold.config import load
from portfold.research.search.findings import findings_file
from portfold.research.trades.in_sample import ON_TRAINING_BARS, InSampleTrades, in_sample_trades, in_words
from portfold.research.trades.results_folder import best_file, read_results
from portfold.research.trades.trading_days import DaySpan, trades_within
from tests.audit.pages import Elements
from tests.cli.command_line import called
from tests.research.made import CHICAGO, random_trades, trade, write_results

DAY = 24
RESULTS = Path("results")
TABLE = RESULTS / "greedy_optimization_results.csv"
LOOSE = ("--max-positions", "2", "--max-dd-limit", "999999", "--max-breach-events", "999", "--jobs", "1")


def knows(folder: Path, symbol: str, best: object) -> None:
    """What a backtest has left to say of the symbol."""
    best_file(folder, symbol).write_text(json.dumps({ON_TRAINING_BARS: best}))


def seen(folder: Path, span: DaySpan) -> tuple[InSampleTrades, ...]:
    found = read_results(folder, zone=CHICAGO)
    where = {"zone": "America/Chicago", "roll": "17:00"}
    return in_sample_trades(trades_within(found.trades, span, **where), found.symbols, **where)


# --- which trades ---------------------------------------------------------------------------------------


@pytest.fixture
def five_days(tmp_path: Path) -> Path:
    """A trade of ES and one of CL on each day from Monday 6 to Friday 10 January."""
    made = [trade(symbol, DAY * day, DAY * day + 1, 50) for symbol in ("ES", "CL") for day in range(5)]
    return write_results(tmp_path / RESULTS, made)


def test_the_first_trades_of_the_file_are_those_of_the_training(five_days: Path) -> None:
    knows(five_days, "ES", 3)
    assert seen(five_days, DaySpan()) == (InSampleTrades("ES", 3, 5, "2025-01-08"),)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2025-01-07", "2025-01-10", (InSampleTrades("ES", 2, 4, "2025-01-08"),)),
        ("2025-01-06", "2025-01-06", (InSampleTrades("ES", 1, 1, "2025-01-06"),)),
        ("2025-01-09", "2025-01-10", ()),
    ],
)
def test_of_a_span_those_that_lie_in_it_count(
    five_days: Path, first: str, last: str, expected: tuple[InSampleTrades, ...]
) -> None:
    knows(five_days, "ES", 3)
    assert seen(five_days, DaySpan(*map(date.fromisoformat, (first, last)))) == expected


@pytest.mark.parametrize(("best", "count"), [(0, 0), (-1, 0), (2.0, 2), (99, 5), (None, 0), ("3", 0)])
def test_whatever_stands_there_is_taken_as_far_as_it_makes_sense(
    five_days: Path, best: object, count: int
) -> None:
    knows(five_days, "ES", best)
    assert sum(one.on_training_bars for one in seen(five_days, DaySpan())) == count


def test_several_symbols_are_one_sentence(five_days: Path) -> None:
    knows(five_days, "ES", 3)
    knows(five_days, "CL", 4)
    assert in_words(seen(five_days, DaySpan())) == (
        "7 of 10 entries of CL, ES are on bars that the model was trained on, the last on 2025-01-09, and "
        "prove nothing"
    )


# --- the commands ---------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Results of two symbols; the model of each has seen the first week."""
    trades = random_trades(4, ("ES", "CL"), each=30)
    write_results(tmp_path / RESULTS, trades)
    for symbol in ("ES", "CL"):
        knows(tmp_path / RESULTS, symbol, 10)
    return tmp_path


def exported(folder: Path) -> dict[str, Any]:
    ran = called("research", "export", "--yes", cwd=folder)
    assert ran.code == 0, ran.err
    path = folder / "config" / "portfolio_optimization.json"
    performance: dict[str, Any] = json.loads(path.read_text()) | {"said": ran.out}
    assert load(None, {}, folder).portfolio.warnings == ()
    return performance


def reported(folder: Path) -> str:
    assert called("research", "report", cwd=folder).code == 0
    return Elements((folder / TABLE.with_suffix(".html")).read_text()).said


def optimized(folder: Path, spans: Iterable[str] = ()) -> str:
    ran = called("research", "optimize", *LOOSE, *spans, cwd=folder)
    assert ran.code == 0, ran.err
    return ran.out


def test_simulate_says_it_of_the_span(folder: Path) -> None:
    ran = called("research", "simulate", "--max-positions", "1", cwd=folder)
    assert "20 of 60 entries of CL, ES are on bars that the model was trained on, the last on" in ran.out
    assert "and prove nothing; --from begins after them." in ran.out
    last = ran.out.partition("the last on ")[2][:10]
    after = called(
        "research",
        "simulate",
        "--max-positions",
        "1",
        "--from",
        str(date.fromisoformat(last) + timedelta(days=1)),
        cwd=folder,
    )
    assert (after.code, "prove nothing" in after.out) == (0, False)


def test_it_stays_through_optimize_export_and_report(folder: Path) -> None:
    said = optimized(folder)
    assert "are on bars that the model was trained on" in said
    assert "and prove nothing; --train-from begins after them." in said
    tree = exported(folder)
    known = tree["expected_performance"]["trades_on_training_bars"]
    chosen = tree["portfolio_constraints"]["symbols"]
    assert known == 10 * len(chosen)
    assert tree["optimization"]["chosen_on"]["trades_on_training_bars"] == known
    filters = dict.fromkeys(sorted(chosen), "no: 10 entries on bars of the training")
    assert tree["expected_performance"]["filters_out_of_sample"] == filters
    assert tree["optimization"]["chosen_on"]["filters_out_of_sample"] == filters
    assert f"{known} of {30 * len(chosen)} entries of {', '.join(sorted(chosen))} are on bars" in tree["said"]
    assert "Chosen on bars of the training" in reported(folder)


def test_what_was_chosen_on_them_and_judged_after_them_is_told_apart(folder: Path) -> None:
    said = optimized(folder, ("--train-to", "2025-01-15", "--test-from", "2025-01-16"))
    assert ("--train-from begins after them" in said, "--test-from begins" in said) == (True, False)
    tree = exported(folder)
    assert tree["expected_performance"]["trades_on_training_bars"] == 0
    assert tree["optimization"]["chosen_on"]["trades_on_training_bars"] > 0
    of_trades_alone = set(tree["expected_performance"]["filters_out_of_sample"].values())
    assert of_trades_alone == {"not known"}
    nobody_knows = "is out of sample nobody knows: the files are another program's"
    assert nobody_knows in said
    assert nobody_knows in tree["said"]
    page = reported(folder)
    assert "Filters, where it was judged" in page
    assert nobody_knows in page
    assert ("Chosen on bars of" in page, "Judged on bars of" in page) == (True, False)


def test_a_span_that_a_model_was_trained_on_is_refused_as_a_test(folder: Path) -> None:
    spans = ("--train-from", "2025-01-16", "--test-to", "2025-01-15")
    ran = called("research", "optimize", *LOOSE, *spans, cwd=folder)
    assert ran.code == UNUSABLE
    assert "--test-from: expected a day after 2025-01-" in ran.err
    assert "are on bars that the model was trained on" in ran.err
    last = date.fromisoformat(ran.err.partition("a day after ")[2][:10])
    before = ("--train-to", f"{last}", "--test-from", f"{last + timedelta(days=1)}")
    assert called("research", "optimize", *LOOSE, *before, cwd=folder).code == 0
    assert not list((folder / "results").glob("*.search"))


def test_findings_of_an_older_version_do_not_know_and_do_not_say_no(folder: Path) -> None:
    optimized(folder)
    path = findings_file(folder / TABLE)
    old = json.loads(path.read_text())
    del old["train"]["seen"]
    del old["train"]["filters"]
    path.write_text(json.dumps(old))
    tree = exported(folder)
    assert tree["expected_performance"]["trades_on_training_bars"] is None
    assert tree["expected_performance"]["filters_out_of_sample"] is None
    assert "prove nothing" not in tree["said"]
    assert "of the training" not in reported(folder)
