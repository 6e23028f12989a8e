"""Bars of the past, or of no market at all, played as a source: the whole chain runs without a vendor.

Each bar is given as one minute, that in which it ended, whatever its length: nothing is made up of what
happened within. So workers that ask for bars of that length, or of one minute, get it back as it was; the
first bar of a longer length is not given, as nobody knows that it is whole. Its close is the price.

Bars keep the time at which they ended. A feed that is started again goes on behind the last one on the bus.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.config import ConfigError
from portfold.config.errors import UnfitError, describe
from portfold.config.rules import Folder, Whole, Zone
from portfold.exchange_time import milliseconds_of, utc
from portfold.workers.feeds.csv_folder import CsvFolder
from portfold.workers.feeds.played import Pace, Schedule, Speed, at_speed, every
from portfold.workers.feeds.protocol import Feed
from portfold.workers.feeds.steps import Step, steps
from portfold.workers.feeds.synthetic import LONGEST, SyntheticMarket
from portfold.workers.market.source import (
    MarketRefused,
    MarketSetup,
    MinuteBar,
    MinuteEnd,
    PriceUpdate,
    Update,
)

_TICK_SECONDS = 0.25


class ReplaySource:
    """The bars of `feed` after `since_ms`, each when it is due by `schedule`; meets `source.MarketSource`.

    `symbols`: the feed's name of each symbol by ours.
    """

    def __init__(
        self,
        feed: Feed,
        symbols: Mapping[str, str],
        schedule: Schedule,
        *,
        since_ms: int | None,
        stop: threading.Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._feed = feed
        self._ours = {named: symbol for symbol, named in symbols.items()}
        self._schedule = schedule
        self._since_ms = since_ms
        self._stop = stop
        self._monotonic = monotonic
        self._is_closed = threading.Event()

    def updates(self) -> Iterator[Update | None]:
        """Waits for each bar; gives None meanwhile; ends with the bars. Raises BarsError."""
        begun, first = self._monotonic(), None
        played = 0
        for moment, bars in steps(self._feed, self._ours):
            if self._since_ms is not None and moment <= utc(self._since_ms):
                continue
            first = first or moment
            due = begun + self._schedule(played, moment - first)
            while (left := due - self._monotonic()) > 0:
                if self._is_over():
                    return
                self._stop.wait(min(left, _TICK_SECONDS))
                yield None
            if self._is_over():
                return
            played += 1
            yield from self._moment((moment, bars))

    def close(self) -> None:
        """Ends it; may be called twice, and from any thread."""
        self._is_closed.set()

    def _is_over(self) -> bool:
        return self._stop.is_set() or self._is_closed.is_set()

    def _moment(self, step: Step) -> Iterator[Update]:
        moment, bars = step
        end_ms = milliseconds_of(moment)
        for named, bar in bars.items():
            symbol = self._ours[named]
            yield PriceUpdate(symbol, bar.close, end_ms)
            yield MinuteBar(symbol, end_ms, bar.open, bar.high, bar.low, bar.close, 0, "")
        yield MinuteEnd(end_ms)


class _Played(Struct, frozen=True, kw_only=True):
    pace_seconds: Pace | None = None
    speed: Speed | None = None

    def __post_init__(self) -> None:
        if self.pace_seconds is not None and self.speed is not None:
            raise UnfitError("null, where pace_seconds is given", f"{self.speed:f}", field="speed")


class _Csv(_Played, frozen=True, kw_only=True):
    folder: Annotated[str, Folder()]
    zone: Annotated[str, Zone()] = "UTC"


class _Synthetic(_Played, frozen=True, kw_only=True):
    seed: Annotated[int, Whole(-(2**63), 2**63 - 1)] = 1
    days: Annotated[int, Whole(1, LONGEST, "days")] = 10


def open_csv(setup: MarketSetup) -> ReplaySource:
    """Returns the source of kind `csv`: a folder's bars. Raises ConfigError, BarsError."""
    options = setup.read_options(_Csv)
    zone, path = ZoneInfo(options.zone), Path(options.folder)
    if not path.is_dir():
        field = f"{setup.field}.folder"
        raise ConfigError(setup.file, field, "a folder of <SYMBOL>.csv files", describe(options.folder))
    folder = CsvFolder(path, zones=dict.fromkeys(setup.symbols.values(), zone))
    return _played(folder, setup, _schedule(options))


def open_synthetic(setup: MarketSetup) -> ReplaySource:
    """Returns the source of kind `synthetic`: a made-up market. Raises ConfigError, MarketRefused."""
    options = setup.read_options(_Synthetic)
    try:
        symbols = tuple(setup.symbols.values())
        market = SyntheticMarket(setup.contracts, days=options.days, seed=options.seed, symbols=symbols)
    except ValueError as error:
        raise MarketRefused(f"market.symbols: {error}") from None
    return _played(market, setup, _schedule(options))


def _played(feed: Feed, setup: MarketSetup, schedule: Schedule) -> ReplaySource:
    return ReplaySource(feed, setup.symbols, schedule, since_ms=setup.since_ms, stop=setup.stop)


def _schedule(options: _Played) -> Schedule:
    """Returns a bar every `pace_seconds`; with `speed` as fast as that; else as they happened."""
    if options.pace_seconds is not None:
        return every(float(options.pace_seconds))
    return at_speed(1.0 if options.speed is None else float(options.speed))
