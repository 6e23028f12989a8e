"""A synthetic market, made from a seed: it resembles the real one and is none.

It exists so that the demo, the tests and a newcomer's first strategy need no data. What it is made of:

- Hourly bars on the contract's tick grid, 23 a trading day, 17:00 to 16:00 America/Chicago, Monday to
  Friday; no holidays. Prices start near the levels of early 2025; a contract not in the table starts
  10,000 ticks above zero. The walk is additive, so prices of a very long market may go below zero.
- A bar opens a step after the last one closed: its first price is another than the last close, from which its
  range begins. Who is filled at the next open gets another price than at the close.
- Every contract, a micro as well, moves some $250 to $350 a day (one standard deviation), calmer than the
  real market, so that one contract of each of four symbols fits a daily stop of $2,500. All symbols share a
  common factor that explains a fifth of the variance of each.
- On top of its random walk a price carries noise that fades within the hour or two: what falls to the low
  of an hour tends to come back. That is enough for a mean-reverting strategy such as `strategies.ibs` to
  trade often and about pay its costs.
- On one bad day, and only then, everything sells off together from 03:00 to 11:00 Chicago, hour after hour
  closing near its low, by four and a half times the usual daily move. Those who buy dips fill their book
  early on and lose well over $2,500 with four contracts, by nothing but trading.

Guarantees: a symbol's bars depend on the seed, the calendar and that symbol's own contract alone, not on
which other symbols are asked for, and are the same to the last digit on every machine and Python version.
For that, only `random.Random(text).random()`, whose sequence Python promises to keep, and the basic
operations of IEEE 754 are used: no logarithm, no `gauss`, no `sum` of floats, no `hash`.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portfold.config.contracts import Contract
from portfold.workers.feeds.bar import Bar

SYMBOLS = ("6A", "6B", "6C", "6N", "6S", "CL", "ES", "PL", "RTY", "SI")
MONDAY = date(2025, 1, 6)
HOURS = 23
LONGEST = 5_000
"""Most trading days of one market: twenty years."""

_EXCHANGE = ZoneInfo("America/Chicago")
_OPEN = time(17, 0)
_HOUR = timedelta(hours=1)
# Bars are drawn from a path of five-minute steps.
_STEPS = 12
_STEPS_A_DAY = HOURS * _STEPS

_UNIT = 3.4641016151377544  # √12: brings the standard deviation of a uniform number to one
_STEP = 0.06019292654288461  # 1/√276: a day's standard deviation spread over its steps
_COMMON = 0.4472135954999579  # √0.2: weight of the common factor
_OWN = 0.8944271909999159  # √0.8
# The fading noise, in days' standard deviations: its kick at each step and what is left of it after one.
_KICK = 0.065
_KEPT = 0.9

_SELL_OFF_FROM = 10 * _STEPS  # 03:00
_SELL_OFF_TO = 18 * _STEPS  # 11:00
_SELL_OFF_DEPTH = 4.5
# Within the sell-off nothing but the sell-off matters much.
_SELL_OFF_CALM = 0.5


class _Character(NamedTuple):
    """The level a contract's price starts near, and what it moves in a day, in dollars a contract."""

    level: Decimal
    dollars: float


def _character(level: str, dollars: float) -> _Character:
    return _Character(Decimal(level), dollars)


_CHARACTERS = {
    "6A": _character("0.6220", 250.0),
    "6B": _character("1.2430", 280.0),
    "6C": _character("0.6940", 250.0),
    "6E": _character("1.0330", 290.0),
    "6J": _character("0.0064000", 280.0),
    "6M": _character("0.048300", 260.0),
    "6N": _character("0.5610", 250.0),
    "6S": _character("1.1080", 290.0),
    "CL": _character("73.90", 310.0),
    "ES": _character("5990.00", 330.0),
    "GC": _character("2650.0", 330.0),
    "HG": _character("4.1000", 310.0),
    "NG": _character("3.400", 320.0),
    "NQ": _character("21500.00", 340.0),
    "PL": _character("940.0", 260.0),
    "RTY": _character("2280.0", 290.0),
    "SI": _character("30.000", 350.0),
    "YM": _character("42800", 310.0),
}
_MICROS = {
    "M2K": "RTY",
    "M6A": "6A",
    "M6B": "6B",
    "M6E": "6E",
    "MCL": "CL",
    "MES": "ES",
    "MGC": "GC",
    "MHG": "HG",
    "MNG": "NG",
    "MNQ": "NQ",
    "MYM": "YM",
    "SIL": "SI",
}
_UNKNOWN_DOLLARS = 300.0
_UNKNOWN_TICKS = 10_000


