"""Measures one simulation; each figure is defined once, here.

- Daily return: the day's P&L over the account at the end of the day before. Days are all trading days of the
  span, those without a trade as well. From the day on which nothing is left of the account returns are 0.
- Sharpe: mean of the daily returns over their standard deviation (n - 1), times the root of the days in a
  year, risk-free rate 0; 0 where nothing varies. A year has the days that are counted here, five of seven of
  365.25. Days count as not varying where their returns, or the dollars that these come to, deviate by less
  than a twentieth of their mean: that is a Sharpe beyond 323, which no market gives, and dividing by so small
  a deviation would put a file first that is too even to be true.
- Sharpe of dollars: the same of the days' dollars, as of a capital that stays the same. That of returns falls
  as the account grows while what is traded does not, so two spans are compared by this one.
- Sharpe of own days: that of returns over the days from the first on which money moved to the last.
- CAGR: (account at the end / at the beginning)^(1/years) - 1, a year being 365.25 calendar days from the
  first trading day to the last, both included; -1 where nothing is left.
- CAGR over volatility: what some tools print as Sharpe. Volatility is the standard deviation above times
  the same root.
- Drawdown: how far the account is below the highest it has been, at the end of each moment in which money
  moved; its beginning counts. In percent of that highest.
- Breach: such a drawdown at the broker's limit or beyond. An event is a way into it, a period a trading day
  with any moment in it, the share is that of periods in all trading days, in percent.
- Profit factor: what winning trades made over what losing ones lost; None where none lost.
- Average positions: how many were open at once on average over the time when any was, weekends included.
  `time_in_market_pct` is that time in percent of the time from the first entry to the last exit.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from portfold.research.simulate.record import Record, record_of
from portfold.research.simulate.simulator import Simulated
from portfold.research.trades.trade_file import Trade

Floats = NDArray[np.float64]

FIGURES_VERSION = 5
"""The version of these definitions; 1 counted breaches within a moment, 2 gave even dollars a Sharpe.

3 closed at bars that had passed, counted the marks of a moment one by one, and had years of 252 days. 4 took
days of denials for a symbol's own, and exits that were due as forced.

One search never mixes two versions.
"""
_DAYS_A_CALENDAR_YEAR = 365.25
DAYS_A_YEAR = _DAYS_A_CALENDAR_YEAR * 5 / 7
"""How many trading days a year has, Monday to Friday: 260.9. Holidays are among them, without P&L."""
HARDLY = 0.05  # of the mean
_BEYOND = 700.0  # e to the power of more overflows a float; a gain of one day may grow to that by the year


class Metrics(Struct, frozen=True):
    """Amounts in dollars, drawdowns positive, names ending in pct in percent, other ratios as fractions.

    `forced` counts the trades that a stop closed, `at_final` those of them whose P&L could not be known then,
    `at_final_pnl` is their P&L. Over several `drawings` of lots all are means, and `sharpe_least` and
    `sharpe_most` are the lowest and highest Sharpe of them.
    """

    sharpe: float
    sharpe_least: float
    sharpe_most: float
    drawings: int
    sharpe_dollars: float
    sharpe_own_days: float
    cagr: float
    cagr_over_vol: float
    volatility: float
    total_return: float
    total_return_pct: float
    max_dd: float
    max_dd_pct: float
    profit_factor: float | None
    breach_events: float
    breach_periods: float
    pct_time_in_breach: float
    daily_stops: float
    avg_positions: float
    time_in_market_pct: float
    symbols_used: float
    trades: float
    block_rate: float
    forced: float
    at_final: float
    at_final_pnl: float


def measured(
    simulated: Simulated, trades: Sequence[Trade], days: Sequence[str], cash: Decimal, breach_limit: Decimal
) -> Metrics:
    """Measures a simulation of some of `trades` over the trading days `days`."""
    return measured_record(record_of(simulated), offered_in(trades), days, cash, breach_limit)


class Offered(NamedTuple):
    """The trades that are offered, as columns: the number of each one's symbol, and when it begins."""

    symbol: NDArray[np.int64]
    entry_ms: NDArray[np.int64]


def offered_in(trades: Sequence[Trade]) -> Offered:
    """Returns the columns of these trades."""
    number = {symbol: place for place, symbol in enumerate(sorted({trade.symbol for trade in trades}))}
    return Offered(
        np.array([number[trade.symbol] for trade in trades], np.int64),
        np.array([trade.entry_ms for trade in trades], np.int64),
    )


