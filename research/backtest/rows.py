"""Writes trades and signals as the files that `research.trades.trade_file` and other programs read.

Times are on the exchange's clock with their offset, so that an hour that comes twice is unambiguous. Trades
that a filter refused are rows as well, not selected, with the P&L they would have had, and without a stop.
"""

import csv
import io
from collections.abc import Iterable
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portfold.exchange_time import local_time
from portfold.research.trades.trade_file import (
    ENDED,
    ENTRY_PRICE,
    ENTRY_TIME,
    EXIT_PRICE,
    EXIT_TIME,
    FLAT_BEFORE,
    LEFT,
    PNL_COLUMNS,
    SELECTED_COLUMNS,
    SIDE,
    SIZE,
    STOP_PRICE,
    Trade,
)

COLUMNS = (
    ENTRY_TIME,
    EXIT_TIME,
    ENTRY_PRICE,
    EXIT_PRICE,
    PNL_COLUMNS[-1],
    SELECTED_COLUMNS[0],
    "Model_Probability",
    SIDE,
    SIZE,
    STOP_PRICE,
)


_OF_SIGNALS = (FLAT_BEFORE, LEFT, ENDED)


class TradeRow(NamedTuple):
    """A trade, made or refused, and the probability that the model gave it; None without a model."""

    trade: Trade
    selected: bool
    probability: float | None


def trades_table(rows: Iterable[TradeRow], zone: ZoneInfo) -> str:
    """Returns the content of the file, in order of entry."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in sorted(rows, key=lambda row: (*row.trade.content[:2], not row.selected)):
        writer.writerow(_cells(row, zone))
    return text.getvalue()


def signals_table(signals: Iterable[Trade], zone: ZoneInfo) -> str:
    """Returns the content of the file of signals, in order of entry; each has an `asked`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, *_OF_SIGNALS))
    for trade in sorted(signals, key=lambda trade: trade.content[:2]):
        if (asked := trade.asked) is not None:
            left = _shown(asked.left_ms, zone) if asked.left_ms else ""
            more = (_shown(asked.flat_before_ms, zone), left, int(asked.ended))
            writer.writerow((*_cells(TradeRow(trade, selected=True, probability=None), zone), *more))
    return text.getvalue()


def _cells(row: TradeRow, zone: ZoneInfo) -> tuple[object, ...]:
    trade, probability = row.trade, row.probability
    return (
        _shown(trade.entry_ms, zone),
        _shown(trade.exit_ms, zone),
        f"{trade.entry_price:f}",
        f"{trade.exit_price:f}",
        f"{trade.pnl:f}",
        int(row.selected),
        "" if probability is None else f"{probability:.6f}",
        trade.side,
        trade.size,
        "" if trade.stop_price is None else f"{trade.stop_price:f}",
    )


def _shown(ms: int, zone: ZoneInfo) -> str:
    return local_time(ms, zone).isoformat(sep=" ")
