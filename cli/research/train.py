"""`portfold research train`: teaches a filter which of a symbol's entries have paid."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.target import Target

if TYPE_CHECKING:
    from portfold.config import Configuration
    from portfold.research.filter.examples import Examples
    from portfold.research.filter.training import Cut, FilterFigures


@Parameter(name="*", group="What is learned from")
@dataclass(frozen=True)
class Learned:
    """The options of the past."""

    bars: Path
    """A folder of <SYMBOL>.csv files."""

    first: Annotated[date | None, Parameter(name="--from")] = None
    """The first trading day to learn from, as 2022-01-03; the bars before it warm up the features."""

    last: Annotated[date | None, Parameter(name="--to")] = None
    """The last one. Hold out days: trades on bars the model was trained on prove nothing."""


@Parameter(name="*", group="How it is trained")
@dataclass(frozen=True)
class Method:
    """The options of model and cross-validation."""

    kind: Literal["logistic", "random_forest", "gradient_boosting"] = "logistic"
    """Which kind of model."""

    folds: Annotated[int, Parameter(validator=Number(gte=2, lte=20))] = 5
    """Into how many spans of time the past is cut for cross-validation."""

    embargo: Annotated[float, Parameter(validator=Number(gte=0, lte=0.2))] = 0.01
    """How much of the past, as a fraction, is left out after each span that is tested."""


_TARGET = Target()
_METHOD = Method()


def register(app: App) -> None:
    """Adds the command."""
    app.command(train)


def train(
    symbol: str,
    /,
    *,
    past: Learned,
    output: Path,
    method: Method = _METHOD,
    page: Path | None = None,
    target: Target = _TARGET,
) -> int:
    """Train a filter of one symbol's entries on bars of the past.

    Every signal of the strategy, as runtime.json has it, is one example; the
    label is whether the trade made money after costs. How well that can be
    foretold is measured by purged and embargoed cross-validation, in order of
    time. Then the model is trained on all of it and written as ONNX, beside
    it NAME.onnx.json with what it needs to be trusted. Name it in
    runtime.json: workers.SYMBOL.model, and min_probability.

    For example:

        portfold research train ES --bars my-bars --output config/models/ES.onnx

    Parameters
    ----------
    symbol
        Whose entries, such as ES.
    output
        The model's file, which ends in .onnx.
    page
        A file for the charts; by default beside the model, ending in .html.
    """
    from portfold.cli.exits import Unusable
    from portfold.cli.progress import progress
    from portfold.cli.research.extra import needs_ml
    from portfold.research.filter.examples import examples_of
    from portfold.research.simulate.bars_within import bars_within
    from portfold.research.simulate.market import bars_beside, zones_of
    from portfold.research.trades.trading_days import DaySpan
    from portfold.workers.feeds.csv_folder import CsvFolder
    from portfold.workers.strategies.opened import open_strategy

    configuration = target.resolve(None).configuration
    if symbol not in configuration.contracts:
        known = ", ".join(configuration.contracts)
        raise Unusable(f"SYMBOL: expected one with a contract ({known}), got {symbol[:80]!r}.")
    if output.suffix != ".onnx":
        raise Unusable(f"--output: expected a file that ends in .onnx, got {output}.")
    needs_ml()
    opened = open_strategy(configuration, symbol)
    feed = CsvFolder(past.bars, zones=zones_of(configuration, (symbol, *opened.context)))
    bars = list(feed.bars(symbol))
    span, day = DaySpan(past.first, past.last), configuration.runtime.trading_day
    begins, ends = bars_within(symbol, bars, span, day, past.bars)
    with progress("Reading", ends, "bars") as on_progress:
        opened = opened.over(bars_beside(feed, symbol, opened.context, until=bars[ends - 1].time))
        examples = examples_of(
            symbol, bars[:ends], configuration, begins=begins, opened=opened, on_progress=on_progress
        )
    print(
        f"{symbol}: {examples.bars:,} bars, {len(examples.of):,} examples, "
        f"{examples.missing:,} signals without all features, {examples.unfinished:,} without an end.",
        flush=True,
    )
    charts = page or output.with_suffix(".html")
    return _train(_Asked(symbol, configuration, method, output, charts), examples)


class _Asked(NamedTuple):
    """What is to be trained, how, and the files it goes to."""

    symbol: str
    configuration: "Configuration"
    method: Method
    output: Path
    page: Path


def _train(asked: _Asked, examples: "Examples") -> int:
    from portfold.cli.exits import OK
    from portfold.cli.progress import progress
    from portfold.research.filter.exporting import export
    from portfold.research.filter.model_page import model_page
    from portfold.research.filter.training import THRESHOLDS, cut, train
    from portfold.research.trades.whole_files import write_whole

    symbol, configuration, method, output, page = asked
    kind, folds, embargo = method.kind, method.folds, method.embargo
    threshold = configuration.runtime.worker(symbol).min_probability
    thresholds = sorted({*THRESHOLDS, threshold})
    with progress("Training", folds, "folds") as on_progress:
        trained = train(
            examples, kind, folds=folds, embargo=embargo, thresholds=thresholds, on_progress=on_progress
        )
    cuts = [cut(examples.of, trained.probabilities, at) for at in thresholds]
    measured_by = f"{kind}, {folds} folds, purged, embargo {embargo:.1%} of the bars"
    print(_in_words(measured_by, len(examples.of), trained.measured, cuts))
    sidecar = export(output, trained, kind, symbol, examples, configuration)
    title = f"Filter of {symbol}"
    write_whole(
        page,
        model_page(title, measured_by, examples.of, trained.probabilities, trained.measured, cuts, threshold),
    )
    print(f"Model: {output}, SHA-256 {sidecar.sha256}\nCharts: {page}")
    return OK


def _in_words(method: str, count: int, measured: "FilterFigures", cuts: "list[Cut]") -> str:
    from portfold.dollars import shown
    from portfold.research.filter.model_page import chosen_in_words, figures_in_words

    lines = [
        f"Out of cross-validation ({method}):",
        figures_in_words(count, measured),
        "Given and paid, by tenths: "
        + "  ".join(f"{one.predicted:.2f} {one.paid:.2f}" for one in measured.reliability),
        f"{'from':>6} {'kept':>7} {'P&L kept':>15} {'dropped':>8} {'P&L dropped':>15}",
    ]
    lines += [
        f"{one.probability:>6g} {one.kept:>7,} {shown(one.kept_pnl):>15} "
        f"{one.dropped:>8,} {shown(one.dropped_pnl):>15}"
        for one in cuts
    ]
    lines.append(chosen_in_words(measured.chosen))
    return "\n".join(lines)
