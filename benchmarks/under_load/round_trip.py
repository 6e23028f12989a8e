"""Measures a request's way to its answer with 1 to 64 workers that ask at once, against the bare wire.

Each worker is a process that asks, has its answer, pauses and asks again. In turns all of them ask by gate
and coordinator; barely, of a process that echoes over two streams of the same server; and a counting
semaphore, one Lua script, for scale: that is as little as a limit can cost. Each in turns over several
rounds, once for each way in which the server syncs to disk. Of the ratios, which are to the echo, the median
round is shown with the lowest and the highest.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.measuring.figures import percentile
from benchmarks.measuring.machine import load_line, machine_line, server_line
from benchmarks.measuring.options import count, counts, parser, sized
from benchmarks.measuring.stage import BenchmarkProcess, Stage, played
from portfold.config import load
from portfold.config.locate import PACKAGED
from portfold.events.wire.embedded import AppendFsync

_SYNCS: tuple[AppendFsync, ...] = ("always", "everysec")
_WAYS = ("gate", "bare", "semaphore")
_POINTS = (50, 99, 99.9)
EXPECTED = {1: (1.25, 1.5), 16: (None, 2.0)}
"""Ratios to the echo by the number of workers, in the median and in p99."""

_Times = dict[str, list[list[float]]]
"""Milliseconds by way, a list for each round."""


def main() -> int:
    """Measures, prints the figures and returns the exit code."""
    options = parser("under_load.round_trip", __doc__)
    options.add_argument("--samples", type=count, default=8_000, help="requests of each way (8000)")
    options.add_argument("--rounds", type=count, default=4, help="in turns (4)")
    options.add_argument(
        "--workers", type=counts, default=[1, 4, 16, 64], help="numbers of workers (1,4,16,64)"
    )
    options.add_argument("--pause-ms", type=count, default=5, help="of a worker between requests (5)")
    chosen = sized(options, samples=160, rounds=2, workers=[1, 4])
    return played(lambda stage: _measure(stage, chosen))


def _measure(stage: Stage, chosen: argparse.Namespace) -> None:
    bus = stage.bus("gate")
    print(machine_line())
    print(
        f"{chosen.samples:,} requests of each way, in {chosen.rounds} turns, {chosen.pause_ms} ms apart",
        flush=True,
    )
    stage.start_coordinator("gate")
    stage.start("echo", "-m", "benchmarks.children.latency_ends", "echo", stage.url, "bare")
    workers = _workers(stage, max(chosen.workers), chosen.pause_ms)
    for sync in _SYNCS:
        stage.sync_to_disk(sync)
        print(f"\n{server_line(bus, sync)}; {load_line()}")
        _print_head()
        for number in chosen.workers:
            each = max(1, chosen.samples // chosen.rounds // number)
            _print(number, _in_turns(workers[:number], chosen.rounds, each))
    bus.close()


def _workers(stage: Stage, number: int, pause_ms: int) -> list[BenchmarkProcess]:
    symbols = load(str(PACKAGED), {}, Path.cwd()).portfolio.symbols
    words = [
        (f"worker-{at}", stage.url, "gate", "bare", f"ibs-{at}", symbols[at % len(symbols)], str(pause_ms))
        for at in range(number)
    ]
    return [stage.begun(name, "round_trip_ends", *rest) for name, *rest in words]


def _in_turns(workers: Sequence[BenchmarkProcess], rounds: int, each: int) -> _Times:
    """Returns what each round of each way took; a first short round does not count."""
    times: _Times = {way: [] for way in _WAYS}
    for way in _WAYS:
        _asked(workers, way, min(each, 10))
    for _ in range(rounds):
        for way in _WAYS:
            times[way].append(_asked(workers, way, each))
    return times


def _asked(workers: Sequence[BenchmarkProcess], way: str, each: int) -> list[float]:
    for worker in workers:
        worker.send(f"{way} {each}")
    return [took / 1e6 for worker in workers for took in json.loads(worker.receive())]


def _print_head() -> None:
    points = "".join(f"{f'p{point:g}, ms':>12}" for point in _POINTS)
    ratios = "".join(f"{f'p{point:g} of echo':>22}" for point in _POINTS[:2])
    print(f"{'workers':>7}  {'':10}{points}{ratios}", flush=True)


def _print(number: int, times: _Times) -> None:
    for way, name in zip(_WAYS, ("portfold", "echo", "semaphore"), strict=True):
        taken = [one for each in times[way] for one in each]
        points = "".join(f"{percentile(taken, point):>12.3f}" for point in _POINTS)
        ratios = "" if way == "bare" else "".join(f"{_ratio(times, way, point):>22}" for point in _POINTS[:2])
        print(f"{number:>7}  {name:10}{points}{ratios}")
    if number in EXPECTED:
        wanted = " / ".join(f"{ratio:g}" if ratio else "-" for ratio in EXPECTED[number])
        here = " / ".join(f"{median(_ratios(times, 'gate', point)):.2f}" for point in _POINTS[:2])
        print(f"Expected with {number}: {wanted} of echo or less in p50 / p99; here {here}.")
    sys.stdout.flush()


def _ratio(times: _Times, way: str, point: float) -> str:
    """Shows the ratio to the echo: of the median round, and from the lowest to the highest."""
    each = _ratios(times, way, point)
    return f"{median(each):.2f} ({min(each):.2f} - {max(each):.2f})"


def _ratios(times: _Times, way: str, point: float) -> list[float]:
    return [
        percentile(ours, point) / percentile(echoed, point)
        for ours, echoed in zip(times[way], times["bare"], strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main())
