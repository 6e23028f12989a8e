"""What a bar fills of orders that wait for a price, as honestly as a bar can tell. Pure.

A bar says where the price was first and how far it went, not in which order. Guarantees, for a long (a short
mirrors it):

- a limit is filled where the price went through it, a tick beyond or farther: at the open where the bar opens
  there, else at the limit. At the limit is not through: others stood before us in the queue;
- a stop is filled where the price has reached it: at the open where that is worse already, else at the stop;
- of a bar that holds both, a limit and the stop of its position, or a stop and what would have been a profit,
  the loss counts: the stop is filled.
"""

from decimal import Decimal
from typing import NamedTuple

from portfold.events.fields import Side


class PricePath(NamedTuple):
    """Where the price went: what it was first, and its extremes."""

    open: Decimal
    low: Decimal
    high: Decimal


def limit_fill(side: Side, limit: Decimal, path: PricePath, tick_size: Decimal) -> Decimal | None:
    """Returns the price that a limit entry gets on this way; None where it gets nothing."""
    if side == "long":
        through = limit - tick_size
        if path.open <= through:
            return path.open
        return limit if path.low <= through else None
    through = limit + tick_size
    if path.open >= through:
        return path.open
    return limit if path.high >= through else None


def stop_fill(side: Side, stop: Decimal, path: PricePath) -> Decimal | None:
    """Returns the price that the stop of a position of `side` gets on this way; None where it is not
    reached.
    """
    if side == "long":
        return min(stop, path.open) if path.low <= stop else None
    return max(stop, path.open) if path.high >= stop else None
