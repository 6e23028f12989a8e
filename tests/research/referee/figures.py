"""The referee's figures: from the table in docs/research.md alone, in fractions until there is a root.

It imports nothing of ours, and measures what the referee's simulation has played.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise

from tests.research.referee.simulation import Deal, Played

YEAR = Fraction(36525, 100)


@dataclass(frozen=True)
class Figures:
    """Figures by the names of the page."""

    sharpe: float
    sharpe_dollars: float
    cagr: float
    max_dd: float
    max_dd_pct: float
    breach_events: int
    profit_factor: float | None
    avg_positions: float
    block_rate: float
    trades: int
    daily_stops: int


def figures_of(played: Played, days: Sequence[date], cash: Fraction, breach: Fraction) -> Figures:
    """Measures what was played, over these trading days."""
    dollars = [played.by_day.get(day, Fraction(0)) for day in days]
    account = [cash, *(cash + point for point in played.curve)]
    depth, part, breaches = _drawdown(account, breach)
    years = ((days[-1] - days[0]).days + 1) / YEAR
    gains = sum((pnl for _, _, pnl, _ in played.taken if pnl > 0), Fraction(0))
    losses = -sum((pnl for _, _, pnl, _ in played.taken if pnl < 0), Fraction(0))
    asked = len(played.taken) + len(played.denied) + played.open_at_end
    times = account[-1] / cash
    return Figures(
        sharpe=_sharpe(_returns(dollars, cash)),
        sharpe_dollars=_sharpe(dollars),
        cagr=float(times) ** float(1 / years) - 1 if times > 0 else -1.0,
        max_dd=float(depth),
        max_dd_pct=float(100 * part),
        breach_events=breaches,
        profit_factor=float(gains / losses) if losses else None,
        avg_positions=_at_once([(deal, closed) for deal, closed, _, _ in played.taken]),
        block_rate=len(played.denied) / asked if asked else 0.0,
        trades=len(played.taken),
        daily_stops=len(played.stops),
    )


def _returns(dollars: Sequence[Fraction], cash: Fraction) -> list[Fraction]:
    found, account = [], cash
    for day in dollars:
        found.append(day / account if account > 0 else Fraction(0))
        account = account + day if account > 0 else account
    return found


def _sharpe(values: Sequence[Fraction]) -> float:
    mean = sum(values, Fraction(0)) / len(values)
    if len(values) < 2:
        return 0.0
    variance = sum(((value - mean) ** 2 for value in values), Fraction(0)) / (len(values) - 1)
    return float(mean) / math.sqrt(variance) * math.sqrt(YEAR * 5 / 7) if variance else 0.0


def _drawdown(account: Sequence[Fraction], breach: Fraction) -> tuple[Fraction, Fraction, int]:
    peak, depth, part, breaches, beyond = account[0], Fraction(0), Fraction(0), 0, False
    for point in account:
        peak = max(peak, point)
        depth, part = max(depth, peak - point), max(part, (peak - point) / peak)
        breaches += not beyond and peak - point >= breach
        beyond = peak - point >= breach
    return depth, part, breaches


def _at_once(spans: Sequence[tuple[Deal, int]]) -> float:
    """Returns the positions open at once, on average over the time when any was."""
    moments = sorted({deal.begins for deal, _ in spans} | {closed for _, closed in spans})
    total = some = 0
    for now, later in pairwise(moments):
        held = sum(deal.begins <= now < closed for deal, closed in spans)
        total += held * (later - now)
        some += (later - now) * (held > 0)
    return total / some if some else 0.0
