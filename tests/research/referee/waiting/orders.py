"""The referee's fills of limits and stops, from docs/own-strategies.md: each bar is walked tick by tick.

It imports nothing of ours. The walk of a bar is the worst that the bar allows: from the open to the end that
hurts, so what could be both an entry and its stop, or a stop and a profit, is the loss. Prices are in ticks.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ticks:
    """A bar, in whole ticks."""

    open: int
    high: int
    low: int
    close: int


@dataclass(frozen=True)
class Wanted:
    """An entry that is wanted at the close of a bar."""

    long: bool
    limit: int | None = None
    lives: int = 1
    stop: int | None = None


@dataclass(frozen=True)
class Done:
    """A trade: the bars of its entry and exit, their prices, and its stop, None if its fill was beyond it."""

    entered: int
    left: int
    entry: int
    exit: int
    long: bool
    stop: int | None


def worst_walk(bar: Ticks, *, long: bool) -> list[int]:
    """Returns the prices of a bar, one after the other, on the way that is worst for this side."""
    end = bar.low if long else bar.high
    step = -1 if long else 1
    return [*range(bar.open, end, step), end]


def reckoned(
    bars: Sequence[Ticks],
    wanted: Mapping[int, Wanted],
    leaves: Collection[int],
    *,
    slip: int,
    next_bar: bool,
) -> list[Done]:
    """Returns the trades of who wants these entries while flat, and out at these bars while not."""
    found: list[Done] = []
    waits: tuple[Wanted, int] | None = None  # a limit, and its last bar
    soon: Wanted | None = None
    held: tuple[Wanted, int, int] | None = None  # what, since which bar, at which price
    leaving = False

    def close(at: int, price: int) -> None:
        nonlocal held, leaving
        assert held is not None
        one, since, entry = held
        gap = one.stop is not None and (entry <= one.stop if one.long else entry >= one.stop)
        stop = None if gap else one.stop
        found.append(Done(since, at, entry, price - slip if one.long else price + slip, one.long, stop))
        held, leaving = None, False

    for number, bar in enumerate(bars):
        if leaving and held:
            close(number, bar.open)
        elif soon and not held:
            gap = soon.stop is not None and (bar.open <= soon.stop if soon.long else bar.open >= soon.stop)
            held = None if gap else (soon, number, bar.open + (slip if soon.long else -slip))
        soon = None
        at_work = waits[0] if waits else held[0] if held else None
        for step, price in enumerate(worst_walk(bar, long=at_work.long) if at_work else []):
            if waits:
                one, limit = waits[0], waits[0].limit
                assert limit is not None
                if (price < limit) if one.long else (price > limit):
                    held, waits = (one, number, price if step == 0 else limit), None
            stop = held[0].stop if held else None
            if held and stop is not None and (price <= stop if held[0].long else price >= stop):
                close(number, price)
        if waits and waits[1] == number:
            waits = None
        if held:
            if number in leaves:
                leaving = True
                if not next_bar:
                    close(number, bar.close)
        elif wish := wanted.get(number):
            waits = None
            if wish.limit is not None:
                waits = (wish, number + wish.lives)
            elif next_bar:
                soon = wish
            else:
                held = (wish, number, bar.close + (slip if wish.long else -slip))
    return found
