"""The sign that trades prove nothing, kept from the backtest to the exported configuration.

A backtest counts the trades on bars that the symbol's model was trained on, in its best.json. They are the
first of the file, so whatever span of it is simulated, chosen on or judged by later, it is known how many of
them it holds. What was never counted, such as the trades of another program, is not told.
"""

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.research.trades.results_folder import SymbolTrades
from portfold.research.trades.trading_days import Chosen

ON_TRAINING_BARS = "Trades_On_Training_Bars"


class InSampleTrades(Struct, frozen=True):
    """One symbol's `trades` in a span, those of them `on_training_bars`, and the last one's trading day."""

    symbol: str
    on_training_bars: int
    trades: int
    last_day: str


def in_sample_trades(
    chosen: Chosen, results: Iterable[SymbolTrades], *, zone: str, roll: str
) -> tuple[InSampleTrades, ...]:
    """What of the span's trades is on bars of the training: the symbols that have such trades."""
    found = []
    for one in results:
        until = _trained_until_ms(one)
        own = [trade.entry_ms for trade in chosen.trades if trade.symbol == one.symbol]
        known = [ms for ms in own if until is not None and ms <= until]
        if known:
            last_day = trading_day_at(max(known), zone, roll).date
            found.append(InSampleTrades(one.symbol, len(known), len(own), last_day))
    return tuple(found)


def _trained_until_ms(one: SymbolTrades) -> int | None:
    """The entry of the last trade on bars of the training; None where there is no such trade."""
    count = int(one.best.get(ON_TRAINING_BARS, 0))
    entries = sorted(trade.entry_ms for trade in one.trades)
    return entries[min(count, len(entries)) - 1] if count > 0 else None


def of_symbols(seen: Iterable[InSampleTrades], symbols: Collection[str]) -> tuple[InSampleTrades, ...]:
    """What concerns these symbols."""
    return tuple(one for one in seen if one.symbol in symbols)


def count(seen: Iterable[InSampleTrades]) -> int:
    """How many trades are on bars of the training."""
    return sum(one.on_training_bars for one in seen)


def in_words(seen: Sequence[InSampleTrades]) -> str:
    """`34 of 50 trades of ES are on bars that the model was trained on, the last on 2025-02-14, and prove
    nothing`; there is at least one symbol."""
    names, trades = ", ".join(one.symbol for one in seen), sum(one.trades for one in seen)
    return (
        f"{count(seen):,} of {trades:,} trades of {names} are on bars that the model was trained on, the "
        f"last on {max(one.last_day for one in seen)}, and prove nothing"
    )
