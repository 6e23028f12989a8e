"""Several symbols' bars as one sequence of moments, the way a portfolio lives through them.

Guarantees that times strictly increase and that a moment holds all bars that ended at it, in the order of
their symbols; holds one bar a symbol in memory, however long the feed.
"""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.protocol import Feed

Step = tuple[datetime, dict[str, Bar]]


def steps(feed: Feed, symbols: Iterable[str] | None = None) -> Iterator[Step]:
    """Yields each moment at which bars of `symbols` (default: all) end, with those bars by symbol."""
    chosen = feed.symbols if symbols is None else tuple(dict.fromkeys(symbols))
    return merge(feed.bars(symbol) for symbol in chosen)


def merge(sequences: Iterable[Iterable[Bar]]) -> Iterator[Step]:
    """Merges sequences of bars, one a symbol; ValueError for one that goes back in time or a symbol twice."""
    checked = (_increasing(bars) for bars in sequences)
    merged = heapq.merge(*checked, key=lambda bar: (bar.time, bar.symbol))
    for time, ended in groupby(merged, key=lambda bar: bar.time):
        step: dict[str, Bar] = {}
        for bar in ended:
            if bar.symbol in step:
                raise ValueError(
                    f"expected one sequence of bars for {bar.symbol}, got two with a bar at {time}"
                )
            step[bar.symbol] = bar
        yield time, step


def _increasing(bars: Iterable[Bar]) -> Iterator[Bar]:
    previous: Bar | None = None
    for bar in bars:
        if previous is not None and bar.time <= previous.time:
            raise ValueError(f"expected bars of {bar.symbol} after {previous.time}, got one at {bar.time}")
        yield bar
        previous = bar
