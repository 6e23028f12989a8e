"""What a strategy sees of its position, and the intents that it can return.

An intent is a wish, not an order: an entry still has to pass the gate, an exit never asks permission.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

import msgspec

from portfold.events.fields import Side
from portfold.workers.feeds.bar import Bar


class OwnPosition(msgspec.Struct, frozen=True):
    """The strategy's own position in the symbol of the bar.

    `entry_price` is the (average) fill price; `bars` counts the bars that have ended since the one the
    entry was filled on, 0 on that bar itself.
    """

    side: Side
    entry_price: Decimal
    bars: int


class Enter(msgspec.Struct, frozen=True):
    """Open a position of `size` contracts: at the market, or at `limit` or better within the next
    `lives_bars` bars, after which the order is withdrawn.

    `stop` is the price at which it is to be closed at a loss: an order that rests beside it from its fill on.
    """

    side: Side
    size: int
    limit: Decimal | None = None
    lives_bars: int = 1
    stop: Decimal | None = None


class Exit(msgspec.Struct, frozen=True):
    """Close the whole position; `reason` is a code such as `max_bars`, for logs and reports."""

    reason: str


Intent = Enter | Exit | None


class Strategy(Protocol):
    """Decides on each bar of one symbol, in order. Only ever an Enter when flat and an Exit when not."""

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:
        """Returns what to do at the close of `bar`, given what is held at that moment."""
        ...


def tell_if_gone(strategy: Strategy, held: object) -> None:
    """Tells a strategy whose entry was filled, where the position was gone before a bar could show it.

    Only one that has `came_and_went` wants to know.
    """
    told: Callable[[], object] | None = getattr(strategy, "came_and_went", None)
    if held is None and told is not None:
        told()
