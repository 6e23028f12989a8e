"""Adds up each symbol's trades in a simulation, and correlates the symbols' days.

A symbol's P&L is that of its closed trades, on the trading day of each close. The account, with bars, moves
with open positions as well; the P&L by symbol does not.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
from msgspec import Struct

from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.dollars import ZERO
from portfold.research.simulate.simulator import Simulated
from portfold.research.statistics.metrics import Floats
from portfold.research.trades.trade_file import Trade

_OUT_OF_REACH_MS = -1


class SymbolOutcome(Struct, frozen=True):
    """A symbol's trades: how many were made, won, denied, closed by a stop; `pnl` in dollars.

    `at_final` of the `forced` trades count with their own final P&L, as there was no price of that moment.
    """

    symbol: str
    trades: int = 0
    won: int = 0
    pnl: Decimal = ZERO
    denied: int = 0
    forced: int = 0
    at_final: int = 0

    @property
    def block_rate(self) -> float | None:
        """Returns the denied part of its entries; None where none was requested."""
        asked = self.trades + self.denied
        return self.denied / asked if asked else None


def outcomes(simulated: Simulated, trades: Sequence[Trade]) -> tuple[SymbolOutcome, ...]:
    """Returns each symbol's outcome, in the order of the set; `trades` are the timeline's."""
    made: dict[str, list[tuple[Decimal, bool, bool]]] = {symbol: [] for symbol in simulated.symbols}
    denied = dict.fromkeys(simulated.symbols, 0)
    for trade in simulated.taken:
        made[trades[trade.trade].symbol].append((trade.pnl, trade.forced, trade.known))
    for entry in simulated.denied:
        denied[trades[entry.trade].symbol] += 1
    return tuple(
        SymbolOutcome(
            symbol=symbol,
            trades=len(own),
            won=sum(pnl > 0 for pnl, _, _ in own),
            pnl=sum((pnl for pnl, _, _ in own), ZERO),
            denied=denied[symbol],
            forced=sum(forced for _, forced, _ in own),
            at_final=sum(forced and not known for _, forced, known in own),
        )
        for symbol, own in made.items()
    )


def all_of(each: Sequence[SymbolOutcome]) -> SymbolOutcome:
    """Adds up the outcomes of all symbols."""
    return SymbolOutcome(
        symbol="",
        trades=sum(one.trades for one in each),
        won=sum(one.won for one in each),
        pnl=sum((one.pnl for one in each), ZERO),
        denied=sum(one.denied for one in each),
        forced=sum(one.forced for one in each),
        at_final=sum(one.at_final for one in each),
    )


# --- from day to day ------------------------------------------------------------------------------------


def pnl_by_day(
    simulated: Simulated, trades: Sequence[Trade], days: Sequence[str], *, zone: str, roll: str
) -> dict[str, Floats]:
    """Returns each symbol's dollars on each of `days`, by the trading days of `zone` and `roll`."""
    index = {day: number for number, day in enumerate(days)}
    found = {symbol: np.zeros(len(days)) for symbol in simulated.symbols}
    today, ends_ms = 0, _OUT_OF_REACH_MS
    for trade in simulated.taken:  # in order of their end
        if trade.closed_ms >= ends_ms:
            day = trading_day_at(trade.closed_ms, zone, roll)
            today, ends_ms = index[day.date], day.ends_ms
        found[trades[trade.trade].symbol][today] += float(trade.pnl)
    return found


class Correlated(Struct, frozen=True):
    """Pearson's correlation between symbols, ordered so that similar symbols are neighbours.

    None in the row and column of a symbol that made the same every day, as it has no correlation.
    """

    symbols: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]


def correlated(by_day: Mapping[str, Floats]) -> Correlated:
    """Correlates these daily P&Ls."""
    varying = sorted(symbol for symbol, each in by_day.items() if len(each) > 1 and each.std() > 0)
    still = tuple(sorted(set(by_day) - set(varying)))
    if not varying:
        return Correlated(still, tuple((None,) * len(still) for _ in still))
    between = np.atleast_2d(np.corrcoef([by_day[symbol] for symbol in varying]))
    order = alike_together(between)
    rows = tuple(
        tuple(float(np.clip(between[row, column], -1, 1)) for column in order) + (None,) * len(still)
        for row in order
    )
    nothing = (None,) * (len(varying) + len(still))
    return Correlated(tuple(varying[one] for one in order) + still, rows + (nothing,) * len(still))


def alike_together(between: Floats) -> list[int]:
    """Orders the rows of a correlation matrix so that similar rows are neighbours.

    By the angle in the plane of the two largest eigenvectors, cut where neighbours are furthest apart
    (Friendly, "Corrgrams", The American Statistician 56(4), 2002).
    """
    count = len(between)
    if count < 3:
        return list(range(count))
    vectors = np.linalg.eigh(between)[1]
    angles = np.arctan2(vectors[:, -2], vectors[:, -1])
    around = np.argsort(angles, kind="stable")
    gaps = np.diff(angles[around], append=angles[around[0]] + 2 * np.pi)
    order = [int(one) for one in np.roll(around, -int(np.argmax(gaps)) - 1)]
    return order if order[0] < order[-1] else order[::-1]  # an eigenvector's sign is arbitrary
