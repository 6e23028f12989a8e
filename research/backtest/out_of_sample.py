"""Measures the Sharpe out of sample: by combinatorial purged cross-validation, where there is a model.

Marcos López de Prado, "Advances in Financial Machine Learning" (2018), chapter 12. The examples are cut into
six groups; for each choice of two tested groups a model of the same kind is trained on the rest, which gives
five paths. On each path the trader trades the whole history by the scores of that path; the figure is the
mean of their Sharpes. The trades of each path are written as well: a portfolio that is searched among those
of one path is searched out of sample, as far as the filters go. The parameters of the strategy are not fitted
here; if they were chosen on these bars, they are in sample all the same.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from portfold.config import Configuration
from portfold.events.fields import Side
from portfold.installing import install_command
from portfold.research.backtest.figures import figures_of
from portfold.research.backtest.signals import signals_alone
from portfold.research.backtest.trading import trade_alone
from portfold.research.errors import ResearchError
from portfold.research.filter.examples import Examples
from portfold.research.trades.trade_file import Trade
from portfold.workers.feeds.bar import Bar
from portfold.workers.filters.protocol import Verdict
from portfold.workers.strategies.opened import open_strategy

GROUPS = 6
TESTED = 2
EMBARGO = 0.01
PLAIN = "none: no model is fitted here, and whoever chose the parameters has seen these days."
CPCV = (
    f"CPCV: {GROUPS} groups, {TESTED} tested, purged, embargo {EMBARGO:.0%} of the bars, mean of the paths."
)


class OutOfSample(NamedTuple):
    """The `sharpe`, None where it cannot be measured, the `method`, the Sharpes of the `paths`, their
    `trades` and their `signals`."""

    sharpe: float | None
    method: str
    paths: tuple[float, ...] = ()
    trades: tuple[Sequence[Trade], ...] = ()
    signals: tuple[Sequence[Trade], ...] = ()


class Past(NamedTuple):
    """The bars; those from number `begins` on are traded, on the trading days `days`; the earlier warm up.

    `context` are those of the other markets that the strategy looks at, by their ends.
    """

    bars: Sequence[Bar]
    begins: int
    days: Sequence[str]
    context: Sequence[Bar] = ()


def out_of_sample(
    configuration: Configuration,
    symbol: str,
    past: Past,
    examples: Examples,
    kind: str,
    cash: Decimal,
) -> OutOfSample:
    """Returns the mean Sharpe of the paths of a `kind` of model; `examples` are those of the traded bars."""
    try:
        from portfold.research.filter.training import KINDS, path_scores  # noqa: PLC0415 - an extra, and heavy
    except ImportError as missing:
        return OutOfSample(None, f"none: {missing.name} is not installed ({install_command('ml')}).")
    known = next((name for name in KINDS if name == kind), None)
    if known is None:
        return OutOfSample(None, f"none: no model of kind {kind} can be trained.")
    try:
        paths = path_scores(examples, known, groups=GROUPS, tested=TESTED, embargo=EMBARGO)
    except ResearchError as error:
        return OutOfSample(None, f"none: {error}")
    threshold = configuration.runtime.worker(symbol).min_probability
    times = [signal.time for signal in examples.judged]
    sharpes, trades, signals = [], [], []
    opened = open_strategy(configuration, symbol).over(past.context)
    for scores in paths:
        scored = _Scored(dict(zip(times, scores, strict=True)), threshold)
        traded = trade_alone(symbol, past.bars, configuration, scored, begins=past.begins, opened=opened)
        sharpes.append(figures_of(configuration, traded.trades, past.days, cash).metrics.sharpe)
        trades.append(traded.trades)
        found = signals_alone(symbol, past.bars, configuration, scored, begins=past.begins, opened=opened)
        signals.append(found.outcomes)
    return OutOfSample(sum(sharpes) / len(sharpes), CPCV, tuple(sharpes), tuple(trades), tuple(signals))


class _Scored:
    """Passes entries by scores known before; implements `workers.filters.protocol.EntryFilter`."""

    def __init__(self, scores: Mapping[datetime, float], min_probability: float) -> None:
        self._scores = scores
        self._min_probability = min_probability

    def take(self, _: Bar) -> None:
        """Does nothing, as scores need no bars."""

    def judge(self, bar: Bar, _: Side) -> Verdict:
        """Passes a signal by its score; refuses one that has none, as it lacks features or an end."""
        score = self._scores.get(bar.time)
        if score is None:
            return Verdict(passed=False, reason="no example")
        return Verdict(score >= self._min_probability, f"probability {score:.4f}", score)