def measured_record(
    record: Record, offered: Offered, days: Sequence[str], cash: Decimal, breach_limit: Decimal
) -> Metrics:
    """Measures the record of a simulation of some of the trades that are offered."""
    by_day = _by_day(record, days)
    returns = daily_returns(by_day, float(cash))
    account = _account(record.curve, cash)
    peaks = np.maximum.accumulate(account)
    drawdown = peaks - account
    in_breach = drawdown >= round(float(breach_limit) * 100)
    cagr = growth(float(account[-1] / account[0]), years(days))
    deviation = volatility(returns)
    periods = _periods(in_breach, record, days)
    open_ms, market_ms, whole_ms = _exposure(offered.entry_ms[record.trade], record.closed_ms)
    return Metrics(
        sharpe=(ratio := sharpe(returns)),
        sharpe_least=ratio,
        sharpe_most=ratio,
        drawings=1,
        sharpe_dollars=dollar_sharpe(by_day),
        sharpe_own_days=sharpe(returns[_own_days(record, days)]),
        cagr=cagr,
        cagr_over_vol=cagr / deviation if deviation else 0.0,
        volatility=deviation,
        total_return=float(account[-1] - account[0]) / 100,
        total_return_pct=100 * float(account[-1] - account[0]) / float(account[0]),
        max_dd=float(drawdown.max()) / 100,
        max_dd_pct=100 * float((drawdown / peaks).max()),
        profit_factor=profit_factor(record.cents / 100),
        breach_events=int(in_breach[0]) + int(np.count_nonzero(in_breach[1:] & ~in_breach[:-1])),
        breach_periods=periods,
        pct_time_in_breach=100 * periods / len(days),
        daily_stops=record.stops,
        avg_positions=open_ms / market_ms if market_ms else 0.0,
        time_in_market_pct=100 * market_ms / whole_ms if whole_ms else 0.0,
        symbols_used=len(np.unique(offered.symbol[record.trade])),
        trades=len(record.trade),
        block_rate=record.denied / record.requested if record.requested else 0.0,
        forced=int(record.forced.sum()),
        at_final=int(record.unknown.sum()),
        at_final_pnl=int(record.cents[record.unknown].sum()) / 100,
    )


def mean_of(each: Sequence[Metrics]) -> Metrics:
    """Returns the means of figures of several drawings; what is the same in all of them stays as it is.

    The profit factor is None where it is in any.
    """
    found = {name: _mean([getattr(one, name) for one in each]) for name in Metrics.__struct_fields__}
    sharpes_drawn = [one.sharpe for one in each]
    spread = {
        "sharpe_least": min(sharpes_drawn),
        "sharpe_most": max(sharpes_drawn),
        "drawings": len(each),
    }
    return msgspec.convert(found | spread, Metrics)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    return known[0] if len(set(known)) == 1 else math.fsum(known) / len(known)


# --- days -----------------------------------------------------------------------------------------------


def daily_pnl(simulated: Simulated, days: Sequence[str]) -> Floats:
    """Returns the dollars made on each of the trading days `days`."""
    return _by_day(record_of(simulated), days)


def returns_of(record: Record, days: Sequence[str], cash: float) -> Floats:
    """Returns the daily returns of a record."""
    return daily_returns(_by_day(record, days), cash)


def _by_day(record: Record, days: Sequence[str]) -> Floats:
    made = dict(zip(record.days, (record.day_cents / 100).tolist(), strict=True))
    return np.array([made.get(day, 0.0) for day in days])


class DaysWithin(NamedTuple):
    """What lies within each day, in dollars against its beginning; `deepest` is the drawdown within it."""

    made: Floats
    highest: Floats
    lowest: Floats
    deepest: Floats


def days_within(simulated: Simulated, days: Sequence[str]) -> DaysWithin:
    """Returns what lies within each of the trading days `days`, at the end of every moment."""
    curve = np.array([0.0, *(float(point) for point in simulated.curve)])
    made, highest, lowest, deepest = (np.zeros(len(days)) for _ in range(4))
    for number, moments in enumerate(moments_of(simulated, days)):
        path = curve[moments] - curve[moments.start]
        made[number], highest[number], lowest[number] = path[-1], path.max(), path.min()
        deepest[number] = (np.maximum.accumulate(path) - path).max()
    return DaysWithin(made, highest, lowest, deepest)


def daily_returns(by_day: Floats, cash: float) -> Floats:
    """Divides each day's P&L by the account at the end of the day before."""
    before = np.concatenate(([cash], cash + np.cumsum(by_day)[:-1]))
    alive = np.minimum.accumulate(before) > 0
    returns: Floats = np.where(alive, by_day / np.where(alive, before, 1.0), 0.0)
    return returns


def sharpe(returns: Floats) -> float:
    """Returns the annual Sharpe of daily returns."""
    return float(sharpes(returns[np.newaxis])[0])


def dollar_sharpe(by_day: Floats) -> float:
    """Returns the annual Sharpe of daily dollars; 0 where they hardly vary."""
    if len(by_day) < 2 or _hardly_vary(by_day[np.newaxis])[0]:
        return 0.0
    return float(by_day.mean() / by_day.std(ddof=1) * math.sqrt(DAYS_A_YEAR))


