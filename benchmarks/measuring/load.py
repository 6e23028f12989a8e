"""A load of trades without end: the events of so many workers, each trade granted, opened, marked and closed.

One trade is eleven events, one after the other: asked for, opened, eight marks, closed at the price of the
entry. So all are within the packaged limits whatever the load, none leaves anything open, and each is about
the bytes of a real one.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import cycle
from pathlib import Path

from portfold.config import load
from portfold.config.locate import PACKAGED
from portfold.events.codec import encode
from portfold.events.incoming import (
    EntryRequested,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    WorkerStarted,
)

EVENTS_A_TRADE = 11
_MARKS = 8
_NOTHING = Decimal("0.00")


def trades(workers: int, session: str) -> Iterator[list[str]]:
    """Yields the fields of event after event; the workers trade in turns, each under its own name."""
    contracts = load(str(PACKAGED), {}, Path.cwd())
    symbols = contracts.portfolio.symbols
    prices = {symbol: 5_000 * contracts.contracts[symbol].tick_size for symbol in symbols}
    named = [
        (f"ibs-{symbols[number % len(symbols)]}-{number}", symbols[number % len(symbols)])
        for number in range(workers)
    ]
    for worker, symbol in named:
        yield encode(WorkerStarted(worker, session, 1, symbols=symbol, positions=""))
    numbers = dict.fromkeys((worker for worker, _ in named), 1)
    for worker, symbol in cycle(named):
        number = numbers[worker]
        numbers[worker] += EVENTS_A_TRADE
        yield from _trade(worker, session, number, symbol, prices[symbol])


def _trade(worker: str, session: str, number: int, symbol: str, price: Decimal) -> Iterator[list[str]]:
    fill = f"{session}-{worker}-{number}"
    yield encode(EntryRequested(worker, session, number + 1, symbol, "long", 1, "IBS on hourly bars"))
    yield encode(PositionOpened(worker, session, number + 2, symbol, "long", 1, price, fill=f"{fill}-in"))
    for mark in range(_MARKS):
        yield encode(PositionMarked(worker, session, number + 3 + mark, symbol, "long", price, _NOTHING))
    yield encode(
        PositionClosed(
            worker,
            session,
            number + EVENTS_A_TRADE,
            symbol,
            "long",
            1,
            price,
            pnl=_NOTHING,
            commission=_NOTHING,
            reason="ibs",
            fill=f"{fill}-out",
        )
    )
