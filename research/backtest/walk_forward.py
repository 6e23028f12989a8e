"""Trades a symbol through successive test spans, each by a filter that knows only what came before it.

For each span the model is fitted anew and its threshold chosen anew, both on the examples whose trades had
ended an embargo before the span begins: what is tested has trained nothing, and nothing that is tested was
looked at to choose a threshold. The threshold is chosen among the training examples by purged
cross-validation (Marcos López de Prado, "Advances in Financial Machine Learning", 2018, chapter 7).

The live trader trades all spans in one go; only the filter changes at their edges, as a worker's does that is
given a new model: a position that is open then stays. So trades and signals of all spans are one history out
of sample, as far as the filter goes. The strategy's parameters are not fitted here.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from msgspec import Struct

from portfold.config.runtime import TradingDayRoll
from portfold.events.fields import Side
from portfold.exchange_time import milliseconds_of
from portfold.research.backtest.best import Results, WalkedSpan, done_before, sha256
from portfold.research.backtest.out_of_sample import OutOfSample, Past
from portfold.research.backtest.outcome import (
    Asked,
    BacktestPlan,
    FinishedBacktest,
    Outcome,
    fingerprint_of,
    measured,
    past_of,
    refused_rows,
    same_as_asked,
)
from portfold.research.backtest.signals import signals_alone
from portfold.research.backtest.trading import trade_alone
from portfold.research.errors import ResearchError
from portfold.research.filter.cross_validation import embargo_bars
from portfold.research.filter.examples import Examples, examples_of
from portfold.research.simulate.bars_within import day_of
from portfold.research.trades.trade_file import Trade
from portfold.research.trades.trading_days import days_between
from portfold.workers.feeds.bar import Bar
from portfold.workers.filters.features import FeatureHistory
from portfold.workers.filters.opened import judged
from portfold.workers.filters.protocol import Verdict
from portfold.workers.strategies.opened import open_strategy

if TYPE_CHECKING:
    from portfold.research.filter.training import Kind
    from portfold.workers.filters.onnx_model import OnnxModel

Every = Literal["month", "quarter", "year"]
_MONTHS: dict[Every, int] = {"month": 1, "quarter": 3, "year": 12}


class WalkPlan(Struct, frozen=True):
    """How a walk-forward goes: the settings of its backtest, the first day of the first test span, how often
    it is fitted anew, the kind of model, and the embargo as a fraction of the bars so far.
    """

    backtest: BacktestPlan
    test_from: date
    every: Every
    kind: "Kind"
    embargo: float

    @property
    def method(self) -> str:
        """Says how what is traded was fitted."""
        return (
            f"walk-forward: {self.kind} and its threshold fitted anew each {self.every}, on trades that had "
            f"ended {self.embargo:.1%} of the bars before it; Sharpe itself is out of sample."
        )


class Walked(Protocol):
    """What says where test spans begin and end, and how far off what is learned from has to be."""

    @property
    def test_from(self) -> date: ...
    @property
    def every(self) -> Every: ...
    @property
    def embargo(self) -> float: ...


class SpanOfBars(NamedTuple):
    """The bars from number `begins` on and before `ends`; what is fitted for it knows those before
    `learned`.
    """

    begins: int
    ends: int
    learned: int


class Refit(NamedTuple):
    """The model and threshold of a test span, the SHA-256 of the model, and how many examples it learned."""

    span: SpanOfBars
    model: "OnnxModel"
    sha256: str
    threshold: float
    examples: int


class RefittedFilter:
    """Judges each signal by the refit of its span; meets `workers.filters.protocol.EntryFilter`."""

    def __init__(self, refits: Sequence[Refit], bars: Sequence[Bar], trading_day: TradingDayRoll) -> None:
        self._refits = refits
        self._begins = [bars[refit.span.begins].time for refit in refits]
        self._history = FeatureHistory(trading_day)

    def take(self, bar: Bar) -> None:
        """Takes the next bar."""
        self._history.take(bar)

    def judge(self, bar: Bar, side: Side) -> Verdict:
        """Returns what the model that was fitted before this span gives the entry."""
        index = bisect_right(self._begins, bar.time) - 1
        if index < 0:
            return Verdict(passed=False, reason="before the first test span")
        refit = self._refits[index]
        return judged(refit.model, self._history, side, refit.threshold)


def ask_walk(plan: WalkPlan, symbol: str) -> Asked | FinishedBacktest:
    """Reads the symbol's bars; returns what is to be done, or what was before. Raises BarsError, ConfigError,
    ResearchError.
    """
    past = past_of(plan.backtest, symbol)
    fingerprint = _fingerprint(plan, symbol, past)
    if (before := done_before(plan.backtest.folder, symbol, fingerprint)) is not None:
        return FinishedBacktest(before, before=True)
    return Asked(symbol, past, fingerprint)


def _fingerprint(plan: WalkPlan, symbol: str, past: Past) -> str:
    more = (plan.test_from.isoformat(), plan.every, plan.kind, plan.embargo)
    return fingerprint_of(plan.backtest, symbol, past, None, *more)


def walk_forward(plan: WalkPlan, asked: Asked) -> Results:
    """Walks a symbol forward, and writes nothing. Raises ConfigError, ResearchError."""
    symbol, past, _ = asked
    configuration = plan.backtest.configuration
    same_as_asked(asked, _fingerprint(plan, symbol, past))
    day = configuration.runtime.trading_day
    spans = spans_of(symbol, past, plan, day)
    strategy = open_strategy(configuration, symbol).over(past.context)
    examples = examples_of(symbol, past.bars, configuration, begins=past.begins, opened=strategy)
    refits = list(refitted(symbol, past.bars, examples, spans, plan))
    first = spans[0].begins

    def opened() -> RefittedFilter:
        return RefittedFilter(refits, past.bars, day)

    traded = trade_alone(symbol, past.bars, configuration, opened(), begins=first, opened=strategy)
    signals = signals_alone(symbol, past.bars, configuration, opened(), begins=first, opened=strategy)
    unfiltered = trade_alone(symbol, past.bars, configuration, begins=first, opened=strategy)
    ends = (date.fromisoformat(day_of(past.bars[at], day)) for at in (first, -1))
    tested = Past(past.bars, first, days_between(*ends))
    refused = list(refused_rows(symbol, traded, examples))
    walked = [_walked(refit, past.bars, day, (traded.trades, unfiltered.trades)) for refit in refits]
    judged_by = OutOfSample(None, plan.method)
    outcome = Outcome(tested, traded, refused, None, judged_by, signals, asked.fingerprint, walked)
    return measured(plan.backtest, symbol, outcome)


def spans_of(symbol: str, past: Past, plan: Walked, day: TradingDayRoll) -> list[SpanOfBars]:
    """Cuts the bars from the day of the plan on into test spans, at the beginnings of calendar months,
    quarters or years. Raises ResearchError where there are no bars to test on, or none before them.
    """
    bars, last = past.bars, date.fromisoformat(day_of(past.bars[-1], day))
    edges = [
        bisect_left(bars, edge.isoformat(), key=lambda bar: day_of(bar, day))
        for edge in _edges(plan.test_from, last, plan.every)
    ]
    if plan.test_from > last or edges[0] <= past.begins:
        first = day_of(bars[past.begins], day)
        raise ResearchError(
            f"{symbol}: expected a --test-from with bars before and after it, which are from {first} to "
            f"{last}, got {plan.test_from}."
        )
    return [
        SpanOfBars(begins, ends, begins - embargo_bars(plan.embargo, begins - past.begins))
        for begins, ends in pairwise((*edges, len(bars)))
        if begins < ends
    ]


def refitted(
    symbol: str, bars: Sequence[Bar], examples: Examples, spans: Sequence[SpanOfBars], plan: WalkPlan
) -> Iterator[Refit]:
    """Yields for each span what is fitted on the examples that had ended before it, by an embargo.

    Raises ResearchError where these are too few.
    """
    from portfold.research.filter.exporting import served  # noqa: PLC0415 - an extra, and heavy
    from portfold.research.filter.training import THRESHOLDS, fit  # noqa: PLC0415 - as above

    configured = plan.backtest.configuration.runtime.worker(symbol).min_probability
    thresholds = sorted({*THRESHOLDS, configured})
    for span in spans:
        known = examples.ended_before(span.learned)
        try:
            fitted = fit(known, plan.kind, embargo_bars=span.begins - span.learned, thresholds=thresholds)
            model = served(fitted.model, plan.kind, known)
        except ResearchError as error:
            begins = f"{bars[span.begins].time:%Y-%m-%d}"
            raise ResearchError(
                f"{symbol}, the test span that begins on {begins}: {error} A later --test-from has more."
            ) from error
        yield Refit(span, model.opened, sha256(model.content), fitted.threshold, len(known))


def _edges(first: date, last: date, every: Every) -> list[date]:
    """Lists `first`, and the beginnings of the later months, quarters or years up to `last`."""
    edges, months = [first], _MONTHS[every]
    while True:
        number = (edges[-1].year * 12 + edges[-1].month - 1) // months * months + months
        edge = date(number // 12, number % 12 + 1, 1)
        if edge > last:
            return edges
        edges.append(edge)


def _walked(
    refit: Refit, bars: Sequence[Bar], day: TradingDayRoll, traded: tuple[Sequence[Trade], Sequence[Trade]]
) -> WalkedSpan:
    span, (filtered, unfiltered) = refit.span, traded
    first, last = milliseconds_of(bars[span.begins].time), milliseconds_of(bars[span.ends - 1].time)
    own, all_of_them = ([one for one in of if first <= one.entry_ms <= last] for of in (filtered, unfiltered))
    return WalkedSpan(
        first_day=day_of(bars[span.begins], day),
        last_day=day_of(bars[span.ends - 1], day),
        learned_until=bars[span.learned - 1].time.isoformat(),
        examples=refit.examples,
        model_sha256=refit.sha256,
        threshold=refit.threshold,
        trades=len(own),
        pnl_usd=float(sum(one.pnl for one in own)),
        unfiltered_trades=len(all_of_them),
        unfiltered_pnl_usd=float(sum(one.pnl for one in all_of_them)),
    )
