"""Counts in-sample trades: those on bars that the symbol's model was trained on, which prove nothing.

A backtest writes their number into its best.json. They are the first trades of the file, so it is known how
many of them lie in any span of it that is simulated, chosen on or judged by later, up to the exported
configuration. Trades that nobody counted, such as those of another program, are not
reported.
"""

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.research.trades.results_folder import SymbolTrades
from portfold.research.trades.trading_days import Chosen

ON_TRAINING_BARS = "Trades_On_Training_Bars"
SIGNALS_ON_TRAINING_BARS = "Signals_On_Training_Bars"


class InSampleTrades(Struct, frozen=True):
    """One symbol's `trades` in a span, those of them `on_training_bars`, and the last one's trading day."""

    symbol: str
    on_training_bars: int
    trades: int
    last_day: str


def in_sample_trades(
    chosen: Chosen, results: Iterable[SymbolTrades], *, zone: str, roll: str
) -> tuple[InSampleTrades, ...]:
    """Counts the trades of a span that are on bars of the training, for each symbol that has such trades."""
    found = []
    for result in results:
        until_ms = _trained_until_ms(result)
        entries = [trade.entry_ms for trade in chosen.trades if trade.symbol == result.symbol]
        trained_on = [ms for ms in entries if until_ms is not None and ms <= until_ms]
        if trained_on:
            last_day = trading_day_at(max(trained_on), zone, roll).date
            found.append(InSampleTrades(result.symbol, len(trained_on), len(entries), last_day))
    return tuple(found)


def _trained_until_ms(result: SymbolTrades) -> int | None:
    """Returns the entry time of the last of what is simulated on bars of the training; None for none."""
    name = ON_TRAINING_BARS if result.signals is None else SIGNALS_ON_TRAINING_BARS
    count = int(result.best.get(name, 0))
    entries = sorted(trade.entry_ms for trade in result.simulated)
    return entries[min(count, len(entries)) - 1] if count > 0 else None


def of_symbols(seen: Iterable[InSampleTrades], symbols: Collection[str]) -> tuple[InSampleTrades, ...]:
    """Returns the counts of these symbols."""
    return tuple(counted for counted in seen if counted.symbol in symbols)


def count(seen: Iterable[InSampleTrades]) -> int:
    """Adds up the trades on bars of the training."""
    return sum(counted.on_training_bars for counted in seen)


def in_words(seen: Sequence[InSampleTrades]) -> str:
    """Says `34 of 50 entries of ES are on bars that the model was trained on, the last on 2025-02-14, and
    prove nothing`; expects at least one symbol."""
    names, trades = ", ".join(counted.symbol for counted in seen), sum(counted.trades for counted in seen)
    return (
        f"{count(seen):,} of {trades:,} entries of {names} are on bars that the model was trained on, the "
        f"last on {max(counted.last_day for counted in seen)}, and prove nothing"
    )
