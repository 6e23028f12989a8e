"""The input of a filter: the features of a bar, its history and the side of an entry.

This is the one definition, in training and live alike; whoever changes what a feature is counts `DEFINITION`
up, and models of the old one are refused. Prices are measured in average true ranges, so that symbols and
years compare. Values lie on a grid of 1/1024 within ±64: single precision holds them and every midpoint
between two of them exactly, so that a tree splits them alike in whatever precision it is served.

What cannot be known is missing, never zero: before `HISTORY` bars have come, or where nothing moves.
"""

from collections import deque
from decimal import Decimal
from math import cos, pi, sin

from portfold.config.runtime import TradingDayRoll
from portfold.errors import PortfoldError
from portfold.events.fields import Side
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.average_true_range import AverageTrueRange
from portfold.workers.strategies.ibs import internal_bar_strength
from portfold.workers.strategies.session_clock import SessionClock

DEFINITION = 1
HISTORY = 50
"""Bars that have to come before all features are known."""

FEATURES = (
    "ibs",  # of the bar
    "ibs_before",  # of the one before it
    "range",  # high - low, in ranges
    "body",  # close - open, in ranges
    "gap",  # open - close of the bar before, in ranges
    "move_1",  # close - close so many bars ago, in ranges
    "move_5",
    "move_20",
    "place_20",  # of the close between the lowest low and the highest high of 20 bars, from 0 to 1
    "unrest",  # the average true range of 14 bars, in those of 50
    "hour_sin",  # the time of day on the exchange's clocks, as a place on the circle
    "hour_cos",
    "weekday",  # Monday 0
    "side",  # 1 long, -1 short
)

_RANGE, _LONG_RANGE, _PLACE_BARS, _MOVES = 14, HISTORY, 20, (1, 5, 20)
_GRID = 1024
_FARTHEST = 64.0
_DAY_MINUTES = 24 * 60


class MissingFeatures(PortfoldError):
    """Not all features are known; a sentence that says which and why."""


class FeatureHistory:
    """The history of one symbol's bars, as far as features look back."""

    def __init__(self, trading_day: TradingDayRoll) -> None:
        self._clock = SessionClock(trading_day)
        self._range = AverageTrueRange(_RANGE)
        self._long_range = AverageTrueRange(_LONG_RANGE)
        self._bars: deque[Bar] = deque(maxlen=max(_PLACE_BARS, *_MOVES) + 1)

    def take(self, bar: Bar) -> None:
        """Takes the next bar, in order."""
        self._bars.append(bar)
        self._range.take(bar)
        self._long_range.take(bar)

    def read(self, side: Side) -> tuple[float, ...]:
        """Returns the `FEATURES` of an entry at the close of the last bar. Raises MissingFeatures."""
        unit, long_unit = self._range.value, self._long_range.value
        if unit is None or long_unit is None:
            raise MissingFeatures(f"the features look back {HISTORY} bars, and so many have not come yet")
        last, before = self._bars[-1], self._bars[-2]
        recent = list(self._bars)[-_PLACE_BARS:]
        low, high = min(bar.low for bar in recent), max(bar.high for bar in recent)
        if unit == 0 or low == high:
            raise MissingFeatures(
                f"prices have not moved in {_PLACE_BARS} bars, so that nothing can be measured"
            )
        angle = 2 * pi * self._clock.minute_of(last.time) / _DAY_MINUTES
        values: tuple[Decimal | float | int, ...] = (
            internal_bar_strength(last),
            internal_bar_strength(before),
            (last.high - last.low) / unit,
            (last.close - last.open) / unit,
            (last.open - before.close) / unit,
            *((last.close - self._bars[-1 - back].close) / unit for back in _MOVES),
            (last.close - low) / (high - low),
            unit / long_unit,
            sin(angle),
            cos(angle),
            self._clock.weekday_of(last.time),
            1 if side == "long" else -1,
        )
        return tuple(_on_grid(float(value)) for value in values)


def _on_grid(value: float) -> float:
    return round(max(-_FARTHEST, min(_FARTHEST, value)) * _GRID) / _GRID
