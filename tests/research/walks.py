"""Bars of random walks, and of walks with an edge planted in them, as files that a feed reads."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from portfold.config import Contract
from tests.research.made import CHICAGO

HOURS, STEPS, TICKS = 14, 8, 6
FIRST = datetime(2024, 1, 1, 17, tzinfo=CHICAGO)


def rows(random: Random, contract: Contract, edge: float, days: int) -> Iterator[str]:
    """A walk by ticks, hour by hour; after an hour that closed near its low each step of it rises by `edge`
    of a usual one.
    """
    yield "time,open,high,low,close"
    price, weak = 4000, False
    for day in range(days):
        begins = FIRST + timedelta(days=day // 5 * 7 + day % 5)
        for hour in range(HOURS):
            path = [price]
            for _ in range(STEPS):
                path.append(path[-1] + round(random.gauss(TICKS * edge if weak else 0, TICKS)))
            price, low, high = path[-1], min(path), max(path)
            weak = price - low < 0.2 * (high - low)
            prices = (contract.tick_size * ticks for ticks in (path[0], high, low, price))
            yield f"{begins + timedelta(hours=hour):%Y-%m-%dT%H:%M}," + ",".join(f"{one:f}" for one in prices)


def day_number(number: int) -> str:
    """The date of the trading day of that number, from 0."""
    return f"{FIRST + timedelta(days=number // 5 * 7 + number % 5 + 1):%Y-%m-%d}"