def sharpes(histories: Floats) -> Floats:
    """Returns the annual Sharpe of each row of daily returns."""
    by_year, annual = _volatilities(histories), np.zeros(len(histories))
    if (varies := by_year > 0).any():
        annual[varies] = histories[varies].mean(axis=1) / by_year[varies] * DAYS_A_YEAR
    return annual


def volatility(returns: Floats) -> float:
    """Returns the annual standard deviation of daily returns; 0 where they hardly vary."""
    return float(_volatilities(returns[np.newaxis])[0])


def _volatilities(histories: Floats) -> Floats:
    count, days = histories.shape
    if days < 2:
        return np.zeros(count)
    with np.errstate(over="ignore", invalid="ignore"):  # an account that outgrows a float varies
        before = np.hstack((np.ones((count, 1)), np.cumprod(1 + histories, axis=1)[:, :-1]))
        steady = _hardly_vary(histories) | _hardly_vary(histories * before)  # in percent, or in dollars
    by_year: Floats = np.where(steady, 0.0, histories.std(axis=1, ddof=1) * math.sqrt(DAYS_A_YEAR))
    return by_year


def _hardly_vary(histories: Floats) -> NDArray[np.bool_]:
    """Returns for each row whether its days deviate too little from their mean to divide by it."""
    deviation = histories.std(axis=1, ddof=1)
    hardly: NDArray[np.bool_] = np.isfinite(deviation) & (deviation <= HARDLY * abs(histories.mean(axis=1)))
    return hardly


def growth(times: float, over_years: float) -> float:
    """Returns the annual growth, as a fraction, of an account that came to so many times its beginning."""
    return math.expm1(min(math.log(times) / over_years, _BEYOND)) if times > 0 else -1.0


def years(days: Sequence[str]) -> float:
    """Counts the calendar years from the first trading day to the last, both included."""
    return ((date.fromisoformat(days[-1]) - date.fromisoformat(days[0])).days + 1) / _DAYS_A_CALENDAR_YEAR


def profit_factor(made: Floats) -> float | None:
    """Divides gains by losses, both positive; None without a loss."""
    gains, losses = float(made[made > 0].sum()), -float(made[made < 0].sum())
    return gains / losses if losses > 0 else None


def _own_days(record: Record, days: Sequence[str]) -> slice:
    """Returns which of `days` lie between the first on which money moved and the last."""
    moved = [record.days[number] for number in np.flatnonzero(np.diff(record.day_points, prepend=0))]
    return slice(bisect_left(days, moved[0]), bisect_right(days, moved[-1])) if moved else slice(0)


# --- the account after each moment ----------------------------------------------------------------------


def account_in_cents(simulated: Simulated, cash: Decimal) -> NDArray[np.int64]:
    """Returns the account after each moment, its beginning first; in whole cents, so that limits compare
    exactly."""
    return _account(record_of(simulated).curve, cash)


def _account(curve: NDArray[np.int64], cash: Decimal) -> NDArray[np.int64]:
    points = np.concatenate(([0], curve)) / 100 + float(cash)
    cents: NDArray[np.int64] = np.rint(points * 100).astype(np.int64)
    return cents


def _periods(in_breach: NDArray[np.bool_], record: Record, days: Sequence[str]) -> int:
    """Counts the `days` with any moment in breach: the one a day began with, or one in which money moved."""
    if not in_breach.any():
        return 0
    points = dict(zip(record.days, record.day_points.tolist(), strict=True))
    after = np.maximum.accumulate([points.get(day, 0) for day in days])
    breached = np.concatenate(([0], np.cumsum(in_breach)))
    before = np.concatenate(([0], after[:-1]))
    return int(np.count_nonzero(breached[after + 1] > breached[before]))


def moments_of(simulated: Simulated, days: Sequence[str]) -> Iterator[slice]:
    """Yields for each of `days` its slice of the account: its beginning, and the point after each moment."""
    points = {day.date: day.points for day in simulated.days}
    before = 0
    for day in days:
        after = points.get(day, before)
        yield slice(before, after + 1)
        before = after


def _exposure(begins: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[int, int, int]:
    """Returns milliseconds: of all positions added up, with any open, from the first entry to the last
    exit."""
    if not len(begins):
        return 0, 0, 0
    order = np.argsort(begins, kind="stable")
    begins, ends = begins[order], ends[order]
    covered = np.maximum.accumulate(ends)
    fresh_from = np.maximum(begins, np.concatenate(([begins[0]], covered[:-1])))
    any_open = np.maximum(ends - fresh_from, 0).sum()
    return int((ends - begins).sum()), int(any_open), int(covered[-1] - begins[0])
