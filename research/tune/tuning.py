"""Tunes a symbol's parameters by walk-forward: for each test span it chooses the set that was best before it.

The live trader trades all test spans in one go, each by its own set, so trades and signals are out of sample
as far as parameters go. What is to be traded from now on is chosen in the same way on all bars; how much of
that choice is luck is asked of the sets it was chosen among. Every set that was ever traded counts as a try.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import count
from typing import NamedTuple

from msgspec import structs

from portfold.exchange_time import milliseconds_of
from portfold.research.backtest.best import Best, Results, TunedSpan
from portfold.research.backtest.out_of_sample import OutOfSample, Past
from portfold.research.backtest.outcome import Outcome, fingerprint_of, measured, past_of
from portfold.research.backtest.signals import signals_alone
from portfold.research.backtest.trading import trade_alone
from portfold.research.backtest.walk_forward import SpanOfBars, spans_of
from portfold.research.simulate.bars_within import day_of
from portfold.research.statistics.intervals import Interval
from portfold.research.statistics.reality_check import RealityCheck
from portfold.research.statistics.significance import Deflated
from portfold.research.trades.trade_file import Trade
from portfold.research.trades.trading_days import days_between
from portfold.research.tune.choosing import Choice, Chooser
from portfold.research.tune.plan import TunePlan
from portfold.research.tune.ranges import space_of
from portfold.research.tune.record import TrialRecord
from portfold.research.tune.succession import Term, succession_of
from portfold.research.tune.tuned_file import (
    TunedFile,
    WorkerEntry,
    entry_with,
    plain,
    tuned_configuration,
    without_filter,
)
from portfold.workers.strategies.opened import open_strategy


class Luck(NamedTuple):
    """How much of the choice on all bars may be luck; the 95 % interval of the Sharpe of the test spans."""

    reality_check: RealityCheck | None
    deflated: Deflated | None
    tested: Interval


class FinishedTuning(NamedTuple):
    """What is to be written of the test spans, the choice on all bars and its entry for runtime.json, what of
    it may be luck; how many sets are on record, and how many of those needed were there before.
    """

    results: Results
    last: Choice
    values: Mapping[str, object]
    entry: WorkerEntry
    luck: Luck
    tried: int
    before: int

    @property
    def best(self) -> Best:
        """Returns the figures of the test spans."""
        return self.results.best


def tune(
    plan: TunePlan, symbol: str, on_progress: Callable[[int], object] = lambda _: None
) -> FinishedTuning:
    """Tunes a symbol, and writes nothing but the record of what was tried. Calls `on_progress` with how many
    sets were looked at.

    Raises BarsError, ConfigError, ResearchError, StrategyFailed.
    """
    past, configuration = past_of(plan.backtest, symbol), plan.backtest.configuration
    opened = open_strategy(configuration, symbol).over(past.context)
    space = space_of(opened.name, opened.parameters, plan.ranges)
    spans = spans_of(symbol, past, plan, configuration.runtime.trading_day)
    chooser, looked = Chooser(plan, symbol, past, opened, space), count(1)
    digest = fingerprint_of(plan.backtest, symbol, past)
    with TrialRecord(plan.record_file(symbol), digest, opened.name) as record:

        def choose(known: int) -> Choice:
            return chooser.choose(known, record, lambda: on_progress(next(looked)))

        choices = [choose(span.learned) for span in spans]
        last = choose(len(past.bars))
    terms = [
        Term(past.bars[span.begins].time, choice.parameters)
        for span, choice in zip(spans, choices, strict=True)
    ]
    by_turns, begins = succession_of(opened, terms), spans[0].begins
    traded = trade_alone(symbol, past.bars, configuration, begins=begins, opened=by_turns)
    signals = signals_alone(symbol, past.bars, configuration, begins=begins, opened=by_turns)
    rows = [
        _row(plan, past, span, choice, traded.trades) for span, choice in zip(spans, choices, strict=True)
    ]
    entry = without_filter(entry_with(configuration.runtime.worker(symbol), last.parameters))
    chosen = TunedFile({symbol: entry}, {symbol: record.tried})
    written = structs.replace(
        plan.backtest, configuration=tuned_configuration(configuration, chosen), tried=chosen.tried
    )
    tested, by = _tested(past, begins, plan), OutOfSample(None, plan.method)
    outcome = Outcome(tested, traded, (), None, by, signals, f"tuned:{digest}", tuned=rows)
    results = measured(written, symbol, outcome)
    tested_by = Interval(results.best.sharpe_low, results.best.sharpe_high)
    luck = Luck(*chooser.luck(last, record.tried), tested_by)
    return FinishedTuning(results, last, space.values(last.places), entry, luck, record.tried, record.found)


def _tested(past: Past, begins: int, plan: TunePlan) -> Past:
    day = plan.backtest.configuration.runtime.trading_day
    ends = (date.fromisoformat(day_of(past.bars[at], day)) for at in (begins, -1))
    return Past(past.bars, begins, days_between(*ends))


def _row(plan: TunePlan, past: Past, span: SpanOfBars, choice: Choice, trades: Sequence[Trade]) -> TunedSpan:
    bars, day = past.bars, plan.backtest.configuration.runtime.trading_day
    first, last = milliseconds_of(bars[span.begins].time), milliseconds_of(bars[span.ends - 1].time)
    own = [one for one in trades if first <= one.entry_ms <= last]
    return TunedSpan(
        first_day=day_of(bars[span.begins], day),
        last_day=day_of(bars[span.ends - 1], day),
        learned_until=bars[span.learned - 1].time.isoformat(),
        sets=len(choice.among),
        params=plain(choice.parameters),
        sharpe_learned=choice.sharpe,
        trades_learned=choice.trades,
        trades=len(own),
        pnl_usd=float(sum(one.pnl for one in own)),
    )
