"""Of each symbol's trades in a span it is said whether they are out of sample, as far as filters go."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec import structs

from portfold.research.trades.filter_samples import FilterSample, filter_samples, in_short, sentences
from portfold.research.trades.in_sample import InSampleTrades
from portfold.research.trades.results_folder import SymbolTrades
from portfold.research.trades.trading_days import Chosen
from tests.research.made import trade

BACKTEST = {"Trades_On_Training_Bars": 0.0, "Walk_Forward_Spans": 0.0}
"""What best.json has of any backtest."""
ES = [trade("ES", day * 24, day * 24 + 1, 50) for day in range(3)]
SEEN = (InSampleTrades("ES", 2, 3, "2025-01-07"),)


def written(best: Mapping[str, float], symbol: str = "ES") -> SymbolTrades:
    """A symbol's files as a backtest wrote them."""
    trades = tuple(structs.replace(one, symbol=symbol) for one in ES)
    return SymbolTrades(symbol, Path("trades.csv"), trades, 3, 0, {}, {}, best, trades)


def said(result: SymbolTrades, seen: tuple[InSampleTrades, ...] = ()) -> tuple[FilterSample, ...]:
    return filter_samples(Chosen(result.trades, ("2025-01-06",), 0), [result], seen)


@pytest.mark.parametrize(
    ("best", "short", "sentence"),
    [
        (
            BACKTEST | {"Walk_Forward_Spans": 8.0},
            "yes: walk-forward over 8 spans",
            "Out of sample by walk-forward, as far as filters go: ES, fitted anew for each of 8 spans on "
            "what came before it.",
        ),
        (
            {"Cross_Validation_Path": 2.0},
            "yes: path 2 of cross-validation",
            "Out of sample by cross-validation, as far as filters go: ES, judged by models of path 2 that "
            "have not seen these trades.",
        ),
        (
            BACKTEST | {"Model_Threshold": 0.5},
            "yes: trained before these days",
            "Out of sample, as far as filters go: ES, by a model trained on days before these.",
        ),
        (
            BACKTEST,
            "no filter",
            "No filter was fitted for ES: out of sample only for parameters that were chosen before these "
            "days.",
        ),
        (
            {},
            "not known",
            "Whether ES is out of sample nobody knows: the files are another program's, or not as a backtest "
            "wrote them.",
        ),
    ],
)
def test_it_is_told_by_what_the_backtest_left(best: dict[str, float], short: str, sentence: str) -> None:
    [found] = said(written(best))
    assert in_short(found) == short
    assert list(sentences([found])) == [sentence]


@pytest.mark.parametrize("best", [{"Cross_Validation_Path": 2.0}, BACKTEST | {"Walk_Forward_Spans": 8.0}])
def test_of_files_that_were_edited_nobody_knows(best: dict[str, float]) -> None:
    assert said(structs.replace(written(best), signals=None)) == (FilterSample("ES", "not known"),)


def test_entries_on_bars_of_the_training_are_in_sample_also_in_edited_files() -> None:
    result = written(BACKTEST | {"Model_Threshold": 0.5})
    for one in (result, structs.replace(result, signals=None)):
        [found] = said(one, SEEN)
        assert in_short(found) == "no: 2 entries on bars of the training"
        assert not list(sentences([found]))  # the sentence is that of the trades in sample


def test_symbols_of_one_kind_are_one_sentence_and_a_symbol_without_trades_is_in_none() -> None:
    results = [written(BACKTEST, symbol) for symbol in ("CL", "ES", "GC")]
    chosen = Chosen((*results[0].trades, *results[1].trades), ("2025-01-06",), 0)
    found = filter_samples(chosen, results, ())
    assert [one.symbol for one in found] == ["CL", "ES"]
    assert [one.partition(":")[0] for one in sentences(found)] == ["No filter was fitted for CL, ES"]
