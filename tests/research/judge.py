"""Figures out of a table, to try searches with: no simulation, so any landscape can be had."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from portfold.research.search.search import Search, Symbols
from portfold.research.statistics.metrics import Metrics

_Found = TypeVar("_Found")

NOTHING = Metrics(
    sharpe=0.0,
    sharpe_least=0.0,
    sharpe_most=0.0,
    drawings=1,
    sharpe_dollars=0.0,
    sharpe_own_days=0.0,
    cagr=0.0,
    cagr_over_vol=0.0,
    volatility=0.0,
    total_return=0.0,
    total_return_pct=0.0,
    max_dd=0.0,
    max_dd_pct=0.0,
    profit_factor=None,
    breach_events=0,
    breach_periods=0,
    pct_time_in_breach=0.0,
    daily_stops=0,
    avg_positions=0.0,
    time_in_market_pct=0.0,
    symbols_used=0,
    trades=0,
    block_rate=0.0,
    forced=0,
    at_final=0,
    at_final_pnl=0.0,
)

Judge = Callable[[Symbols], Metrics]


def decided(search: Search[_Found], judge: Judge, seen: list[Symbols] | None = None) -> _Found:
    """What the search comes to under this judge; `seen` is called with every set it asked about."""
    try:
        wanted = next(search)
        while True:
            if seen is not None:
                seen += wanted
            wanted = search.send([judge(symbols) for symbols in wanted])
    except StopIteration as ended:
        found: _Found = ended.value
        return found


def names(count: int) -> Sequence[str]:
    """So many symbols."""
    return [f"S{number:02}" for number in range(count)]


def letters(text: str) -> Symbols:
    """`"ABC"` as a set of symbols."""
    return tuple(text)


def joined(sets: Iterable[Symbols]) -> list[str]:
    """Sets of one-letter symbols as words."""
    return ["".join(symbols) for symbols in sets]
