"""Writes the tables of simulations and searches: their columns, and the form of each figure.

Fractions have six decimals, dollars two. An infinite profit factor, where no trade lost, is `inf`. Symbols
are a list that Python and JSON both read.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from portfold.research.search.search import Symbols
from portfold.research.statistics.intervals import Intervals
from portfold.research.statistics.metrics import Metrics

GREEDY_COLUMNS = (
    "max_positions",
    "n_symbols",
    "symbols",
    "sharpe",
    "cagr",
    "total_return",
    "max_dd",
    "breach_events",
    "breach_periods",
    "pct_time_in_breach",
    "daily_stops",
    "profit_factor",
    "avg_positions",
)

STOP_COLUMN = "daily_stop_loss"
"""The last column of a table for which several daily stops were searched."""
_SIMULATION_METRICS = (
    "sharpe",
    "sharpe_least",
    "sharpe_most",
    "drawings",
    "sharpe_dollars",
    "sharpe_own_days",
    "cagr",
    "cagr_over_vol",
    "volatility",
    "total_return",
    "total_return_pct",
    "max_dd",
    "max_dd_pct",
    "profit_factor",
    "breach_events",
    "breach_periods",
    "pct_time_in_breach",
    "daily_stops",
    "avg_positions",
    "time_in_market_pct",
    "symbols_used",
    "trades",
    "block_rate",
    "forced",
    "at_final",
    "at_final_pnl",
)
_INTERVALS = ("sharpe_low", "sharpe_high", "cagr_low", "cagr_high", "max_dd_low", "max_dd_high")
SIMULATION_COLUMNS = ("max_positions", *_SIMULATION_METRICS, *_INTERVALS)

_DOLLARS = {"total_return", "max_dd", "at_final_pnl", "max_dd_low", "max_dd_high"}

_COUNTS = {
    "drawings",
    "breach_events",
    "breach_periods",
    "daily_stops",
    "symbols_used",
    "trades",
    "forced",
    "at_final",
}


class SimulatedRow(NamedTuple):
    """The results with one number of positions."""

    max_positions: int
    metrics: Metrics
    intervals: Intervals


def greedy_table(rows: Iterable[tuple[int, Symbols, Metrics]], stops: Sequence[Decimal | None] = ()) -> str:
    """Writes the table of a search: number of positions, symbols, figures; best row first.

    Where several daily stops were searched, `stops` are those of the rows, and a column has them.
    """
    metrics = GREEDY_COLUMNS[3:]
    lines = [
        [str(level), str(len(symbols)), json.dumps(symbols), *_cells(found, metrics)]
        for level, symbols, found in rows
    ]
    named = [[f"{stop:.2f}"] for stop in stops if stop is not None]
    if not named:
        return _table(GREEDY_COLUMNS, lines)
    return _table((*GREEDY_COLUMNS, STOP_COLUMN), (a + b for a, b in zip(lines, named, strict=True)))


def simulation_table(rows: Iterable[SimulatedRow]) -> str:
    """Writes the table of a simulation: a row for each number of positions."""
    return _table(
        SIMULATION_COLUMNS,
        (
            [str(row.max_positions), *_cells(row.metrics, _SIMULATION_METRICS), *_ends(row.intervals)]
            for row in rows
        ),
    )


def _ends(intervals: Intervals) -> list[str]:
    each = (intervals.sharpe, intervals.cagr, intervals.max_dd)
    ends = [end for interval in each for end in (interval.low, interval.high)]
    return [_cell(name, end) for name, end in zip(_INTERVALS, ends, strict=True)]


def _cells(metrics: Metrics, names: Sequence[str]) -> list[str]:
    return [_cell(name, getattr(metrics, name)) for name in names]


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "inf"
    if name in _COUNTS and value == round(value):
        return f"{value:.0f}"
    return f"{value:.2f}" if name in _DOLLARS else f"{value:.6f}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
