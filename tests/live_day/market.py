"""One made-up market, the only one of a day: what it says, exchange and market data both give.

Deterministic from its seed. A minute mostly runs one way and closes near an end of its range, most often near
the other one than the minute before: so a strategy of internal bar strength has much to do.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import NamedTuple

from portfold.config import Contract
from portfold.workers.brokers.contract_month import LETTERS, contract_name
from portfold.workers.brokers.contract_names import exchange_day
from portfold.workers.brokers.ibkr.contracts import NAMES
from tests.fakes.tws.listed import Listed

FIRST_PRICES: Mapping[str, str] = {
    "ES": "6000",
    "NQ": "21000",
    "RTY": "2200",
    "YM": "43000",
    "CL": "70",
    "NG": "3",
    "GC": "2600",
    "SI": "30",
    "PL": "950",
    "6A": "0.65",
}
SYMBOLS = tuple(FIRST_PRICES)
TICKS_A_MINUTE = 6
_TURNS = 0.75
_FIRST_ID = 495_512_001


class Future(NamedTuple):
    """A symbol's contract of these days: in our words ESZ2026, at both vendors ESZ6."""

    symbol: str
    name: str
    listed: Listed

    @property
    def short(self) -> str:
        """What both vendors call it."""
        return self.listed.local_symbol


def futures(contracts: Mapping[str, Contract], symbols: Sequence[str]) -> dict[str, Future]:
    """The contracts that are traded, as the fake broker lists them."""
    found = {}
    for number, symbol in enumerate(symbols):
        name, ours = contract_name(symbol, exchange_day()), contracts[symbol]
        letter, year = name[-5], name[-4:]
        month = f"{year}{LETTERS.index(letter) + 1:02}"
        listed = Listed(
            _FIRST_ID + number,
            NAMES.get(symbol, symbol),
            f"{symbol}{letter}{year[-1]}",
            f"{month}18",
            f"{ours.point_value:f}",
            ours.tick_size,
            ours.exchange,
            ours.name,
            month=month,
        )
        found[symbol] = Future(symbol, name, listed)
    return found


class Market:
    """Gives each symbol's next price, tick by tick."""

    def __init__(self, ticks: Mapping[str, Decimal], seed: int) -> None:
        self._ticks = ticks
        self._random = Random(seed)
        self._prices = {symbol: Decimal(FIRST_PRICES[symbol]) for symbol in ticks}
        self._direction = dict.fromkeys(ticks, 1)
        self._runs: dict[str, int] = {}

    def begin_minute(self) -> None:
        """Draws where each symbol runs within the next minute."""
        for symbol, direction in self._direction.items():
            self._direction[symbol] = -direction if self._random.random() < _TURNS else direction

    def run(self, symbol: str, ticks: int) -> None:
        """From now on a symbol moves by so many ticks at each step, whatever was drawn."""
        self._runs[symbol] = ticks

    def run_free(self) -> None:
        """From now on all move as it is drawn."""
        self._runs.clear()

    def next(self, symbol: str) -> Decimal:
        """Moves a symbol, and returns its price."""
        drawn = self._random.choice((0, 1, 1, 2)) * self._direction[symbol]
        moved = self._runs.get(symbol, drawn)
        self._prices[symbol] += moved * self._ticks[symbol]
        return self._prices[symbol]
