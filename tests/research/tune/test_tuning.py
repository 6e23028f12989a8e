"""Tuning chooses by what had ended before, and nothing else; interrupted, it goes on to the same end."""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from portfold.config import ConfigError, Configuration, StrategyEntry
from portfold.research.backtest.best import write_results
from portfold.research.backtest.out_of_sample import Past
from portfold.research.backtest.outcome import BacktestPlan
from portfold.research.backtest.trading import trade_alone
from portfold.research.backtest.walk_forward import SpanOfBars, spans_of
from portfold.research.errors import ResearchError
from portfold.research.simulate.market import ResearchMarket
from portfold.research.trades.results_folder import best_file, signals_file, trades_file
from portfold.research.trades.trading_days import DaySpan
from portfold.research.tune.plan import TunePlan
from portfold.research.tune.record import TrialRecord
from portfold.research.tune.succession import Succession
from portfold.research.tune.tuned_file import read_tuned, tuned_configuration, write_tuned
from portfold.research.tune.tuning import FinishedTuning, tune
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition
from tests.research.made import packaged
from tests.research.referee.exchange_day import day_at, weekdays
from tests.research.referee.figures import varies
from tests.research.referee.test_trading import random_bars

RANGES = ("bars=4..16/4", "deviations=0.5,1,1.5", "max_bars=2,6")
"""Twenty-four sets, of which ten are tried each time."""


def configured() -> Configuration:
    runtime = structs.replace(packaged().runtime, workers={"ES": StrategyEntry("bollinger")})
    return structs.replace(packaged(), runtime=runtime)


def bars_of(seed: int, count: int = 260) -> list[Bar]:
    return random_bars(Random(seed), count, steps=(240,))


