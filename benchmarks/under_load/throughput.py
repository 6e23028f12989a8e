"""Measures how many events a second are decided for as long as one likes: added no faster than decided.

One process adds trades to the log and waits wherever more than `--backlog` are undecided; what counts is what
the coordinator has decided and committed. In turns with it, over several rounds, on the same server: `xadd`
merely adds the same entries in pipelines, to a stream that nobody reads; `semaphore` takes and gives slots by
a Lua script, in the same pipelines, which is as little as a limit can cost; `faststream` is a peer that many
use, 32 requests at a time to an application over Redis streams. The median round of each counts, and the
spread is shown. All of it once for each way in which the server syncs to disk.
"""

import argparse
import json
import sys
from statistics import median

from benchmarks.measuring.machine import load_line, machine_line, server_line
from benchmarks.measuring.options import count, parser, sized
from benchmarks.measuring.stage import BenchmarkProcess, Stage, played
from portfold.events.wire.embedded import AppendFsync

_PORTFOLIO = "throughput"
_SYNCS: tuple[AppendFsync, ...] = ("always", "everysec")
EXPECTED_OF_XADD = 0.5
EXPECTED_OF_RPC = 5.0


def main() -> int:
    """Measures, prints the figures and returns the exit code."""
    options = parser("under_load.throughput", __doc__)
    options.add_argument("--seconds", type=count, default=5, help="of each in a round (5)")
    options.add_argument("--rounds", type=count, default=5, help="in turns (5)")
    options.add_argument("--backlog", type=count, default=5_000, help="undecided events at the most (5000)")
    chosen = sized(options, seconds=1, rounds=2)
    return played(lambda stage: _measure(stage, chosen))


def _measure(stage: Stage, chosen: argparse.Namespace) -> None:
    bus = stage.bus(_PORTFOLIO)
    print(machine_line())
    print(
        f"{chosen.rounds} rounds of {chosen.seconds} s each, in turns; at most {chosen.backlog:,} undecided"
    )
    stage.start_coordinator(_PORTFOLIO)
    stage.begun("faststream-app", "faststream_ends", "app", stage.url)
    load = ("10", str(chosen.backlog))
    ends = {
        "portfold": stage.begun("load", "load_ends", "events", stage.url, _PORTFOLIO, *load),
        "xadd": stage.begun("raw", "load_ends", "raw", stage.url, "raw-entries"),
        "semaphore": stage.begun("semaphore", "load_ends", "semaphore", stage.url, "semaphore"),
        "faststream": stage.begun("faststream", "faststream_ends", "ask", stage.url),
    }
    for sync in _SYNCS:
        stage.sync_to_disk(sync)
        print(f"\n{server_line(bus, sync)}; {load_line()}", flush=True)
        rates: dict[str, list[float]] = {name: [] for name in ends}
        lost = 0
        for _ in range(chosen.rounds):
            for name, end in ends.items():
                rate, unanswered = _rate(end, chosen.seconds)
                rates[name].append(rate)
                lost += unanswered
        _print(rates)
        if lost:
            print(f"Of FastStream's requests {lost} had no answer.", flush=True)
    bus.close()


def _rate(end: BenchmarkProcess, seconds: int) -> tuple[float, int]:
    """Returns how many were done a second, and how many were not."""
    end.send(str(seconds))
    found = json.loads(end.receive())
    return float(found["done"] / found["seconds"]), int(found.get("lost", 0))


def _print(rates: dict[str, list[float]]) -> None:
    print(f"{'':12}{'a second':>12}{'lowest':>12}{'highest':>12}{'portfold is':>14}")
    ours = median(rates["portfold"])
    for name, each in rates.items():
        of = f"{ours / median(each):.2f} x" if name != "portfold" else ""
        print(f"{name:12}{median(each):>12,.0f}{min(each):>12,.0f}{max(each):>12,.0f}{of:>14}".rstrip())
    print(
        f"Expected: {EXPECTED_OF_XADD} x xadd and {EXPECTED_OF_RPC:g} x faststream or more; here "
        f"{ours / median(rates['xadd']):.2f} and {ours / median(rates['faststream']):.1f}.",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
