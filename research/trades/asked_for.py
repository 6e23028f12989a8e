"""Says what is simulated of files: signals, each asked for while its worker is flat, or trades as they are.

A file of trades alone cannot know what a worker that was denied would have asked for next. That is said
wherever such trades are simulated.
"""

from collections.abc import Iterable

from portfold.research.trades.results_folder import Results
from portfold.research.trades.trade_file import Trade


def signals_among(trades: Iterable[Trade]) -> int:
    """Counts those of them that are signals."""
    return sum(trade.asked is not None for trade in trades)


def in_words(count: int, signals: int) -> str:
    """Says `6,588 trades`, `6,588 signals`, or `6,000 signals and 588 trades`, of so many in all."""
    trades = count - signals
    signal_words = [f"{signals:,} {'signal' if signals == 1 else 'signals'}"] if signals else []
    trade_words = [f"{trades:,} {'trade' if trades == 1 else 'trades'}"] if trades or not signals else []
    return " and ".join(signal_words + trade_words)


def without_signals(results: Results) -> str:
    """Says of which symbols there are trades alone, and what these cannot know; nothing where of none."""
    names = ", ".join(one.symbol for one in results.symbols if one.signals is None)
    if not names:
        return ""
    return (
        f"Of {names} there are trades alone, without their signals: a live worker that is denied asks again "
        "while its signal lasts, and one that is stopped signals anew; here neither does."
    )
