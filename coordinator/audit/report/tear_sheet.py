"""The tear sheet: what traders ask of a history of trades, each figure defined once, here. Pure.

- Daily return: the day's P&L over the account at the end of the day before; 0 once nothing is left of it.
  Days are every Monday to Friday from the first to the last, those without a trade as well, 260.9 a year.
- Sharpe: mean over standard deviation (n - 1) of the daily returns, times the root of the days in a year.
- Sortino (F. Sortino & L. Price, "Performance Measurement in a Downside Risk Framework", Journal of Investing
  3, 1994): mean over the root of the mean square of the returns below 0, times the same root.
- Growth: (account at the end / at the beginning)^(1/years) - 1, of so many days by those in a year.
- Drawdown: how far the account is below its highest end of a day, its beginning included, in dollars and as a
  fraction of that highest; its duration is the longest row of days below one.
- Calmar (T. Young, "Calmar Ratio: A Smoother Tool", Futures 20, 1991): growth over the deepest drawdown.
- Exposure: the time with any position open, over the time from the first entry to the last exit.
- A win makes more than 0, a loss less. A streak is a row of them by the time of the exit, which what made
  exactly 0 ends. By hour and weekday a trade counts at its entry, on the exchange's clock.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.dollars import ZERO
from portfold.exchange_time import local_time

DAYS_A_YEAR = 365.25 * 5 / 7
_SATURDAY = 5
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class SheetTrade(NamedTuple):
    """A closed trade: net P&L in dollars; what it cost in commission, None where that is not known."""

    entry_ms: int
    exit_ms: int
    pnl: Decimal
    commission: Decimal | None = None


class TearSheet(Struct, frozen=True):
    """Dollars are exact, ratios and fractions floats; None: not defined, as by nothing is divided.

    `drawdown_days` is the longest time below a peak, in trading days. `costs` are the commissions of the
    trades that name one, `costed` how many do. `by_month` is by year and month, as 2025-01. `returns` are by
    trading day.
    """

    first: str
    last: str
    days: int
    trades: int
    pnl: Decimal
    win_rate: float | None
    profit_factor: float | None
    average_win: Decimal | None
    average_loss: Decimal | None
    best: Decimal | None
    worst: Decimal | None
    winning_streak: int
    losing_streak: int
    sharpe: float | None
    sortino: float | None
    growth: float
    drawdown: Decimal
    drawdown_share: float
    drawdown_days: int
    calmar: float | None
    exposure: float | None
    costs: Decimal
    costed: int
    by_hour: dict[str, Decimal]
    by_weekday: dict[str, Decimal]
    by_month: dict[str, Decimal]
    returns: dict[str, float]


def tear_sheet(
    trades: Sequence[SheetTrade], pnl_of: dict[str, Decimal], cash: Decimal, zone: ZoneInfo
) -> TearSheet:
    """Returns the sheet of these trades, at least one, on an account that began with `cash`.

    `pnl_of` is the P&L of each trading day on which there was any.
    """
    days = weekdays(min(pnl_of), max(pnl_of))
    made = [pnl_of.get(day, ZERO) for day in days]
    returns = _returns(made, cash)
    by_exit = [one.pnl for one in sorted(trades, key=lambda one: (one.exit_ms, one.entry_ms))]
    wins, losses = [one for one in by_exit if one > 0], [one for one in by_exit if one < 0]
    growth = _growth(returns)
    below = _drawdowns(made, cash)
    deepest = max((share for _, share, _ in below), default=0.0)
    costs = [one.commission for one in trades if one.commission is not None]
    return TearSheet(
        first=days[0],
        last=days[-1],
        days=len(days),
        trades=len(trades),
        pnl=sum(made, ZERO),
        win_rate=len(wins) / len(trades) if trades else None,
        profit_factor=float(sum(wins, ZERO) / -sum(losses, ZERO)) if losses else None,
        average_win=_mean(wins),
        average_loss=_mean(losses),
        best=max(by_exit, default=None),
        worst=min(by_exit, default=None),
        winning_streak=_longest(one > 0 for one in by_exit),
        losing_streak=_longest(one < 0 for one in by_exit),
        sharpe=_ratio(returns, _spread(returns)),
        sortino=_ratio(returns, math.sqrt(math.fsum(min(one, 0.0) ** 2 for one in returns) / len(returns))),
        growth=growth,
        drawdown=max((dollars for dollars, _, _ in below), default=ZERO),
        drawdown_share=deepest,
        drawdown_days=_longest(under for _, _, under in below),
        calmar=growth / deepest if deepest else None,
        exposure=_exposure(trades),
        costs=sum(costs, ZERO),
        costed=len(costs),
        by_hour=_by(trades, lambda ms: f"{local_time(ms, zone):%H}:00"),
        by_weekday=_by(trades, lambda ms: _WEEKDAYS[local_time(ms, zone).weekday()]),
        by_month=_by_month(days, made),
        returns=dict(zip(days, returns, strict=True)),
    )


def weekdays(first: str, last: str) -> list[str]:
    """Lists every Monday to Friday from one day to another, both included, as 2025-01-15."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    each = (begin + timedelta(days=number) for number in range((end - begin).days + 1))
    return [day.isoformat() for day in each if day.weekday() < _SATURDAY]


