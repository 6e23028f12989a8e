"""Other markets that a strategy looks at and does not trade, such as TLT or VIX, and when it sees them.

A strategy declares them, `context = ("TLT", "VIX")`, and has a method `see(bar)`. Guarantees: before it
decides at a bar it has seen each bar of theirs that had ended by then, once, in the order of their ends, and
none that had not: the same over the past as live.
"""

import copy
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, Self, cast

from portfold.bounds import SYMBOL
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.intent import Intent, OwnPosition, Strategy, tell_if_gone

MOST = 16
EXPECTED = f"context: up to {MOST} other markets, each once and in capitals, such as ('TLT', 'VIX')"


class _Seeing(Protocol):
    def see(self, bar: Bar) -> object: ...


def declared_by(make: object, symbol: str) -> tuple[str, ...] | None:
    """Returns the markets that what makes a strategy of `symbol` declares; None for what is no such list."""
    declared = getattr(make, "context", ())
    if not isinstance(declared, tuple | list) or len(declared) > MOST:
        return None
    names = tuple(name for name in declared if isinstance(name, str) and re.fullmatch(SYMBOL, name))
    distinct = len(set(names)) == len(declared) and symbol not in names
    return names if distinct else None


def shown(strategy: Strategy, bar: Bar) -> None:
    """Shows the strategy a bar of its context."""
    cast("_Seeing", strategy).see(bar)


def own_bars(bars: Iterable[Bar | None], symbol: str, strategy: Strategy) -> Iterator[Bar | None]:
    """Yields the bars of `symbol`, and shows the strategy those of other markets as they come."""
    for bar in bars:
        if bar is None or bar.symbol == symbol:
            yield bar
        else:
            shown(strategy, bar)


class OverThePast:
    """`inner` over bars of the past: sees, before it decides, what of its context had ended by then.

    Meets `intent.Strategy`. Copies share the bars.
    """

    def __init__(self, inner: Strategy, context: Sequence[Bar], seen: int = 0) -> None:
        self._inner, self._context, self._seen = inner, context, seen

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copies the strategy as it is now, for research."""
        return type(self)(copy.deepcopy(self._inner, memo), self._context, self._seen)

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:
        """Returns what the strategy wants at the close of `bar`."""
        while self._seen < len(self._context) and self._context[self._seen].time <= bar.time:
            shown(self._inner, self._context[self._seen])
            self._seen += 1
        return self._inner.decide(bar, held)

    def came_and_went(self) -> None:
        """Tells the strategy that its position was gone before a bar could show it."""
        tell_if_gone(self._inner, None)
