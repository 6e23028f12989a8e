"""Puts together what became of a symbol traded alone: its tables, its figures, and what they depend on.

All that a result depends on goes into a fingerprint: bars, parameters and costs, the model, the span, the
account, and the code itself. A symbol whose files have the same fingerprint is not traded again.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, structs

from portfold import coordinator, research, workers
from portfold.config import Configuration
from portfold.exchange_time import milliseconds_of
from portfold.research.backtest.best import Best, Results, Tables, TunedSpan, WalkedSpan, sha256
from portfold.research.backtest.figures import figures_of
from portfold.research.backtest.out_of_sample import OutOfSample, Past
from portfold.research.backtest.rows import TradeRow, signals_table, trades_table
from portfold.research.backtest.signals import SignalsAlone
from portfold.research.backtest.trading import TradedAlone
from portfold.research.errors import ResearchError
from portfold.research.filter.examples import Example, Examples
from portfold.research.simulate.bars_within import bars_within, day_of
from portfold.research.simulate.market import ResearchMarket, bars_beside
from portfold.research.trades.trade_file import Trade
from portfold.research.trades.trading_days import DaySpan, days_between
from portfold.workers.brokers.paper import fill_at
from portfold.workers.filters.sidecar import Sidecar
from portfold.workers.strategies.opened import open_strategy, own_code


class BacktestPlan(Struct, frozen=True):
    """The settings of the backtests of all symbols: `cash` in dollars, the `folder` of the results.

    `tried` says of symbols whose parameters were tuned how many sets these were chosen from.
    """

    configuration: Configuration
    market: ResearchMarket
    span: DaySpan
    cash: Decimal
    folder: Path
    tried: Mapping[str, int] = {}


class FinishedBacktest(NamedTuple):
    """A symbol's figures; `before` where an earlier backtest had written them."""

    best: Best
    before: bool


class Asked(NamedTuple):
    """A symbol to be backtested, over these bars; the fingerprint of all that its result depends on."""

    symbol: str
    past: Past
    fingerprint: str


class Outcome(NamedTuple):
    """What became of a symbol; `refused` are rows that a filter refused, `walked` the spans of a
    walk-forward, `tuned` those of tuned parameters, of which there are none otherwise.
    """

    past: Past
    traded: TradedAlone
    refused: Sequence[TradeRow]
    model: Sidecar | None
    judged: OutOfSample
    signals: SignalsAlone
    fingerprint: str
    walked: Sequence[WalkedSpan] = ()
    tuned: Sequence[TunedSpan] = ()


def past_of(plan: BacktestPlan, symbol: str) -> Past:
    """Reads the symbol's bars up to the end of the span. Raises BarsError, ConfigError,
    ResearchError.
    """
    context = open_strategy(plan.configuration, symbol).context
    feed = plan.market.open(plan.configuration, context)
    bars = list(feed.bars(symbol))
    if not bars:
        raise ResearchError(f"{symbol}: expected bars in {plan.market}, got none.")
    if milliseconds_of(bars[0].time) < 0:
        raise ResearchError(f"{symbol}: expected bars from 1970 on, got one of {bars[0].time:%Y-%m-%d}.")
    day = plan.configuration.runtime.trading_day
    begins, ends = bars_within(symbol, bars, plan.span, day, plan.market)
    ends_of_days = (date.fromisoformat(day_of(bars[number], day)) for number in (begins, ends - 1))
    shown = bars_beside(feed, symbol, context, until=bars[ends - 1].time)
    return Past(bars[:ends], begins, days_between(*ends_of_days), shown)


def measured(plan: BacktestPlan, symbol: str, outcome: Outcome) -> Results:
    """Measures, and puts together what is to be written."""
    zone = ZoneInfo(plan.configuration.runtime.trading_day.zone)
    rows = [*_made(outcome.traded), *outcome.refused]
    tables = Tables(trades_table(rows, zone), signals_table(outcome.signals.outcomes, zone))
    paths = [
        Tables(trades_table(_unscored(trades), zone), signals_table(signals, zone))
        for trades, signals in zip(outcome.judged.trades, outcome.judged.signals, strict=True)
    ]
    return Results(tables, paths, _best(plan, symbol, outcome, [tables, *paths]))


def same_as_asked(asked: Asked, fingerprint: str) -> None:
    """Raises ResearchError where what is at hand here is not what whoever asked has."""
    if fingerprint != asked.fingerprint:
        raise ResearchError(
            f"{asked.symbol}: a worker of the cluster reads another model than this machine, or has no extra "
            "ml where this one has it. The folder of the configuration has to be the same there."
        )


def _made(traded: TradedAlone) -> Iterator[TradeRow]:
    probabilities = [signal.probability for signal in traded.signals] or [None] * len(traded.trades)
    for trade, probability in zip(traded.trades, probabilities, strict=True):
        yield TradeRow(trade, selected=True, probability=probability)


