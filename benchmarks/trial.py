"""Measures what a trial of other limits costs: request to answer with `portfold shadow`, and without.

One gate asks one coordinator all the time, in blocks: with a trial beside it, without, with, without. So
other load on the machine meets both alike. A block without comes after the trial has ended; one with, after
it has begun. Each request finds the gate at rest; giving its slot back, and a pause, are not timed.
"""

import json
import sys
from pathlib import Path

from benchmarks.measuring.figures import compared
from benchmarks.measuring.machine import machine_line, server_line
from benchmarks.measuring.options import count, parser, sized
from benchmarks.measuring.stage import APPENDFSYNC, BenchmarkProcess, Stage, played
from portfold.config import write_defaults

EXPECTED_RATIO = 1.1
_PORTFOLIO = "gate"
_TURNS = 4
_FIRST = 100


def main() -> int:
    """Measures, prints the figures and returns the exit code."""
    options = parser("trial", __doc__)
    options.add_argument("--samples", type=count, default=2_000, help="requests with and without (2000)")
    options.add_argument("--pause-ms", type=count, default=2, help="between two requests (2)")
    chosen = sized(options, samples=40)
    return played(lambda stage: _measure(stage, chosen.samples, chosen.pause_ms / 1000))


def _measure(stage: Stage, samples: int, pause_seconds: float) -> None:
    bus = stage.bus(_PORTFOLIO)
    print(machine_line())
    print(server_line(bus, APPENDFSYNC), flush=True)
    bus.close()
    stage.start_coordinator(_PORTFOLIO)
    ends = "benchmarks.children.latency_ends"
    gate = stage.start("gate", "-m", ends, "gate", stage.url, _PORTFOLIO, str(pause_seconds))
    candidate = stage.folder / "candidate"
    write_defaults(candidate)
    _block(gate, min(samples, _FIRST))
    with_trial: list[float] = []
    without: list[float] = []
    for _ in range(_TURNS):
        trial = _trial(stage, candidate)
        with_trial += _block(gate, max(1, samples // _TURNS))
        trial.ask_to_end()
        trial.end()
        without += _block(gate, max(1, samples // _TURNS))
    print(f"{len(without):,} requests with and without, in {_TURNS} turns\n")
    table, ratio = compared(("with a trial", with_trial), ("without", without))
    print(table)
    print(f"\nExpected: a ratio of {EXPECTED_RATIO:g} or less; here {ratio:.2f} in the median.")


def _trial(stage: Stage, candidate: Path) -> BenchmarkProcess:
    """A trial that has begun."""
    words = ("shadow", "--config", str(candidate), "--url", stage.url, "--portfolio", _PORTFOLIO)
    trial = stage.start("shadow", "-m", "portfold", *words)
    trial.receive()
    return trial


def _block(gate: BenchmarkProcess, samples: int) -> list[float]:
    gate.send(str(samples))
    return [nanoseconds / 1e6 for nanoseconds in json.loads(gate.receive())]


if __name__ == "__main__":
    sys.exit(main())
