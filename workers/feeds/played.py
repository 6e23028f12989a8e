"""Bars of the past, or of no market at all, brought as if they ended now: at a pace, or at a chosen speed.

Bars keep the time at which they ended. Whoever is too slow for the pace gets late bars at once, one after the
other, and none is lost.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.config.rules import Exact, Folder, Whole
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.beside import before_own, by_their_ends, refuse_no_bars
from portfold.workers.feeds.csv_folder import CsvFolder
from portfold.workers.feeds.protocol import Feed, FeedSetup
from portfold.workers.feeds.synthetic import LONGEST, SyntheticMarket

Schedule = Callable[[int, timedelta], float]
"""When a bar is due, in seconds after the first one: by its number, from 0, and how much later it ended."""

Pace = Annotated[Decimal, Exact(Decimal(0), Decimal(86_400), 6, "seconds")]
Speed = Annotated[Decimal, Exact(Decimal("0.001"), Decimal(1_000_000_000), 3)]


def every(seconds: float) -> Schedule:
    """Returns a bar every so many seconds, whenever it ended."""
    return lambda number, _: number * seconds


def at_speed(speed: float) -> Schedule:
    """Returns a schedule `speed` times as fast as the bars ended: 3600 makes an hour a second."""
    return lambda _, later: later.total_seconds() / speed


class PlayedFeed:
    """The bars of `feed`, each when it is due; meets `protocol.LiveFeed`.

    `wait` waits that many seconds and returns true when it is time to stop, as `threading.Event.wait` does.
    Bars up to `after` are due at once, and the schedule begins with the one that follows.
    """

    def __init__(
        self,
        feed: Feed,
        schedule: Schedule,
        wait: Callable[[float], bool],
        monotonic: Callable[[], float] = time.monotonic,
        after: datetime | None = None,
    ) -> None:
        self._feed = feed
        self._schedule = schedule
        self._wait = wait
        self._monotonic = monotonic
        self._after = after

    def bars(self, symbol: str) -> Iterator[Bar]:
        """Returns the symbol's bars; ends when they do, or when it is stopped."""
        first: Bar | None = None
        begun, number = 0.0, 0
        for bar in self._feed.bars(symbol):
            if self._after is None or bar.time > self._after:
                if first is None:
                    first, begun = bar, self._monotonic()
                due = begun + self._schedule(number, bar.time - first.time)
                if (left := due - self._monotonic()) > 0 and self._wait(left):
                    return
                number += 1
            yield bar

    def bars_with(self, symbol: str, context: Sequence[str]) -> Iterator[Bar]:
        """Returns the same, and before each bar those of the context that had ended by then. A market that
        has none is refused at once. Raises BarsError.
        """
        refuse_no_bars(self._feed, symbol, context)
        return before_own(self.bars(symbol), by_their_ends([self._feed.bars(one) for one in context]))


class _Csv(Struct, frozen=True):
    folder: Annotated[str, Folder()]
    pace_seconds: Pace = Decimal(1)


class _Replay(Struct, frozen=True):
    folder: Annotated[str, Folder()]
    speed: Speed = Decimal(3600)


class _Synthetic(Struct, frozen=True):
    pace_seconds: Pace = Decimal(1)
    seed: Annotated[int, Whole(-(2**63), 2**63 - 1)] = 1
    days: Annotated[int, Whole(1, LONGEST, "days")] = 10


def open_csv(setup: FeedSetup) -> PlayedFeed:
    """Returns the feed of kind `csv`: a folder's bars, one every `pace_seconds`. Raises ConfigError,
    BarsError.
    """
    options = setup.options(_Csv)
    schedule = every(float(options.pace_seconds))
    return PlayedFeed(_folder(setup, options.folder), schedule, setup.stop.wait, after=setup.after)


def open_replay(setup: FeedSetup) -> PlayedFeed:
    """Returns the feed of kind `replay`: a folder's bars, `speed` times as fast. Raises ConfigError,
    BarsError.
    """
    options = setup.options(_Replay)
    schedule = at_speed(float(options.speed))
    return PlayedFeed(_folder(setup, options.folder), schedule, setup.stop.wait, after=setup.after)


def open_synthetic(setup: FeedSetup) -> PlayedFeed:
    """Returns the feed of kind `synthetic`: a made-up market, a bar every `pace_seconds`. Raises
    ConfigError.
    """
    options = setup.options(_Synthetic)
    market = SyntheticMarket(setup.configuration.contracts, days=options.days, seed=options.seed)
    return PlayedFeed(market, every(float(options.pace_seconds)), setup.stop.wait, after=setup.after)


def _folder(setup: FeedSetup, folder: str) -> CsvFolder:
    runtime = setup.configuration.runtime
    zones = {symbol: ZoneInfo(runtime.bar_zone(symbol)) for symbol in (setup.symbol, *setup.context)}
    return CsvFolder(Path(folder), zones=zones)
