"""Measures what a decision costs: request to answer through gate and coordinator, against the bare wire.

The yardstick is a pair of bare processes that echo over the same two streams on the same server, which calls
fsync before every answer. Both pairs run all the time and take turns, block by block, so that other load on
the machine meets both alike. Each request finds everything at rest; giving its slot back, and a pause, are
not timed.
"""

import json
import sys
from collections.abc import Sequence

from benchmarks.measuring.figures import compared
from benchmarks.measuring.machine import machine_line, server_line
from benchmarks.measuring.options import count, parser, sized
from benchmarks.measuring.stage import APPENDFSYNC, BenchmarkProcess, Stage, played

EXPECTED_RATIO = 2.0
_BLOCK = 100


def main() -> int:
    """Measures, prints the figures and returns the exit code."""
    options = parser("latency", __doc__)
    options.add_argument("--samples", type=count, default=2_000, help="requests each way (2000)")
    options.add_argument("--pause-ms", type=count, default=2, help="between two requests (2)")
    chosen = sized(options, samples=100)
    return played(lambda stage: _measure(stage, chosen.samples, chosen.pause_ms / 1000))


def _measure(stage: Stage, samples: int, pause_seconds: float) -> None:
    bus = stage.bus("gate")
    print(machine_line())
    print(server_line(bus, APPENDFSYNC), flush=True)
    bus.close()
    stage.start_coordinator("gate")
    stage.start("echo", "-m", "benchmarks.children.latency_ends", "echo", stage.hand, "bare")
    gate, bare = (
        stage.start(role, "-m", "benchmarks.children.latency_ends", role, url, role, str(pause_seconds))
        for role, url in (("gate", stage.url), ("bare", stage.hand))
    )
    by_gate, barely = in_turns(gate, bare, samples)
    _print(by_gate, barely)


def in_turns(gate: BenchmarkProcess, bare: BenchmarkProcess, samples: int) -> tuple[list[float], list[float]]:
    """Returns the milliseconds of each request, by gate and bare; a first block of either does not count."""
    _block(gate, min(samples, _BLOCK))
    _block(bare, min(samples, _BLOCK))
    by_gate: list[float] = []
    barely: list[float] = []
    while (left := samples - len(by_gate)) > 0:
        by_gate += _block(gate, min(left, _BLOCK))
        barely += _block(bare, min(left, _BLOCK))
    return by_gate, barely


def _block(child: BenchmarkProcess, count: int) -> list[float]:
    child.send(str(count))
    return [nanoseconds / 1e6 for nanoseconds in json.loads(child.receive())]


def _print(by_gate: Sequence[float], barely: Sequence[float]) -> None:
    print(f"{len(by_gate):,} requests each way, in turns of {_BLOCK}\n")
    table, ratio = compared(("gate and coordinator", by_gate), ("bare echo", barely))
    print(table)
    print(f"\nExpected: a ratio of {EXPECTED_RATIO:g} or less; here {ratio:.2f} in the median.")


if __name__ == "__main__":
    sys.exit(main())
