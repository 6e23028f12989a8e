"""The referee's figures: from the table in docs/research.md alone, in fractions until there is a root.

It imports nothing of ours, and measures what the referee's simulation has played.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any

from tests.research.referee.simulation import Deal, Played

YEAR = Fraction(36525, 100)
DAYS = YEAR * 5 / 7


@dataclass(frozen=True)
class Figures:
    """Figures by the names of the page."""

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


def figures_of(played: Played, days: Sequence[date], cash: Fraction, breach: Fraction) -> Figures:
    """Measures what was played, over these trading days."""
    dollars = [played.by_day.get(day, Fraction(0)) for day in days]
    account = [cash, *(cash + point for point in played.curve)]
    depth, part, breaches = _drawdown(account, breach)
    in_breach = _days_in_breach(played, days, cash, breach)
    gains = sum((pnl for _, _, pnl, _ in played.taken if pnl > 0), Fraction(0))
    losses = -sum((pnl for _, _, pnl, _ in played.taken if pnl < 0), Fraction(0))
    asked = len(played.taken) + len(played.denied) + played.open_at_end
    returns = returns_of(dollars, cash)
    rate, spread = growth(account[-1] / cash, days), volatility(returns)
    moved = [number for number, day in enumerate(days) if day in played.moved]
    own = returns[moved[0] : moved[-1] + 1] if moved else []
    held, some, whole = _exposure([(deal, closed) for deal, closed, _, _ in played.taken])
    return Figures(
        sharpe=sharpe(returns),
        sharpe_least=sharpe(returns),
        sharpe_most=sharpe(returns),
        drawings=1,
        sharpe_dollars=_over_its_spread(dollars) if varies(dollars) else 0.0,
        sharpe_own_days=sharpe(own),
        cagr=rate,
        cagr_over_vol=rate / spread if spread else 0.0,
        volatility=spread,
        total_return=float(account[-1] - cash),
        total_return_pct=float(100 * (account[-1] - cash) / cash),
        max_dd=float(depth),
        max_dd_pct=float(100 * part),
        breach_events=breaches,
        breach_periods=in_breach,
        pct_time_in_breach=100 * in_breach / len(days),
        profit_factor=float(gains / losses) if losses else None,
        avg_positions=held / some if some else 0.0,
        time_in_market_pct=100 * some / whole if whole else 0.0,
        symbols_used=len({deal.symbol for deal, _, _, _ in played.taken}),
        block_rate=len(played.denied) / asked if asked else 0.0,
        trades=len(played.taken),
        daily_stops=len(played.stops),
        forced=sum(forced for _, _, _, forced in played.taken),
        at_final=len(played.at_final),
        at_final_pnl=float(sum(played.at_final, Fraction(0))),
    )


def over_drawings(each: Sequence[Figures]) -> Figures:
    """Returns the means over drawings of lots, and the lowest and the highest Sharpe of them."""
    means: dict[str, Any] = {}
    for field in fields(Figures):
        values = [getattr(one, field.name) for one in each]
        means[field.name] = None if None in values else sum(values) / len(values)
    drawn = [one.sharpe for one in each]
    return Figures(**means | {"sharpe_least": min(drawn), "sharpe_most": max(drawn), "drawings": len(each)})


def returns_of(dollars: Sequence[Fraction], cash: Fraction) -> list[Fraction]:
    """Divides each day's dollars by the account before it; nothing is made of nothing."""
    found, account = [], cash
    for day in dollars:
        found.append(day / account if account > 0 else Fraction(0))
        account = account + day if account > 0 else account
    return found


def sharpe(returns: Sequence[Fraction]) -> float:
    """Returns the Sharpe by the year; 0 where the returns, or the dollars they come to, hardly vary."""
    return _over_its_spread(returns) if volatility(returns) else 0.0


def volatility(returns: Sequence[Fraction]) -> float:
    """Returns the standard deviation by the year; 0 where it is too little to divide by."""
    account, dollars = Fraction(1), []
    for one in returns:
        dollars.append(one * account)
        account *= 1 + one
    return _spread(returns) * math.sqrt(DAYS) if varies(returns) and varies(dollars) else 0.0


def varies(values: Sequence[Fraction]) -> bool:
    """Returns whether values deviate from their mean by more than a twentieth of it."""
    return len(values) > 1 and _spread(values) > abs(float(_mean(values))) / 20


def growth(times: Fraction, days: Sequence[date]) -> float:
    """Returns the growth by the year of an account that came to so many times its beginning."""
    years = ((days[-1] - days[0]).days + 1) / YEAR
    return math.expm1(min(math.log(times) / years, 700)) if times > 0 else -1.0


def _over_its_spread(values: Sequence[Fraction]) -> float:
    return float(_mean(values)) / _spread(values) * math.sqrt(DAYS)


def _mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def _spread(values: Sequence[Fraction]) -> float:
    mean = _mean(values)
    return math.sqrt(sum(((value - mean) ** 2 for value in values), Fraction(0)) / (len(values) - 1))


def _drawdown(account: Sequence[Fraction], breach: Fraction) -> tuple[Fraction, Fraction, int]:
    peak, depth, part, breaches, beyond = account[0], Fraction(0), Fraction(0), 0, False
    for point in account:
        peak = max(peak, point)
        depth, part = max(depth, peak - point), max(part, (peak - point) / peak)
        breaches += not beyond and peak - point >= breach
        beyond = peak - point >= breach
    return depth, part, breaches


def _days_in_breach(played: Played, days: Sequence[date], cash: Fraction, breach: Fraction) -> int:
    """Counts the days with any moment in breach; each begins with the moment that the last one ended with."""
    peak, account, count = cash, cash, 0
    for day in days:
        found = False
        for point in (account, *(cash + one for one in played.moved.get(day, ()))):
            account, peak = point, max(peak, point)
            found = found or peak - point >= breach
        count += found
    return count


def _exposure(spans: Sequence[tuple[Deal, int]]) -> tuple[int, int, int]:
    """Returns the time of all positions together, with any open, and from first entry to last exit."""
    moments = sorted({deal.begins for deal, _ in spans} | {closed for _, closed in spans})
    total = some = 0
    for now, later in pairwise(moments):
        held = sum(deal.begins <= now < closed for deal, closed in spans)
        total += held * (later - now)
        some += (later - now) * (held > 0)
    return total, some, moments[-1] - moments[0] if moments else 0
