"""What is fitted for a test span knows nothing of it, nor of anything later; a leak that is planted shows."""

import csv
import json
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from portfold.config import Configuration
from portfold.config.strategies.ibs import IbsParameters
from portfold.research.backtest.out_of_sample import Past
from portfold.research.backtest.outcome import BacktestPlan
from portfold.research.backtest.walk_forward import (
    Every,
    RefittedFilter,
    SpanOfBars,
    WalkPlan,
    refitted,
    spans_of,
)
from portfold.research.errors import ResearchError
from portfold.research.filter.examples import Examples, examples_of
from portfold.research.simulate.bars_within import day_of
from portfold.research.simulate.market import SYNTHETIC, ResearchMarket
from portfold.research.trades.results_folder import best_file, signals_file, trades_file
from portfold.research.trades.trading_days import DaySpan
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.synthetic import SyntheticMarket
from tests.audit.pages import Elements
from tests.cli.command_line import called
from tests.research.made import packaged

DAYS, SEED = 60, 4
TEST_FROM = date(2025, 2, 3)


def both_sides() -> Configuration:
    runtime = msgspec.structs.replace(packaged().runtime, workers={"default": IbsParameters(sides="both")})
    return msgspec.structs.replace(packaged(), runtime=runtime)


def walk(*, test_from: date = TEST_FROM, every: Every = "month", embargo: float = 0.01) -> WalkPlan:
    market = ResearchMarket(SYNTHETIC, DAYS, SEED)
    alone = BacktestPlan(both_sides(), market, DaySpan(), Decimal(150_000), Path("results"))
    return WalkPlan(alone, test_from, every, "logistic", embargo)


@pytest.fixture(scope="module")
def examples(bars: list[Bar]) -> Examples:
    return examples_of("ES", bars, both_sides())


@pytest.fixture(scope="module")
def bars() -> list[Bar]:
    return list(SyntheticMarket(packaged().contracts, days=DAYS, seed=SEED).bars("ES"))


def spans(bars: Sequence[Bar], plan: WalkPlan) -> list[SpanOfBars]:
    return spans_of("ES", Past(bars, 0, ()), plan, packaged().runtime.trading_day)


def fits(bars: Sequence[Bar], plan: WalkPlan) -> list[tuple[str, float, int]]:
    """The model, the threshold and the number of examples of each span."""
    examples = examples_of("ES", bars, plan.backtest.configuration)
    found = refitted("ES", bars, examples, spans(bars, plan), plan)
    return [(refit.sha256, refit.threshold, refit.examples) for refit in found]


def another_future(bars: Sequence[Bar], begins: int) -> list[Bar]:
    """The same bars before number `begins`; from then on each moves the other way."""
    turn = 2 * bars[begins - 1].close
    turned = [
        Bar(bar.symbol, bar.time, turn - bar.open, turn - bar.low, turn - bar.high, turn - bar.close)
        for bar in bars[begins:]
    ]
    return [*bars[:begins], *turned]


# --- nothing of the test is learned -----------------------------------------------------------------------


def test_what_is_fitted_for_a_span_is_the_same_whatever_comes_in_it_and_after_it(bars: list[Bar]) -> None:
    """Without an embargo, so that the last bar before a span is the last that can be known."""
    plan = walk(embargo=0)
    known = fits(bars, plan)
    assert len(known) == 2
    for number, span in enumerate(spans(bars, plan)):
        told = fits(another_future(bars, span.begins), plan)
        assert told[: number + 1] == known[: number + 1]
        assert number == len(known) - 1 or told[-1] != known[-1]


