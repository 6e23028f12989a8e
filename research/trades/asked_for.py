"""Says what is simulated of files: signals, each asked for while its worker is flat, or trades as they are.

A file of trades alone cannot know what a worker that was denied would have asked for next. That is said
wherever such trades are simulated.
"""

from collections.abc import Iterable

from portfold.research.trades.results_folder import Results
from portfold.research.trades.trade_file import Trade

WALK_FORWARD_SPANS = "Walk_Forward_Spans"
"""What best.json calls the number of test spans of a walk-forward."""


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


def walked_forward(results: Results) -> str:
    """Says of which symbols the filter was fitted before each span that it traded; nothing where of none.

    Only of files that are as the walk-forward wrote them, which the signals beside the trades tell.
    """
    those = [one for one in results.symbols if one.signals is not None and one.best.get(WALK_FORWARD_SPANS)]
    if not those:
        return ""
    most = int(max(one.best[WALK_FORWARD_SPANS] for one in those))
    return (
        f"Out of sample by walk-forward, as far as filters go: {', '.join(one.symbol for one in those)}, "
        f"fitted anew for each of {most} {'span' if most == 1 else 'spans'} on what came before it."
    )