def _unscored(trades: Sequence[Trade]) -> Iterator[TradeRow]:
    """Yields the trades of a path, all of which its models let pass."""
    return (TradeRow(trade, selected=True, probability=None) for trade in trades)


def refused_rows(symbol: str, traded: TradedAlone, examples: Examples) -> Iterator[TradeRow]:
    """Yields the trades that the filter refused, where features and an end tell their outcome."""
    known = {example.time: example for example in examples.of}
    for signal in traded.refused:
        if signal.time in known:
            yield TradeRow(
                _would_be(symbol, known[signal.time]), selected=False, probability=signal.probability
            )


def _would_be(symbol: str, example: Example) -> Trade:
    (entry_ms, entry_price), (exit_ms, exit_price) = example.entered, example.left
    side, size = example.side, example.size
    return Trade(symbol, entry_ms, exit_ms, example.pnl, size, side, entry_price, exit_price)


def _best(plan: BacktestPlan, symbol: str, outcome: Outcome, tables: Sequence[Tables]) -> Best:
    past, traded, model, judged = outcome.past, outcome.traded, outcome.model, outcome.judged
    runtime, contract = plan.configuration.runtime, plan.configuration.contracts[symbol]
    parameters, trades = runtime.worker(symbol), traded.trades
    each_way = contract.commission_per_side + contract.slippage_ticks * contract.tick_value
    total = float(sum(trade.pnl for trade in trades))
    metrics, luck = figures_of(plan.configuration, trades, past.days, plan.cash)
    return Best(
        symbol=symbol,
        sharpe_oos_cpcv=judged.sharpe,
        sharpe_oos_method=judged.method,
        sharpe_oos_paths=judged.paths,
        sharpe=metrics.sharpe,
        sharpe_usd=metrics.sharpe_dollars,
        sharpe_low=luck.low,
        sharpe_high=luck.high,
        profit_factor=metrics.profit_factor,
        cagr=metrics.cagr,
        total_pnl_usd=total,
        max_drawdown_usd=metrics.max_dd,
        max_drawdown_pct=metrics.max_dd_pct,
        trades=len(trades),
        win_rate=sum(trade.pnl > 0 for trade in trades) / max(len(trades), 1),
        average_trade_usd=total / max(len(trades), 1),
        costs_usd=float(2 * each_way * sum(trade.size for trade in trades)),
        time_in_market_pct=metrics.time_in_market_pct,
        open_at_end=int(traded.opened is not None),
        refused=len(traded.refused),
        refused_without_outcome=len(traded.refused) - len(outcome.refused),
        trades_on_training_bars=sum(signal.time <= model.trained_until for signal in traded.signals)
        if model
        else 0,
        model_threshold=parameters.min_probability if model else None,
        model=_of_model(model) if model else None,
        params=msgspec.to_builtins(parameters),
        costs={
            "slippage_ticks": contract.slippage_ticks,
            "commission_per_side": str(contract.commission_per_side),
            "tick_size": str(contract.tick_size),
            "tick_value": str(contract.tick_value),
            "fill_at": fill_at(plan.configuration),
        },
        initial_cash=str(plan.cash),
        market=str(plan.market),
        first_day=past.days[0],
        last_day=past.days[-1],
        days=len(past.days),
        bars=len(past.bars) - past.begins,
        warm_up_bars=past.begins,
        version=version("portfold"),
        signals=len(outcome.signals.outcomes),
        signals_on_training_bars=outcome.signals.on_training_bars,
        walk_forward_spans=len(outcome.walked),
        walk_forward=tuple(outcome.walked),
        tuned_spans=len(outcome.tuned),
        tuned=tuple(outcome.tuned),
        parameters_tried=plan.tried.get(symbol, 1),
        trades_sha256=tables[0].digests[0],
        signals_sha256=tables[0].digests[1],
        paths_sha256=tuple(chain(*(of_path.digests for of_path in tables[1:]))),
        fingerprint=outcome.fingerprint,
    )


def _of_model(model: Sidecar) -> dict[str, str]:
    return {
        "kind": model.model,
        "sha256": model.sha256,
        "trained_until": model.trained_until.isoformat(),
    }


def fingerprint_of(
    plan: BacktestPlan, symbol: str, past: Past, model: Sidecar | None = None, *more: object
) -> str:
    """Returns the SHA-256 of all that the result depends on, `more` among it."""
    runtime = plan.configuration.runtime
    facts = (
        symbol,
        past,
        structs.replace(runtime, workers={symbol: runtime.worker(symbol)}),
        own_code(plan.configuration, symbol),
        plan.configuration.contracts[symbol],
        plan.cash,
        plan.tried.get(symbol, 1),
        str(plan.market),
        _of_model(model) if model else None,
        find_spec("sklearn") is not None,
        more,
        _code(),
    )
    return sha256(msgspec.json.encode(facts))


@cache
def _code() -> str:
    """Returns the SHA-256 of the code that trades and measures."""
    digest = hashlib.sha256()
    for package in (coordinator, workers, research):
        for file in sorted(Path(package.__path__[0]).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
