"""Measures how long it takes to close all positions after the event that triggered the daily stop.

Ten worker processes with production gate, trader and paper broker want to be long; four are allowed. Then
prices fall for all ten, the marks of the four add up to more than the day's limit, the coordinator triggers
the stop, and each of the four closes at once, while the other six ask for entries and are denied. The times
come from the log alone, by the server's clock, in whole milliseconds: from the event that triggered the stop
to each report of a close. An operator's forced resume begins the next run.
"""

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

from benchmarks.measuring.figures import histogram, percentile
from benchmarks.measuring.machine import machine_line, server_line
from benchmarks.measuring.options import count, parser, sized
from benchmarks.measuring.stage import (
    APPENDFSYNC,
    PATIENCE_SECONDS,
    BenchmarkFailed,
    BenchmarkProcess,
    Stage,
    played,
)
from portfold.config import Contract, load
from portfold.config.locate import PACKAGED
from portfold.events.codec import encode_checked
from portfold.events.incoming import TradingResumed
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus, Entry

EXPECTED_MEDIAN_MS = 50
_PORTFOLIO = "stops"
_PRICE_TICKS = 10_000
_READ_AT_ONCE = 100


def main() -> int:
    """Measures, prints the figures and returns the exit code."""
    options = parser("stop_to_flat", __doc__)
    options.add_argument("--runs", type=count, default=50, help="stops to measure (50)")
    runs: int = sized(options, runs=2).runs
    return played(lambda stage: _measure(stage, runs))


def _measure(stage: Stage, runs: int) -> None:
    bus = stage.bus(_PORTFOLIO)
    print(machine_line())
    print(server_line(bus, APPENDFSYNC), flush=True)
    stage.start_coordinator(_PORTFOLIO)
    floor = Floor(stage, bus)
    times = [took for _ in range(runs) for took in floor.stop_once()]
    bus.close()
    _print(runs, times)


class Floor:
    """Ten workers in the market, four of them with a position at a time."""

    def __init__(self, stage: Stage, bus: Bus) -> None:
        configuration = load(str(PACKAGED), {}, Path.cwd())
        limits = configuration.portfolio
        self._bus = bus
        self._seats = limits.max_positions
        # Each position's loss in dollars: only the last position's mark takes the sum past the limit.
        self._loss = 1.1 * float(limits.daily_stop_loss) / self._seats
        self._contracts = configuration.contracts
        self._events = Reader(bus.events_after, bus.last_event())
        self._decisions = Reader(bus.decisions_after, bus.last_decision())
        self._workers = {
            symbol: _start_worker(stage, configuration.contracts[symbol]) for symbol in limits.symbols
        }
        self._events.until("WorkerStarted", len(self._workers))

    def stop_once(self) -> list[int]:
        """Fills four positions, lets prices fall, and returns the milliseconds to each close."""
        self._price(lambda _: 0)
        self._events.until("PositionOpened", self._seats)
        self._decisions.until("EntryDenied", len(self._workers) - self._seats)
        self._price(lambda contract: math.ceil(self._loss / float(contract.tick_value)))
        stop = self._decisions.until("StopLossTriggered", 1)[0].id.event()
        closes = self._events.until("PositionClosed", self._seats)
        self._decisions.until("EntryDenied", len(self._workers) - self._seats)
        self._decisions.until("PortfolioFlat", 1)
        resume = TradingResumed(by="benchmark", reason="the next run", force=True)
        self._bus.append(encode_checked(resume))
        return [close.id.ms - stop.ms for close in closes]

    def _price(self, fallen_ticks: Callable[[Contract], int]) -> None:
        """Sends a bar to each worker, whose price has fallen by so many ticks of its contract."""
        for symbol, worker in self._workers.items():
            contract = self._contracts[symbol]
            worker.send(f"{(_PRICE_TICKS - fallen_ticks(contract)) * contract.tick_size:f}")


def _start_worker(stage: Stage, contract: Contract) -> BenchmarkProcess:
    module, book = "benchmarks.children.stop_to_flat_worker", str(stage.folder / "book.sqlite")
    return stage.start(contract.symbol, "-m", module, stage.url, _PORTFOLIO, contract.symbol, book)


class Reader:
    """Reads a stream on, and keeps the entries of other types for later."""

    def __init__(self, read: Callable[..., list[Entry]], after: StreamId) -> None:
        self._read = read
        self._seen = after
        self._found: dict[str, list[Entry]] = {}

    def until(self, kind: str, count: int) -> list[Entry]:
        """Waits for the next `count` entries of that type; each is returned once.

        Raises BenchmarkFailed where they do not come in time.
        """
        deadline = monotonic() + PATIENCE_SECONDS
        found = self._found.setdefault(kind, [])
        while len(found) < count:
            left_ms = int((deadline - monotonic()) * 1000)
            if left_ms <= 0:
                raise BenchmarkFailed(f"Waited in vain for {count} of {kind}; {len(found)} came.")
            for entry in self._read(self._seen, count=_READ_AT_ONCE, block_ms=left_ms):
                self._seen = entry.id
                self._found.setdefault(entry.fields[1], []).append(entry)
        self._found[kind] = found[count:]
        return found[:count]


def _print(runs: int, times: Sequence[int]) -> None:
    print(f"{runs} stops, {len(times)} positions closed\n")
    print(histogram(times, "ms"))
    median = percentile(times, 50)
    print(f"\nmedian {median} ms, p99 {percentile(times, 99)} ms, longest {max(times)} ms")
    print(f"Expected: a median under {EXPECTED_MEDIAN_MS} ms; here {median} ms.")


if __name__ == "__main__":
    sys.exit(main())
