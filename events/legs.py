"""Positions in one line of text, as decisions list them and as workers announce them.

A leg is what one worker holds on one side of one symbol, `CL:long:1:ibs-CL`; a holding is what a broker
says it holds and at what price, `CL:long:1:71.25`. Lists are separated by blanks.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, Literal, NamedTuple, cast

from portfold.events.fields import HOLDING, LEG

_LEG = re.compile(LEG).fullmatch
_HOLDING = re.compile(HOLDING).fullmatch


class Leg(NamedTuple):
    """What `worker` holds: `size` contracts of `symbol` on `side`."""

    symbol: str
    side: Literal["long", "short"]
    size: int
    worker: str


class Holding(NamedTuple):
    """What a broker holds: `size` contracts of `symbol` on `side`, entered at `price`."""

    symbol: str
    side: Literal["long", "short"]
    size: int
    price: Decimal


def legs_text(legs: Iterable[Leg]) -> str:
    """Writes the legs as a `Legs` field holds them."""
    return " ".join(f"{leg.symbol}:{leg.side}:{leg.size}:{leg.worker}" for leg in legs)


def parse_legs(text: str) -> list[Leg]:
    """Reads what `legs_text` wrote. Raises ValueError for anything else."""
    return [
        Leg(symbol, _side(side), int(size), worker)
        for symbol, side, size, worker in _parts(text, _LEG, "CL:long:1:ibs-CL")
    ]


def holdings_text(holdings: Iterable[Holding]) -> str:
    """Writes the holdings as a `Holdings` field holds them."""
    return " ".join(f"{held.symbol}:{held.side}:{held.size}:{held.price:f}" for held in holdings)


def parse_holdings(text: str) -> list[Holding]:
    """Reads what `holdings_text` wrote. Raises ValueError for anything else."""
    return [
        Holding(symbol, _side(side), int(size), Decimal(price))
        for symbol, side, size, price in _parts(text, _HOLDING, "CL:long:1:71.25")
    ]


def _parts(
    text: str, read: Callable[[str], re.Match[str] | None], like: str
) -> Iterator[tuple[str | Any, ...]]:
    """Yields the four parts of each item in turn."""
    for item in text.split(" ") if text else []:
        parts = read(item)
        if parts is None:
            raise ValueError(f"expected positions such as {like}, got {item[:80]!r}")
        yield parts.groups()


def _side(text: str) -> Literal["long", "short"]:
    return cast(Literal["long", "short"], text)  # the pattern lets nothing else through
