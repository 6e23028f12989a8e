"""Bars over the bus, where a conductor drives the clock: simulated time for processes that cannot tell.

The conductor publishes a step, all bars that end at one moment; each worker takes its own bar out of it,
acts, and says that it is done; only when all are does the conductor go on. The events of a step carry its
time.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from portfold.events.market import Step, StepBar, read_step, step_fields
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus, at_time
from portfold.exchange_time import milliseconds_of, utc
from portfold.workers.feeds.bar import Bar

_BLOCK_MS = 500
_READ_AT_ONCE = 10


def publish_step(bus: Bus, time: datetime, bars: Mapping[str, Bar]) -> None:
    """Hands the bars of one moment to the workers."""
    ended = {symbol: StepBar(bar.open, bar.high, bar.low, bar.close) for symbol, bar in bars.items()}
    bus.publish(bus.keys.bars, step_fields(Step(milliseconds_of(time), ended)))


def publish_end(bus: Bus) -> None:
    """Says that there are no more bars."""
    bus.publish(bus.keys.bars, ["end", "true"])


class DrivenFeed:
    """The bars of one symbol as the conductor hands them out, and the time they bring with them."""

    def __init__(self, bus: Bus, symbol: str, worker: str) -> None:
        self._bus = bus
        self._symbol = symbol
        self._worker = worker
        self._now_ms = 0
        self._seen = ORIGIN

    def stamp(self) -> str:
        """Returns the ID for events of the step under way."""
        return at_time(self._now_ms)

    def bars(self) -> Iterator[Bar | None]:
        """Yields each step's bar, or None while nothing comes; ends with the bars.

        Asking for the next one says that the step is done. After a BusError another call goes on where this
        one ended.
        """
        while True:
            entries = self._bus.published_after(
                self._bus.keys.bars, self._seen, count=_READ_AT_ONCE, block_ms=_BLOCK_MS
            )
            if not entries:
                yield None
            for entry in entries:
                self._seen = entry.id
                fields = entry.by_name
                if "end" in fields:
                    return
                step = read_step(fields)
                self._now_ms = step.time_ms
                if bar := step.bars.get(self._symbol):
                    yield Bar(self._symbol, utc(self._now_ms), bar.open, bar.high, bar.low, bar.close)
                self._bus.publish(
                    self._bus.keys.steps, ["worker", self._worker, "time_ms", str(self._now_ms)]
                )
