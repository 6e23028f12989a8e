"""Whether the bars of Backtrader's live feeds are of now: with money, old ones open nothing.

It exists because a feed of Backtrader's may bring history first, be a market played again, or stand still.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

import backtrader as bt

from portfold.workers.adapters.backtrader_feeds import Feeds, length_of
from portfold.workers.adapters.backtrader_gated import moment_of
from portfold.workers.run.money import OfNow


class BarsOfNow:
    """Judges the last bar of each contract; `judge` makes what does, or is None where all are taken."""

    def __init__(self, feeds: Feeds, judge: Callable[[], OfNow] | None) -> None:
        self._feeds = feeds
        self._judges = defaultdict[str, OfNow](judge) if judge else None

    def see(self) -> None:
        """Takes each bar: by all of them it knows their interval."""
        for symbol in self._feeds.symbols():
            self.has(symbol)

    def has(self, symbol: str) -> bool:
        """Returns whether the last bar of the contract is of now."""
        if self._judges is None:
            return True
        latest = self._feeds.latest(symbol)
        if latest is None:
            return False
        dated = moment_of(latest.datetime[0])
        return self._judges[symbol].judges(symbol, dated, ahead_seconds=_ahead_seconds(latest, dated))


def _ahead_seconds(data: Any, dated: datetime) -> float:
    """Returns how far ahead a bar that has ended may be dated: a day's, that is dated at the end of
    its day.
    """
    days_end = length_of(data)[0] >= bt.TimeFrame.Days and dated.time() == time.min
    return timedelta(days=1).total_seconds() if days_end else 0.0
