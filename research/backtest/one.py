"""Backtests one symbol: its bars are read and its files written here, what lies between is done anywhere."""

from portfold.research.backtest.best import Results, done_before
from portfold.research.backtest.out_of_sample import PLAIN, OutOfSample, out_of_sample
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
from portfold.research.backtest.rows import TradeRow
from portfold.research.backtest.signals import signals_alone
from portfold.research.backtest.trading import trade_alone
from portfold.research.filter.examples import examples_of
from portfold.workers.filters.opened import ModelFilter, open_filter
from portfold.workers.strategies.opened import open_strategy


def ask(plan: BacktestPlan, symbol: str) -> Asked | FinishedBacktest:
    """Reads the symbol's bars; returns what is to be done, or what was before. Raises BarsError, ConfigError,
    ResearchError.
    """
    past = past_of(plan, symbol)
    opened = open_filter(plan.configuration, symbol)
    model = opened.sidecar if isinstance(opened, ModelFilter) else None
    fingerprint = fingerprint_of(plan, symbol, past, model)
    if (before := done_before(plan.folder, symbol, fingerprint)) is not None:
        return FinishedBacktest(before, before=True)
    return Asked(symbol, past, fingerprint)


def backtest(plan: BacktestPlan, asked: Asked) -> Results:
    """Backtests a symbol, and writes nothing. Raises ConfigError, ResearchError."""
    symbol, past, _ = asked
    strategy = open_strategy(plan.configuration, symbol).over(past.context)
    opened = open_filter(plan.configuration, symbol)
    model = opened.sidecar if isinstance(opened, ModelFilter) else None
    same_as_asked(asked, fingerprint_of(plan, symbol, past, model))
    traded = trade_alone(symbol, past.bars, plan.configuration, opened, begins=past.begins, opened=strategy)
    refused, judged = list[TradeRow](), OutOfSample(None, PLAIN)
    if model is not None:
        examples = examples_of(symbol, past.bars, plan.configuration, begins=past.begins, opened=strategy)
        refused = list(refused_rows(symbol, traded, examples))
        judged = out_of_sample(plan.configuration, symbol, past, examples, model.model, plan.cash)
    signals = signals_alone(
        symbol,
        past.bars,
        plan.configuration,
        open_filter(plan.configuration, symbol),
        begins=past.begins,
        trained_until=model.trained_until if model is not None else None,
        opened=strategy,
    )
    outcome = Outcome(past, traded, refused, model, judged, signals, asked.fingerprint)
    return measured(plan, symbol, outcome)