def test_a_leak_of_one_bar_into_what_is_learned_shows(
    bars: list[Bar], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The purge is planted away: trades count as known that had not ended when the span began."""
    plan = walk(embargo=0)
    begins = spans(bars, plan)[0].begins
    monkeypatch.setattr(
        Examples, "ended_before", lambda self, number: tuple(one for one in self.of if one.first < number)
    )
    assert fits(bars, plan)[0] != fits(another_future(bars, begins), plan)[0]


def test_a_trade_that_ends_with_the_last_bar_before_is_learned_from_and_one_a_bar_later_is_not(
    examples: Examples,
) -> None:
    ends = examples.of[200].last
    assert examples.of[200] in examples.ended_before(ends + 1)
    assert examples.of[200] not in examples.ended_before(ends)


def test_what_is_learned_of_all_bars_is_what_is_learned_of_those_before_alone(
    bars: list[Bar], examples: Examples
) -> None:
    for cut in (200, 700):
        assert examples.ended_before(cut) == examples_of("ES", bars[:cut], both_sides()).of


# --- spans ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("every", "begin"),
    [
        ("month", ["2025-02-03", "2025-03-03"]),
        ("quarter", ["2025-02-03"]),
        ("year", ["2025-02-03"]),
    ],
)
def test_spans_begin_with_the_calendar_and_hold_each_bar_once(
    bars: list[Bar], every: Every, begin: list[str]
) -> None:
    day, until = packaged().runtime.trading_day, bars[: 57 * 23]
    found = spans(until, walk(every=every))
    assert [day_of(bars[span.begins], day) for span in found] == begin
    assert day_of(bars[found[0].begins - 1], day) == "2025-01-31"
    assert all(earlier.ends == later.begins for earlier, later in pairwise(found))
    assert found[-1].ends == len(until)
    assert all(span.learned == span.begins - -(-span.begins // 100) for span in found)


@pytest.mark.parametrize("wanted", [date(2025, 1, 6), date(2025, 3, 31)])
def test_a_test_without_bars_before_it_or_in_it_is_refused(bars: list[Bar], wanted: date) -> None:
    with pytest.raises(ResearchError, match="which are from 2025-01-06 to 2025-03-28, got"):
        spans(bars, walk(test_from=wanted))


def test_each_signal_is_judged_by_the_fit_of_its_own_span(bars: list[Bar], examples: Examples) -> None:
    """At the last bar before an edge, and at the first after it: one passes everything, the other nothing."""
    plan, day = walk(), packaged().runtime.trading_day
    first, second = refitted("ES", bars, examples, spans(bars, plan), plan)
    judges = RefittedFilter([first._replace(threshold=0), second._replace(threshold=1)], bars, day)
    passed = {}
    for number, bar in enumerate(bars[: second.span.begins + 1]):
        judges.take(bar)
        passed[number] = judges.judge(bar, "long").passed
    edges = (first.span.begins - 1, first.span.begins, second.span.begins - 1, second.span.begins)
    assert [passed[number] for number in edges] == [False, True, True, False]


# --- the command ------------------------------------------------------------------------------------------

WALK = ("research", "walk-forward", "--jobs", "1", "--symbols", "ES", "--bars", "synthetic", "--days", "60")
FOLDER = ("--results-dir", "results/walk-forward")


def test_what_is_walked_forward_is_one_folder_that_is_simulated_as_out_of_sample(tmp_path: Path) -> None:
    words = (*WALK, "--test-from", "2025-02-14", "--every", "month")
    ran = called(*words, cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    folder = tmp_path / "results" / "walk-forward"
    best: dict[str, Any] = json.loads(best_file(folder, "ES").read_text())
    assert [span["First_Day"] for span in best["Walk_Forward"]] == ["2025-02-14", "2025-03-03"]
    for span in best["Walk_Forward"]:
        assert span["Learned_Until"][:10] < span["First_Day"]
    assert sum(span["Trades"] for span in best["Walk_Forward"]) == best["Trades"] > 0
    assert sum(span["PnL_USD"] for span in best["Walk_Forward"]) == pytest.approx(best["Total_PnL_USD"])
    assert (best["Trades_On_Training_Bars"], best["Sharpe_OOS_CPCV"]) == (0, None)
    for file in (trades_file, signals_file):
        with file(folder, "ES").open(newline="") as text:
            entries = [row["Date/Time"] for row in csv.DictReader(text)]
        assert entries
        assert min(entries) >= "2025-02-13 18:00:00-06:00"
    again = called(*words, cwd=tmp_path)
    assert "Done before, and nothing has changed since: ES." in again.out

    said = re.compile(r"Out of sample by walk-forward.*: ES, fitted anew for each of 2 spans")
    for command in (
        ("simulate", "--max-positions", "1"),
        ("optimize", "--max-positions", "1", "--jobs", "1"),
    ):
        assert said.search(called("research", *command, *FOLDER, cwd=tmp_path).out)
    table = str(folder / "greedy_optimization_results.csv")
    exported = called("research", "export", "--yes", "--results", table, cwd=tmp_path)
    tree = json.loads((tmp_path / "config" / "portfolio_optimization.json").read_text())
    marks = tree["expected_performance"], tree["optimization"]["judged_on"]
    assert [one["filters_out_of_sample"] for one in marks] == [{"ES": "yes: walk-forward over 2 spans"}] * 2
    assert said.search(exported.out)
    assert called("research", "report", "--results", table, cwd=tmp_path).code == 0
    assert said.search(Elements((folder / "greedy_optimization_results.html").read_text()).said)
    trades = trades_file(folder, "ES")
    trades.write_text(trades.read_text().replace("long", "short", 1))
    edited = called("research", "simulate", *FOLDER, cwd=tmp_path).out
    assert not said.search(edited)
    assert "Whether ES is out of sample nobody knows" in edited


def test_too_few_trades_before_a_span_are_named_with_it(tmp_path: Path) -> None:
    ran = called(*WALK, "--test-from", "2025-01-08", cwd=tmp_path)
    assert ran.code == 1
    assert "ES, the test span that begins on 2025-01-08: Expected 100 examples at least" in ran.err
    assert "A later --test-from has more." in ran.err
