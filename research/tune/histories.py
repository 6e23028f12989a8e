"""What came of a set of parameters, by trading day, as far as it was known at some bar.

A trade is known from its exit on. Bars have moments, moments have days: both are looked up once for all sets.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from portfold.config.runtime import TradingDayRoll
from portfold.exchange_time import milliseconds_of
from portfold.research.backtest.out_of_sample import Past
from portfold.research.simulate.bars_within import day_of
from portfold.research.statistics.metrics import Floats
from portfold.research.tune.record import Tried


class History(NamedTuple):
    """The trades of a set, as columns: when each ended, in ms, on which day, by its number, and dollars."""

    ended_ms: NDArray[np.int64]
    day: NDArray[np.int64]
    dollars: Floats


class Calendar:
    """The trading days of the bars that are traded."""

    def __init__(self, past: Past, roll: TradingDayRoll) -> None:
        number = {day: place for place, day in enumerate(past.days)}
        traded = past.bars[past.begins :]
        self._past = past
        self._day_of = {milliseconds_of(bar.time): number[day_of(bar, roll)] for bar in traded}

    def history(self, of: Tried) -> History:
        """Returns the trades of a set as columns."""
        ended = np.array([ended_ms for _, ended_ms, _ in of.trades], np.int64)
        days = np.array([self._day_of[ended_ms] for _, ended_ms, _ in of.trades], np.int64)
        return History(ended, days, np.array([cents / 100 for _, _, cents in of.trades], np.float64))

    def dollars(self, history: History, known: int) -> Floats:
        """Returns the dollars of each day up to the bar before number `known`, by trades that had ended."""
        last_ms = milliseconds_of(self._past.bars[known - 1].time)
        ended = history.ended_ms <= last_ms
        count = self._day_of[last_ms] + 1
        return np.bincount(history.day[ended], history.dollars[ended], count).astype(np.float64)

    def trades(self, history: History, known: int) -> int:
        """Counts the trades that had ended by then."""
        return int((history.ended_ms <= milliseconds_of(self._past.bars[known - 1].time)).sum())