def planned(folder: Path, bars: list[Bar], **other: Any) -> TunePlan:
    """Three test spans, from the middle of the bars on."""
    alone = BacktestPlan(configured(), ResearchMarket("bars"), DaySpan(), Decimal(150_000), folder)
    begins = date.fromisoformat(day_at(int(bars[len(bars) // 2].time.timestamp() * 1000)).isoformat())
    plan = TunePlan(alone, begins, "month", 10, 3, 1, RANGES)
    return structs.replace(plan, **other)


@pytest.fixture(autouse=True)
def _fed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfold.research.statistics.intervals.RESAMPLES", 10)


def tuned(monkeypatch: pytest.MonkeyPatch, plan: TunePlan, bars: list[Bar]) -> FinishedTuning:
    monkeypatch.setattr(ResearchMarket, "open", lambda *_: SimpleNamespace(bars=lambda _: bars))
    found = tune(plan, "ES")
    write_results(plan.backtest.folder, found.results)
    return found


def written(folder: Path) -> list[str]:
    """All files of results, as text."""
    return [file(folder, "ES").read_text() for file in (trades_file, signals_file, best_file)]


# --- what a choice knows ----------------------------------------------------------------------------------


def squared(days: list[Fraction]) -> Fraction:
    """The Sharpe of these days by its sign and square, as the referee compares them."""
    mean = sum(days, Fraction(0)) / len(days)
    variance = sum(((day - mean) ** 2 for day in days), Fraction(0))
    return mean * abs(mean) / variance if variance and varies(days) else Fraction(0)


def test_each_choice_is_the_best_by_the_trades_that_had_ended_before_its_span(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars, spans = bars_of(3), 0
    plan = planned(tmp_path, bars, trials=100)  # all there are
    found = tuned(monkeypatch, plan, bars)
    assert found.tried == len(found.last.among) == 24
    traded = {}
    for length in (4, 8, 12, 16):
        for off in ("0.5", "1", "1.5"):
            for longest in (2, 6):
                params = {"bars": length, "deviations": Decimal(off), "max_bars": longest}
                entry = {"ES": StrategyEntry("bollinger", params)}
                runtime = structs.replace(configured().runtime, workers=entry)
                own = trade_alone("ES", bars, structs.replace(configured(), runtime=runtime))
                traded[length, Decimal(off), longest] = own.trades
    for span in found.best.tuned:
        last = next(bar for bar in reversed(bars) if bar.time.isoformat() == span.learned_until)
        until_ms = int(last.time.timestamp() * 1000)
        days = weekdays(day_at(int(bars[0].time.timestamp() * 1000)), day_at(until_ms))
        worth = {}
        for one, trades in traded.items():
            ended = [trade for trade in trades if trade.exit_ms <= until_ms]
            made = [
                sum((Fraction(trade.pnl) for trade in ended if day_at(trade.exit_ms) == day), Fraction(0))
                for day in days
            ]
            if len(ended) >= plan.min_trades:
                worth[one] = squared(made)
        best = max(worth, key=lambda one: worth[one])
        chosen = span.params["bars"], Decimal(span.params["deviations"]), span.params["max_bars"]
        assert worth[chosen] == worth[best]
        spans += 1
    assert spans > 1


@pytest.mark.parametrize("leaked", [0, 1], ids=["as it is", "a leak of one bar planted"])
def test_a_choice_is_the_same_whatever_comes_in_its_span_and_after_it(
    leaked: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spans(*given: Any) -> list[SpanOfBars]:
        return [span._replace(learned=span.learned + leaked) for span in spans_of(*given)]

    monkeypatch.setattr("portfold.research.tune.tuning.spans_of", spans)
    bars, same = bars_of(6), list[bool]()
    plan = planned(tmp_path / "told", bars)
    told = tuned(monkeypatch, plan, bars).best.tuned
    edges = spans_of("ES", _past(bars), plan, configured().runtime.trading_day)
    for number, span in enumerate(edges):
        turn = 2 * bars[span.begins - 1].close
        turned = [
            Bar(bar.symbol, bar.time, turn - bar.open, turn - bar.low, turn - bar.high, turn - bar.close)
            for bar in bars[span.begins :]
        ]
        other = planned(tmp_path / f"{number}", bars)
        found = tuned(monkeypatch, other, [*bars[: span.begins], *turned]).best.tuned
        learned = [(one.params, one.sharpe_learned, one.trades_learned) for one in found]
        known = [(one.params, one.sharpe_learned, one.trades_learned) for one in told]
        same.append(learned[: number + 1] == known[: number + 1])
        assert number == len(edges) - 1 or learned[number + 1 :] != known[number + 1 :]
    assert all(same) == (not leaked)


def _past(bars: list[Bar]) -> Any:
    return Past(bars, 0, ())


def test_no_set_with_trades_enough_is_said_with_the_day_and_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = bars_of(3)
    with pytest.raises(ResearchError, match=r"ES, before 2025-.*: none of 10 sets .* made 500 trades"):
        tuned(monkeypatch, planned(tmp_path, bars, min_trades=500), bars)


# --- one strategy after another -----------------------------------------------------------------------------


@dataclass
class Counted:
    """Notes what it is shown; enters or leaves at once."""

    seen: list[tuple[int, bool]]

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:
        self.seen.append((bar.time.hour, held is not None))
        return Enter("long", 1) if held is None else Exit("now")


def test_each_strategy_sees_all_bars_up_to_the_end_of_its_time_and_decides_in_it_alone() -> None:
    bars = bars_of(1, 6)
    first, second = Counted([]), Counted([])
    both = Succession([bars[1].time, bars[4].time], [first, second])
    held = OwnPosition("long", Decimal(1), 1)
    intents = [both.decide(bar, held) for bar in bars]
    assert intents == [Exit("now")] * 6
    assert [was for _, was in first.seen] == [True] * 4
    assert [was for _, was in second.seen] == [False] * 4 + [True] * 2


def test_out_of_sample_each_span_is_traded_by_its_own_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = bars_of(5)
    found = tuned(monkeypatch, planned(tmp_path, bars), bars)
    rows = trades_file(tmp_path, "ES").read_text().splitlines()[1:]
    assert len(rows) == sum(span.trades for span in found.best.tuned) == found.best.trades > 0
    assert sum(span.pnl_usd for span in found.best.tuned) == pytest.approx(found.best.total_pnl_usd)
    assert found.best.parameters_tried == found.tried >= 10
    assert found.best.tuned_spans == len(found.best.tuned) > 1


# --- interrupted, and gone on with --------------------------------------------------------------------------


def test_the_same_seed_comes_to_the_same_and_interrupted_it_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars, whole = bars_of(7), tmp_path / "whole"
    expected = tuned(monkeypatch, planned(whole, bars), bars)
    again = tuned(monkeypatch, planned(tmp_path / "again", bars), bars)
    assert again == expected
    assert written(tmp_path / "again") == written(whole)

    folder, added, asked = tmp_path / "cut", TrialRecord.add, iter(range(100))

    def cut(self: TrialRecord, *given: Any) -> Any:
        """Interrupts within the eighth set, after it was traded and before it is on record."""
        if next(asked) == 7:
            raise KeyboardInterrupt
        return added(self, *given)

    with monkeypatch.context() as context:
        context.setattr(TrialRecord, "add", cut)
        with pytest.raises(KeyboardInterrupt):
            tuned(context, planned(folder, bars), bars)
    assert not best_file(folder, "ES").exists()
    gone_on = tuned(monkeypatch, planned(folder, bars), bars)
    assert gone_on == expected._replace(before=7)
    assert written(folder) == written(whole)


def test_what_was_tried_once_counts_in_every_later_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = bars_of(7)
    first = tuned(monkeypatch, planned(tmp_path, bars), bars)
    more = tuned(monkeypatch, planned(tmp_path, bars, ranges=("bars=20..26/2",)), bars)
    assert more.tried == first.tried + 4
    assert more.luck.deflated is not None
    assert more.luck.deflated.tries == more.tried


# --- the file ---------------------------------------------------------------------------------------------


def test_what_is_chosen_is_written_as_runtime_json_has_it_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars, path = bars_of(3), tmp_path / "tuned.json"
    found = tuned(monkeypatch, planned(tmp_path, bars), bars)
    write_tuned(path, {"ES": found.entry}, {"ES": found.tried})
    read = read_tuned(path)
    assert dict(read.tried) == {"ES": found.tried}
    assert json.loads(path.read_text())["workers"]["ES"]["strategy"] == "bollinger"
    traded = [
        trade_alone("ES", bars, tuned_configuration(configured(), one)).trades
        for one in (read, structs.replace(read, workers={"ES": found.entry}))
    ]
    assert traded[0] == traded[1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"workers": {}}', "tried: expected"),
        (
            '{"workers": {"ES": {"strategy": "bollinger", "params": {"bars": 1}}}, "tried": {}}',
            r"workers.ES.params.bars: expected a whole number of bars from 2 to 1000, got 1",
        ),
        ('{"workers": {}, "tried": {"ES": 0}}', r"tried.ES: expected a whole number of sets from 1 to"),
        ('{"workers": {"es": {}}, "tried": {}}', r"workers.*: expected a symbol"),
    ],
)
def test_a_file_that_is_none_is_refused_by_the_name_of_its_field(
    content: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "tuned.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=said):
        read_tuned(path)
