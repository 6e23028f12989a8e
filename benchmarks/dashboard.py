"""Measures what open pages cost: request to answer with none open, against the same with twenty.

One dashboard serves all pages, each the stream of a browser that takes all it is told. Blocks with and
without pages take turns, so that other load on the machine meets both alike. How soon after its event a
decision is on a page is measured beside it.
"""

import json
import sys
from collections.abc import Sequence

from benchmarks.measuring.figures import compared, percentile
from benchmarks.measuring.machine import machine_line, server_line
from benchmarks.measuring.options import count, parser, sized
from benchmarks.measuring.stage import APPENDFSYNC, BenchmarkProcess, Stage, played

EXPECTED_RATIO = 1.05
_BLOCK = 100


def main() -> int:
    """Measures, prints the figures and returns the exit code."""
    options = parser("dashboard", __doc__)
    options.add_argument("--samples", type=count, default=1_000, help="requests each way (1000)")
    options.add_argument("--pages", type=count, default=20, help="pages that are open (20)")
    chosen = sized(options, samples=40, pages=3)
    return played(lambda stage: _measure(stage, chosen.samples, chosen.pages))


def _measure(stage: Stage, samples: int, count_of_pages: int) -> None:
    bus = stage.bus("gate")
    print(machine_line())
    print(server_line(bus, APPENDFSYNC), flush=True)
    bus.close()
    stage.start_coordinator("gate")
    gate = stage.start("gate", "-m", "benchmarks.children.latency_ends", "gate", stage.url, "gate", "0.002")
    pages = stage.start("pages", "-m", "benchmarks.children.open_pages", stage.url, "gate")
    _block(gate, _BLOCK)
    closed: list[float] = []
    opened: list[float] = []
    arrived: list[float] = []
    while len(opened) < samples:
        closed += _block(gate, _BLOCK)
        _tell(pages, str(count_of_pages))
        opened += _block(gate, _BLOCK)
        arrived += json.loads(_tell(pages, "0"))
    _print(opened, closed, arrived, count_of_pages)


def _tell(child: BenchmarkProcess, line: str) -> str:
    child.send(line)
    return child.receive()


def _block(child: BenchmarkProcess, asked: int) -> list[float]:
    return [nanoseconds / 1e6 for nanoseconds in json.loads(_tell(child, str(asked)))]


def _print(opened: Sequence[float], closed: Sequence[float], arrived: Sequence[float], pages: int) -> None:
    print(f"{len(opened):,} requests each way, in turns of {_BLOCK}\n")
    table, ratio = compared((f"{pages} pages open", opened), ("none open", closed))
    print(table)
    print(f"\nExpected: a ratio of {EXPECTED_RATIO:g} or less; here {ratio:.2f} in the median.")
    if arrived:
        worst = percentile(arrived, 99)
        median = percentile(arrived, 50)
        print(
            f"From an event to the page that shows its decision: {median:.0f} ms median, {worst:.0f} ms p99."
        )


if __name__ == "__main__":
    sys.exit(main())
