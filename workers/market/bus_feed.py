"""Bars off the bus, where `portfold feed` puts the market's minutes: as long as the strategy asks for.

    "feed": {"kind": "bus", "options": {"minutes": 60}}

Guarantees: what was on the bus before the worker came is for its strategy to warm up on, and nothing is
traded on it (`past_until`). A bar of which a part is unknown is never given, also where minutes left the bus
before they were read here. While the bus is away the feed waits, and then goes on with the first minute that
it has not read.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from operator import attrgetter
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.config import ConfigError, Configuration
from portfold.config.rules import Whole
from portfold.events.market import FAR_AHEAD_MS, Step, UnreadableStep, read_step
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry
from portfold.events.wire.connection import Place, connect
from portfold.events.wire.errors import BusError
from portfold.exchange_time import utc
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.protocol import FeedSetup
from portfold.workers.market.longer_bars import LENGTHS, LongerBars
from portfold.workers.market.source import MINUTE_MS, MinuteBar

_BLOCK_MS = 250
_RETRY_SECONDS = 0.5
_READ_AT_ONCE = 500


class _Options(Struct, frozen=True):
    minutes: Annotated[int, Whole(1, 60, "minutes")] = 60


class BusFeed:
    """Bars of `minutes` on the clocks of `zone`, until `stop` is set; meets `protocol.LiveFeed`."""

    def __init__(self, bus: Bus, minutes: int, zone: ZoneInfo, stop: threading.Event) -> None:
        self._bus = bus
        self._minutes = minutes
        self._zone = zone
        self._stop = stop
        self._seen = ORIGIN
        self._last_ms: int | None = None
        self._there: StreamId | None = None
        self._longer: dict[str, LongerBars] = {}
        self._is_unknown = False
        self.past_until: datetime | None = None

    def bars(self, symbol: str) -> Iterator[Bar | None]:
        """Yields each bar as it ends, and None while none does."""
        return self.bars_with(symbol, ())

    def bars_with(self, symbol: str, context: Sequence[str]) -> Iterator[Bar | None]:
        """Yields the same, and before each bar those of the context that had ended by then."""
        wanted = (*context, symbol)
        with closing(self._bus):
            while not self._stop.is_set():
                try:
                    entries = self._entries()
                except BusError:  # the gate says so
                    self._stop.wait(_RETRY_SECONDS)
                    entries = []
                if not entries:
                    yield None
                for entry in entries:
                    yield from self._of_one(entry, wanted)
                    self._seen = entry.id

    def _entries(self) -> list[Entry]:
        if self._there is None:
            self._there, last = self._bus.last_step()
            self.past_until = utc(last.time_ms) if last else None
        block_ms = _BLOCK_MS if self._seen >= self._there else 1
        entries = self._bus.published_after(
            self._bus.keys.bars, self._seen, count=_READ_AT_ONCE, block_ms=block_ms
        )
        # Asked afterwards: what leaves the bus in between is a gap too many, and never one too few.
        if entries and ORIGIN < self._seen < self._bus.first_step_id():
            self._is_unknown = True
        return entries

    def _of_one(self, entry: Entry, wanted: Sequence[str]) -> list[Bar]:
        """Returns what is over with a step, by its end; of one end in the order in which it is `wanted`."""
        step = self._read(entry)
        if step is None:  # what it should have said is not known
            self._is_unknown = True
            return []
        over = [bar for symbol in wanted for bar in self._over(step, symbol)]
        self._is_unknown = False
        return sorted(over, key=attrgetter("time"))

    def _over(self, step: Step, symbol: str) -> Iterator[Bar]:
        longer = self._longer_bars(step, symbol)
        if symbol in step.unknown:
            longer.gap(step.time_ms)
        if bar := step.bars.get(symbol):
            prices = (bar.open, bar.high, bar.low, bar.close)
            longer.add(MinuteBar(symbol, step.time_ms, *prices, bar.volume or 0, bar.contract))
        yield from (longer_bar.for_strategies() for longer_bar in longer.minute_over(step.time_ms))

    def _read(self, entry: Entry) -> Step | None:
        """Returns the step; None where it is none of a feed, as somebody else may have written anything, and
        dated it far ahead. Where such a one was the first, what comes behind it begins anew.
        """
        try:
            step = read_step(entry.by_name)
        except UnreadableStep:
            return None
        before, self._last_ms = self._last_ms, step.time_ms
        if before is None:
            return step
        if step.time_ms > max(before, entry.id.ms) + FAR_AHEAD_MS:
            return None
        if step.time_ms <= before:
            self._longer = {}
            if self._there is not None and entry.id > self._there and self.past_until is not None:
                self.past_until = min(self.past_until, utc(step.time_ms - MINUTE_MS))
        return step

    def _longer_bars(self, step: Step, symbol: str) -> LongerBars:
        """Returns the bars so far, and since when all is known; of the first step that is its own minute."""
        longer = self._longer.get(symbol)
        if longer is None:
            longer = LongerBars(self._minutes, self._zone, step.time_ms - MINUTE_MS)
            self._longer[symbol] = longer
        if self._is_unknown:
            longer.gap(step.time_ms)
        longer.gap(step.known_since_ms)
        return longer


def open_bus(setup: FeedSetup) -> BusFeed:
    """Returns the feed of kind `bus`. Raises ConfigError."""
    minutes = setup.options(_Options).minutes
    configuration = setup.configuration
    if minutes not in LENGTHS:
        expected = f"one of {', '.join(map(str, LENGTHS))}, into which an hour can be cut"
        raise ConfigError(configuration.files.runtime.path, "feed.options.minutes", expected, str(minutes))
    market = configuration.runtime.market
    lacking = [one for one in (setup.symbol, *setup.context) if market and one not in market.symbols]
    if market is not None and lacking:
        expected = f"{lacking[0]} among them, as the worker of {setup.symbol} reads the bus"
        got = ", ".join(market.symbols)
        raise ConfigError(configuration.files.runtime.path, "market.symbols", expected, got)
    place = setup.place or _usual_place(configuration)
    bus = Bus(connect(place.url, password=place.password), place.portfolio)
    return BusFeed(bus, minutes, ZoneInfo(configuration.runtime.trading_day.zone), setup.stop)


def _usual_place(configuration: Configuration) -> Place:
    usual = GateSettings.of(configuration)
    return Place(usual.url, usual.password, usual.portfolio)
