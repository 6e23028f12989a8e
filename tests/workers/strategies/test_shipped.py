"""The strategies that ship trade what their sources say, reckoned a second time, in floats and whole columns.

The second reckoning knows nothing of ours: pandas rolls its windows, trades follow from its columns. The
backtest has to make the same trades, bar for bar.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # has its types apart
import pytest
from msgspec.structs import replace

from portfold.config import Configuration, StrategyEntry, load
from portfold.research.backtest.trading import trade_alone
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.synthetic import SyntheticMarket
from portfold.workers.strategies.opened import open_strategy

CHICAGO = ZoneInfo("America/Chicago")
Made = tuple[datetime, datetime, str]


class Wishes(NamedTuple):
    """Where a flat one would enter long or short, and where one who is long or short would leave, by bar."""

    long: pd.Series
    short: pd.Series
    leave_long: pd.Series
    leave_short: pd.Series
    max_bars: int


def configured(strategy: str, **params: object) -> Configuration:
    packaged = load(None, {}, Path("/"))
    entry = StrategyEntry(strategy, {name: _as_read(value) for name, value in params.items()})
    return replace(packaged, runtime=replace(packaged.runtime, workers={"ES": entry}))


def _as_read(value: object) -> object:
    return Decimal(str(value)) if isinstance(value, float) else value


@cache
def bars() -> list[Bar]:
    return list(SyntheticMarket(load(None, {}, Path("/")).contracts, days=150, seed=11).bars("ES"))


def columns() -> pd.DataFrame:
    rows = [(float(bar.open), float(bar.high), float(bar.low), float(bar.close)) for bar in bars()]
    times = pd.DatetimeIndex([bar.time for bar in bars()]).tz_convert(CHICAGO)
    return pd.DataFrame(rows, columns=["open", "high", "low", "close"], index=times)


def wilder(table: pd.DataFrame, bars: int) -> pd.Series:
    before = table.close.shift()
    reach = pd.concat(
        [table.high - table.low, (table.high - before).abs(), (table.low - before).abs()], axis=1
    )
    ranges = reach.max(axis=1)
    seeded = ranges.copy()
    seeded.iloc[: bars - 1], seeded.iloc[bars - 1] = np.nan, ranges.iloc[:bars].mean()
    smooth = seeded.iloc[bars - 1 :].ewm(alpha=1 / bars, adjust=False).mean()
    return smooth.reindex(table.index)


def of_atr_dip() -> Wishes:
    table = columns()
    never = table.close < table.low
    dip = table.close.rolling(10).max() - table.close
    rising = table.close > table.close.rolling(50).mean()
    enter = rising & (dip > 0) & (dip >= 1.5 * wilder(table, 14)) & table.close.rolling(50).count().eq(50)
    return Wishes(enter, never, table.close > table.close.rolling(5).mean(), never, 10)


def of_bollinger() -> Wishes:
    table = columns()
    middle, deviation = table.close.rolling(20).mean(), table.close.rolling(20).std(ddof=0)
    lower, upper = middle - 1.8 * deviation, middle + 1.8 * deviation
    above, below = table.close >= middle - 1e-7, table.close <= middle + 1e-7
    return Wishes(table.close < lower, table.close > upper, above, below, 12)


def of_opening_range() -> Wishes:
    table = columns()
    # What ends at 17:00 or later is the next day's.
    day = (table.index + pd.Timedelta(hours=7)).date
    minute = table.index.hour * 60 + table.index.minute
    early = pd.Series((minute > 8 * 60) & (minute <= 10 * 60), index=table.index)
    open_low = table.low.where(early).groupby(day).transform("min")
    open_high = table.high.where(early).groupby(day).transform("max")
    waiting = pd.Series((minute > 10 * 60) & (minute < 15 * 60), index=table.index)
    long, short = waiting & (table.close > open_high), waiting & (table.close < open_low)
    first = [side & (side.astype(int).groupby(day).cumsum() == 1) for side in (long, short)]
    late = pd.Series((minute >= 15 * 60) & (minute < 17 * 60), index=table.index)
    return Wishes(
        first[0], first[1], late | (table.close < open_low), late | (table.close > open_high), 10_000
    )


def traded(wishes: Wishes) -> list[Made]:
    """Walks the columns: one position at a time, never out on the bar of the entry."""
    made, entered, side = list[Made](), -1, ""
    for number, bar in enumerate(bars()):
        if entered < 0:
            side = "long" if wishes.long.iloc[number] else "short" if wishes.short.iloc[number] else ""
            entered = number if side else -1
            continue
        leaves = wishes.leave_long if side == "long" else wishes.leave_short
        if leaves.iloc[number] or number - entered >= wishes.max_bars:
            made.append((bars()[entered].time, bar.time, side))
            entered = -1
    return made


@pytest.mark.parametrize(
    ("strategy", "params", "reckoned"),
    [
        ("atr_dip", {"dip_atr": 1.5, "trend_bars": 50}, of_atr_dip),
        ("bollinger", {"deviations": 1.8, "max_bars": 12}, of_bollinger),
        ("opening_range", {"opens_at": "08:00", "range_minutes": 120}, of_opening_range),
    ],
)
def test_the_backtest_makes_the_trades_of_a_second_reckoning(
    strategy: str, params: dict[str, object], reckoned: Callable[[], Wishes]
) -> None:
    trades = trade_alone("ES", bars(), configured(strategy, **params)).trades
    at = {round(bar.time.timestamp() * 1000): bar.time for bar in bars()}
    found = [(at[trade.entry_ms], at[trade.exit_ms], trade.side) for trade in trades]
    expected = traded(reckoned())
    assert found == expected
    assert len(found) > 40
    assert len({side for _, _, side in found}) == (1 if strategy == "atr_dip" else 2)


@pytest.mark.parametrize("strategy", ["atr_dip", "bollinger", "opening_range"])
def test_nothing_is_entered_before_the_warm_up_is_over(strategy: str) -> None:
    made = open_strategy(configured(strategy), "ES").strategy()
    warm_up: int = made.warm_up_bars  # type: ignore[attr-defined]  # what ships has it
    assert all(made.decide(bar, None) is None for bar in bars()[: warm_up - 1])


def test_a_close_on_the_band_is_not_outside_and_a_tick_further_is() -> None:
    """Closes of 98, 102, 98, 102 and so on: mean and deviation of the last two are exact."""
    enters = []
    for close in ("98", "98.01"):
        strategy = open_strategy(configured("bollinger", bars=2, deviations=1.0), "ES").strategy()
        assert strategy.decide(_closing("102"), None) is None
        enters.append(strategy.decide(_closing(close), None) is not None)
    # Of two closes each is one deviation off, whatever they are: that is on the band.
    assert enters == [False, False]
    strategy = open_strategy(configured("bollinger", bars=3, deviations=1.41), "ES").strategy()
    wishes = [strategy.decide(_closing(close), None) for close in ("100", "100", "99.99")]
    assert wishes[:2] == [None, None]
    assert wishes[2] is not None  # √2 deviations off, which is more than 1.41


def _closing(close: str) -> Bar:
    price = Decimal(close)
    return replace(bars()[0], open=price, high=price, low=price, close=price)
