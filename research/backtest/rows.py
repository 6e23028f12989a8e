"""Writes trades as the file that `research.trades.trade_file` and other programs read.

Times are on the exchange's clock with their offset, so that an hour that comes twice is unambiguous. Trades
that a filter refused are rows as well, not selected, with the P&L they would have had.
"""

import csv
import io
from collections.abc import Iterable
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portfold.exchange_time import local_time
from portfold.research.trades.trade_file import (
    ENTRY_PRICE,
    ENTRY_TIME,
    EXIT_PRICE,
    EXIT_TIME,
    PNL_COLUMNS,
    SELECTED_COLUMNS,
    SIDE,
    SIZE,
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
)


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
        trade, probability = row.trade, row.probability
        writer.writerow(
            (
                _shown(trade.entry_ms, zone),
                _shown(trade.exit_ms, zone),
                f"{trade.entry_price:f}",
                f"{trade.exit_price:f}",
                f"{trade.pnl:f}",
                int(row.selected),
                "" if probability is None else f"{probability:.6f}",
                trade.side,
                trade.size,
            )
        )
    return text.getvalue()


def _shown(ms: int, zone: ZoneInfo) -> str:
    return local_time(ms, zone).isoformat(sep=" ")
