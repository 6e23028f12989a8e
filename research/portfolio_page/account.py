"""The account by trading day and by month, from the same cents as the figures of the simulation."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

import numpy as np

from portfold.research.simulate.simulator import Simulated
from portfold.research.statistics.metrics import account_in_cents, moments_of

MONTHS = 12


class AccountDay(NamedTuple):
    """A trading day: the account at its end, and its deepest drawdown at any moment, positive; dollars."""

    date: str
    account: float
    drawdown: float


class Year(NamedTuple):
    """A year's return and that of each of its months, fractions.

    None for a month without a trading day, and where there was no account to earn on.
    """

    year: int
    months: tuple[float | None, ...]
    total: float | None


def account_days(simulated: Simulated, days: Sequence[str], cash: Decimal) -> list[AccountDay]:
    """Returns the account on each of the trading days `days`, also on those without a trade."""
    account = account_in_cents(simulated, cash)
    drawdown = np.maximum.accumulate(account) - account
    return [
        AccountDay(day, float(account[moments][-1]) / 100, float(drawdown[moments].max()) / 100)
        for day, moments in zip(days, moments_of(simulated, days), strict=True)
    ]


def years(days: Iterable[AccountDay], cash: Decimal) -> list[Year]:
    """Returns what each year and month returned on the account at its beginning."""
    found = []
    before = float(cash)
    for year, own in groupby(days, key=lambda day: day.date[:4]):
        began = before
        months: list[float | None] = [None] * MONTHS
        for month, within in groupby(own, key=lambda day: int(day.date[5:7])):
            end = list(within)[-1].account
            months[month - 1] = _made(before, end)
            before = end
        found.append(Year(int(year), tuple(months), _made(began, before)))
    return found


def _made(begin: float, end: float) -> float | None:
    return end / begin - 1 if begin > 0 else None