class SyntheticMarket:
    """`days` trading days from `start` on, of one seed. A feed in the sense of `feeds.protocol.Feed`.

    `bad_day` is the number of the bad day, 1 for the first; by default it lies at 60 % of the days, at least
    the first. ValueError for a symbol without contract, a start on a weekend, days not from 1 to 5000, or a
    bad day that is none of them.
    """

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        *,
        days: int,
        seed: int,
        symbols: tuple[str, ...] = SYMBOLS,
        start: date = MONDAY,
        bad_day: int | None = None,
    ) -> None:
        unknown = [symbol for symbol in symbols if symbol not in contracts]
        if unknown:
            raise ValueError(f"expected symbols with a contract, got {', '.join(unknown)}")
        if not 1 <= days <= LONGEST:
            raise ValueError(f"expected from 1 to {LONGEST} trading days, got {days}")
        if start.weekday() > 4:
            raise ValueError(f"expected a start from Monday to Friday, got {start:%A} {start}")
        if bad_day is not None and not 1 <= bad_day <= days:
            raise ValueError(f"expected a bad day from 1 to {days}, got {bad_day}")
        self._contracts = contracts
        self._symbols = tuple(dict.fromkeys(symbols))
        self._seed = seed
        self._start = start
        self._days = days
        self._bad_day = bad_day or max(1, days * 60 // 100)

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._symbols

    @cached_property
    def trading_days(self) -> tuple[date, ...]:
        """Returns the trading days' dates, in order."""
        weeks, into = divmod(self._days + self._start.weekday(), 5)
        horizon = weeks * 7 + into
        monday = self._start - timedelta(days=self._start.weekday())
        dates = (monday + timedelta(days=number) for number in range(horizon))
        return tuple(day for day in dates if day >= self._start and day.weekday() < 5)

    @property
    def bad_day(self) -> date:
        """Returns the date of the bad day."""
        return self.trading_days[self._bad_day - 1]

    def bars(self, symbol: str) -> Iterator[Bar]:
        """Returns the symbol's hourly bars, the first one ending at 18:00 Chicago of the evening before
        `start`.
        """
        if symbol not in self._symbols:
            raise ValueError(f"expected one of {', '.join(self._symbols)}, got '{symbol}'")
        return self._bars(symbol)

    def _bars(self, symbol: str) -> Iterator[Bar]:
        contract = self._contracts[symbol]
        character = _character_of(contract)
        start = int((character.level / contract.tick_size).to_integral_value())
        ticks_a_day = character.dollars / float(contract.tick_value)
        path = self._path(symbol)
        last = start
        for day in self.trading_days:
            end = _session_open(day)
            for _ in range(HOURS):
                end += _HOUR
                walk = [last, *(start + round(next(path) * ticks_a_day) for _ in range(_STEPS))]
                last = walk[-1]
                open_, high, low, close = (
                    tick * contract.tick_size for tick in (walk[1], max(walk), min(walk), last)
                )
                yield Bar(symbol, end, open_, high, low, close)

    def _path(self, symbol: str) -> Iterator[float]:
        """Returns how far the price is from its start after each step, in days' standard deviations."""
        draw = Random(f"portfold/{self._seed}/{symbol}").random
        walk = noise = 0.0
        for index, common in enumerate(self._common):
            calm = _SELL_OFF_CALM if self._in_sell_off(index) else 1.0
            walk += common + calm * _STEP * _OWN * _UNIT * (draw() - 0.5)
            noise = _KEPT * noise + calm * _KICK * _UNIT * (draw() - 0.5)
            yield walk + noise

    @cached_property
    def _common(self) -> list[float]:
        """Returns what every symbol moves by at each step: the common factor and the sell-off."""
        draw = Random(f"portfold/{self._seed}").random
        moves = []
        for index in range(self._days * _STEPS_A_DAY):
            move = _STEP * _COMMON * _UNIT * (draw() - 0.5)
            if self._in_sell_off(index):
                move = _SELL_OFF_CALM * move - _SELL_OFF_DEPTH / (_SELL_OFF_TO - _SELL_OFF_FROM)
            moves.append(move)
        return moves

    def _in_sell_off(self, index: int) -> bool:
        day, step = divmod(index, _STEPS_A_DAY)
        return day == self._bad_day - 1 and _SELL_OFF_FROM <= step < _SELL_OFF_TO


def _character_of(contract: Contract) -> _Character:
    symbol = _MICROS.get(contract.symbol, contract.symbol)
    if symbol in _CHARACTERS:
        return _CHARACTERS[symbol]
    return _Character(_UNKNOWN_TICKS * contract.tick_size, _UNKNOWN_DOLLARS)


def _session_open(day: date) -> datetime:
    """17:00 Chicago of the evening before. Clocks change on Sunday nights, never within a session."""
    return datetime.combine(day - timedelta(days=1), _OPEN, _EXCHANGE).astimezone(UTC)