def returns_csv(sheet: TearSheet) -> str:
    """Returns the daily returns as a CSV file that other tools read: a date and a fraction a line."""
    return "".join(["date,return\n", *(f"{day},{made!r}\n" for day, made in sheet.returns.items())])


def _returns(made: Sequence[Decimal], cash: Decimal) -> list[float]:
    account, found = cash, []
    for one in made:
        found.append(float(one / account) if account > 0 else 0.0)
        account = account + one if account > 0 else account
    return found


def _growth(returns: Sequence[float]) -> float:
    times = math.prod(max(0.0, 1 + one) for one in returns)
    return math.expm1(min(math.log(times) * DAYS_A_YEAR / len(returns), 700.0)) if times > 0 else -1.0


def _drawdowns(made: Sequence[Decimal], cash: Decimal) -> list[tuple[Decimal, float, bool]]:
    """Returns for each day how far the account is below its peak: dollars, fraction, and whether it is."""
    account, peak, found = cash, cash, []
    for one in made:
        account += one
        peak = max(peak, account)
        found.append((peak - account, float((peak - account) / peak) if peak > 0 else 1.0, account < peak))
    return found


def _spread(returns: Sequence[float]) -> float:
    if len(returns) < 2:
        return 0.0
    mean = math.fsum(returns) / len(returns)
    return math.sqrt(math.fsum((one - mean) ** 2 for one in returns) / (len(returns) - 1))


def _ratio(returns: Sequence[float], risk: float) -> float | None:
    mean = math.fsum(returns) / len(returns)
    return mean / risk * math.sqrt(DAYS_A_YEAR) if risk > abs(mean) * 1e-9 else None


def _mean(amounts: Sequence[Decimal]) -> Decimal | None:
    return (sum(amounts, ZERO) / len(amounts)).quantize(Decimal("0.01")) if amounts else None


def _longest(each: Iterable[bool]) -> int:
    """Returns the length of the longest row of yeses."""
    longest = row = 0
    for one in each:
        row = row + 1 if one else 0
        longest = max(longest, row)
    return longest


def _exposure(trades: Sequence[SheetTrade]) -> float | None:
    covered, until = 0, min((one.entry_ms for one in trades), default=0)
    begin = until
    for one in sorted(trades):
        covered += max(0, one.exit_ms - max(one.entry_ms, until))
        until = max(until, one.exit_ms)
    return covered / (until - begin) if until > begin else None


def _by(trades: Sequence[SheetTrade], name: Callable[[int], str]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for one in sorted(trades):
        found[name(one.entry_ms)] = found.get(name(one.entry_ms), ZERO) + one.pnl
    order = {day: number for number, day in enumerate(_WEEKDAYS)}
    return dict(sorted(found.items(), key=lambda item: (order.get(item[0], 0), item[0])))


def _by_month(days: Sequence[str], made: Sequence[Decimal]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for day, one in zip(days, made, strict=True):
        found[day[:7]] = found.get(day[:7], ZERO) + one
    return found
