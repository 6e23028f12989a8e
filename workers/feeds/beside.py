"""Bars of other markets beside those of the symbol that is traded, in the order in which they can be known.

Pure. A bar is known from its end on, so whatever is merged by ends looks at nothing ahead.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.csv_folder import BarsError
from portfold.workers.feeds.protocol import Feed


def by_their_ends(each: Iterable[Iterable[Bar]]) -> Iterator[Bar]:
    """Merges bars of several markets, each in order, by their ends."""
    return heapq.merge(*each, key=attrgetter("time"))


def before_own(own: Iterable[Bar], context: Iterator[Bar]) -> Iterator[Bar]:
    """Yields before each own bar those of the context that had ended by then."""
    waiting = next(context, None)
    for bar in own:
        while waiting is not None and waiting.time <= bar.time:
            yield waiting
            waiting = next(context, None)
        yield bar


def refuse_no_bars(feed: Feed, symbol: str, context: Sequence[str]) -> None:
    """Raises BarsError for markets that the strategy of a symbol looks at and the feed has no bars of."""
    lacking = [market for market in context if market not in feed.symbols]
    if lacking:
        raise BarsError(
            f"expected bars of {', '.join(lacking)} too, as the strategy of {symbol} looks at "
            f"{'it' if len(lacking) == 1 else 'them'}, got those of {', '.join(feed.symbols)}"
        )
