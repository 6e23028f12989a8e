"""Measures what grows with the log, with the workers on it, and with the portfolios on one server.

`events`: one coordinator decides trades of ten workers, from the first event on, added no faster than it
decides; at each power of ten it is shown what an event costs the coordinator and the server in processor time
(over the last tenth of the way there, and at least 2,000 events), and how much memory both have. `workers`:
the same for so many workers, on a portfolio each. `portfolios`: so many coordinators on one server, all with
work at once: what is decided in all. It reads /proc, and so needs Linux.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from benchmarks.measuring.machine import load_line, machine_line, server_line
from benchmarks.measuring.options import count, counts, parser, sized
from benchmarks.measuring.stage import BenchmarkFailed, BenchmarkProcess, Stage, played

EXPECTED_COST = 1.1
EXPECTED_MEMORY = 1.2
_BACKLOG = "2000"
_LEAST = 2_000
_LONGEST_SECONDS = 3_600.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Spent(NamedTuple):
    """Processor seconds of a process so far, and its memory now, in MB."""

    seconds: float
    memory: float


def main() -> int:
    """Measures, prints the figures and returns the exit code."""
    options = parser("growth", __doc__)
    options.add_argument("--events", type=count, default=1_000_000, help="of the longest log (1000000)")
    options.add_argument("--workers", type=counts, default=[1, 4, 16, 64], help="numbers (1,4,16,64)")
    options.add_argument(
        "--portfolios", type=counts, default=[1, 2, 4, 8, 16, 32], help="numbers (1,2,...,32)"
    )
    options.add_argument("--seconds", type=count, default=10, help="for each number of both (10)")
    chosen = sized(options, events=10_000, workers=[1, 16], portfolios=[1, 2], seconds=1)
    return played(lambda stage: _measure(stage, chosen))


def _measure(stage: Stage, chosen: argparse.Namespace) -> None:
    print(machine_line())
    bus = stage.bus("events")
    print(f"{server_line(bus, 'everysec')}; {load_line()}", flush=True)
    bus.close()
    stage.sync_to_disk("everysec")
    _print_events(stage, chosen.events)
    _print_workers(stage, chosen.workers, chosen.seconds)
    _print_portfolios(stage, chosen.portfolios, chosen.seconds)


# --- the length of the log --------------------------------------------------------------------------------


def _print_events(stage: Stage, longest: int) -> None:
    leader = stage.start_coordinator("events")
    load = stage.begun("events", "load_ends", "counted", stage.url, "events", "10", _BACKLOG)
    print(f"\n{'events':>10}{'leader µs each':>16}{'server µs each':>16}{'leader MB':>12}{'server MB':>12}")
    costs: list[tuple[float, float]] = []
    done, mark = 0, 1_000
    while mark <= longest:
        last = min(max(_LEAST, mark // 10), mark - done)
        done += _decided(load, mark - done - last)
        before = _spent(leader.pid), _spent(stage.server_pid)
        counted = _decided(load, last)
        done += counted
        ours, servers = _spent(leader.pid), _spent(stage.server_pid)
        cost = (ours.seconds - before[0].seconds) / counted * 1e6
        server_cost = (servers.seconds - before[1].seconds) / counted * 1e6
        costs.append((cost, ours.memory))
        print(
            f"{mark:>10,}{cost:>16.1f}{server_cost:>16.1f}{ours.memory:>12.1f}{servers.memory:>12.1f}",
            flush=True,
        )
        mark *= 10
    (first, first_memory), (last_cost, last_memory) = costs[0], costs[-1]
    print(
        f"Expected: {EXPECTED_COST} x the cost and {EXPECTED_MEMORY} x the memory of the leader or less, the "
        f"last against the first; here {last_cost / first:.2f} and {last_memory / first_memory:.2f}."
    )
    leader.ask_to_end()


def _decided(load: BenchmarkProcess, number: int) -> int:
    """Has so many events, or a few more, added and decided; returns how many were."""
    if number <= 0:
        return 0
    load.send(str(number))
    return int(json.loads(load.receive(_LONGEST_SECONDS))["done"])


def _spent(pid: int) -> Spent:
    process = Path(f"/proc/{pid}")
    try:
        spent_ns = [int(one.read_text().split()[0]) for one in process.glob("task/*/schedstat")]
        pages = int((process / "statm").read_text().split()[1])
    except OSError as error:
        raise BenchmarkFailed(f"What process {pid} has used cannot be read: {error}.") from error
    return Spent(sum(spent_ns) / 1e9, pages * _PAGE / 1e6)


# --- workers and portfolios -------------------------------------------------------------------------------


def _print_workers(stage: Stage, numbers: list[int], seconds: int) -> None:
    print(f"\n{'workers':>10}{'decided a second':>18}{'leader µs each':>16}{'leader MB':>12}")
    for number in numbers:
        portfolio = f"workers-{number}"
        leader = stage.start_coordinator(portfolio)
        load = stage.begun(portfolio, "load_ends", "events", stage.url, portfolio, str(number), _BACKLOG)
        before = _spent(leader.pid)
        done, rate = _rate(load, seconds)
        after = _spent(leader.pid)
        cost = (after.seconds - before.seconds) / done * 1e6
        print(f"{number:>10}{rate:>18,.0f}{cost:>16.1f}{after.memory:>12.1f}", flush=True)
        leader.ask_to_end()
        load.ask_to_end()


def _print_portfolios(stage: Stage, numbers: list[int], seconds: int) -> None:
    print(f"\n{'portfolios':>10}{'decided a second':>18}{'of each':>12}{'leader MB':>12}{'server MB':>12}")
    leaders: list[BenchmarkProcess] = []
    loads: list[BenchmarkProcess] = []
    for number in numbers:
        while len(leaders) < number:
            portfolio = f"portfolio-{len(leaders)}"
            leaders.append(stage.start_coordinator(portfolio))
            loads.append(stage.begun(portfolio, "load_ends", "events", stage.url, portfolio, "10", _BACKLOG))
        begun = monotonic()
        for load in loads:
            load.send(str(seconds))
        done = sum(int(json.loads(load.receive(_LONGEST_SECONDS))["done"]) for load in loads)
        rate = done / (monotonic() - begun)
        memory = sum(_spent(leader.pid).memory for leader in leaders) / number
        server = _spent(stage.server_pid).memory
        print(f"{number:>10}{rate:>18,.0f}{rate / number:>12,.0f}{memory:>12.1f}{server:>12.1f}", flush=True)


def _rate(load: BenchmarkProcess, seconds: int) -> tuple[int, float]:
    load.send(str(seconds))
    found = json.loads(load.receive(_LONGEST_SECONDS))
    return int(found["done"]), float(found["done"] / found["seconds"])


if __name__ == "__main__":
    sys.exit(main())
