"""Says of the trades of each symbol in a span whether they are out of sample, as far as its filter goes.

A backtest leaves word of it in its best.json. That is believed while the files beside it are as it wrote
them, which the digests tell: of edited files, and those of another program, nobody knows. The parameters of
a strategy are fitted by whoever chose them, and no file says on which days.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from portfold.research.trades.in_sample import ON_TRAINING_BARS, InSampleTrades
from portfold.research.trades.results_folder import SymbolTrades
from portfold.research.trades.trading_days import Chosen

WALK_FORWARD_SPANS = "Walk_Forward_Spans"
TUNED_SPANS = "Tuned_Spans"
CROSS_VALIDATION_PATH = "Cross_Validation_Path"
MODEL_THRESHOLD = "Model_Threshold"
"""What best.json calls the number of test spans, of those of tuned parameters, that of the path, and the
score that a model lets pass from."""

How = Literal[
    "walk-forward", "tuned", "cross-validation", "trained before", "trained on", "no filter", "not known"
]


class FilterSample(Struct, frozen=True):
    """How the trades of a `symbol` in a span stand to its filter.

    `number`: the spans of the walk-forward or the tuning, the path of cross-validation, or the entries
    trained on.
    """

    symbol: str
    how: How
    number: int = 0


def filter_samples(
    chosen: Chosen, results: Iterable[SymbolTrades], seen: Iterable[InSampleTrades]
) -> tuple[FilterSample, ...]:
    """Says it of each symbol with trades in the span, of which those `seen` are on bars of a training."""
    traded = {trade.symbol for trade in chosen.trades}
    trained_on = {one.symbol: one.on_training_bars for one in seen}
    return tuple(
        _of(result, trained_on.get(result.symbol, 0)) for result in results if result.symbol in traded
    )


def _of(result: SymbolTrades, trained_on: int) -> FilterSample:
    symbol, best = result.symbol, result.best
    if trained_on:
        return FilterSample(symbol, "trained on", trained_on)
    if result.signals is None:  # edited, or another program's
        return FilterSample(symbol, "not known")
    if spans := best.get(WALK_FORWARD_SPANS):
        return FilterSample(symbol, "walk-forward", int(spans))
    if spans := best.get(TUNED_SPANS):
        return FilterSample(symbol, "tuned", int(spans))
    if path := best.get(CROSS_VALIDATION_PATH):
        return FilterSample(symbol, "cross-validation", int(path))
    if MODEL_THRESHOLD in best:
        return FilterSample(symbol, "trained before")
    return FilterSample(symbol, "no filter" if ON_TRAINING_BARS in best else "not known")


def in_short(one: FilterSample) -> str:
    """Says it in the words of the exported file, such as `yes: walk-forward over 8 spans`."""
    match one.how:
        case "walk-forward":
            return f"yes: walk-forward over {_counted(one.number, 'span')}"
        case "tuned":
            return f"no filter; parameters by walk-forward over {_counted(one.number, 'span')}"
        case "cross-validation":
            return f"yes: path {one.number} of cross-validation"
        case "trained before":
            return "yes: trained before these days"
        case "trained on":
            return f"no: {_counted(one.number, 'entry', 'entries')} on bars of the training"
        case "no filter":
            return "no filter"
        case "not known":
            return "not known"


def sentences(of: Sequence[FilterSample]) -> Iterator[str]:
    """Yields a sentence for each way there is, with its symbols.

    Of entries trained on `in_sample.in_words` has the sentence.
    """
    for how, sentence in _SENTENCES.items():
        those = [one for one in of if one.how == how]
        if those:
            yield sentence(", ".join(one.symbol for one in those), sorted({one.number for one in those}))


def _walked(names: str, spans: Sequence[int]) -> str:
    return (
        f"Out of sample by walk-forward, as far as filters go: {names}, fitted anew for each of "
        f"{_counted(spans[-1], 'span')} on what came before it."
    )


def _tuned(names: str, spans: Sequence[int]) -> str:
    return (
        f"Out of sample by walk-forward, as far as parameters go: {names}, chosen anew for each of "
        f"{_counted(spans[-1], 'span')} on what came before it. No filter was fitted."
    )


def _crossed(names: str, paths: Sequence[int]) -> str:
    numbers = ", ".join(map(str, paths))
    return (
        f"Out of sample by cross-validation, as far as filters go: {names}, judged by models of path "
        f"{numbers} that have not seen these trades."
    )


def _trained_before(names: str, _: Sequence[int]) -> str:
    return f"Out of sample, as far as filters go: {names}, by a model trained on days before these."


def _unfiltered(names: str, _: Sequence[int]) -> str:
    return (
        f"No filter was fitted for {names}: out of sample only for parameters that were chosen before these "
        "days."
    )


def _unknown(names: str, _: Sequence[int]) -> str:
    return (
        f"Whether {names} is out of sample nobody knows: the files are another program's, or not as a "
        "backtest wrote them."
    )


_SENTENCES: dict[How, Callable[[str, Sequence[int]], str]] = {
    "walk-forward": _walked,
    "tuned": _tuned,
    "cross-validation": _crossed,
    "trained before": _trained_before,
    "no filter": _unfiltered,
    "not known": _unknown,
}


def _counted(count: int, one: str, several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"
