"""Measures what grows with the log, with the workers on it, and with the portfolios on one server.

`events`: one coordinator decides trades of ten workers, from the first event on, added no faster than it
decides. At each power of ten it takes turns with one that has decided 1,000 events: what an event costs both
in processor time, the median of five turns of 4,000 events and the spread of the ratio, and how much memory
coordinator and server have. `workers`: the same for so many workers, on a portfolio each. `portfolios`: so
many coordinators on one server, all with work at once: what is decided in all. It reads /proc, and so needs
Linux.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from statistics import median
from time import monotonic
from typing import NamedTuple

from benchmarks.measuring.machine import load_line, machine_line, server_line
from benchmarks.measuring.options import count, counts, parser, sized
from benchmarks.measuring.stage import BenchmarkFailed, BenchmarkProcess, Stage, played

EXPECTED_COST = 1.1
EXPECTED_MEMORY = 1.2
_BACKLOG = "2000"
_FRESH = 1_000
_MEASURED = 4_000
_TURNS = 5
_LONGEST_SECONDS = 3_600.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Spent(NamedTuple):
    """Processor seconds of a process so far, and its memory now, in MB."""

    seconds: float
    memory: float


def main() -> int:
    """Measures, prints the figures and returns the exit code."""
    options = parser("under_load.growth", __doc__)
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
    grown = _begun(stage, "events")
    heads = ("leader µs", "server µs", "leader MB", "server MB")
    print(f"\n{'events':>10}{heads[0]:>12}{heads[1]:>12}{'of a fresh one':>24}{heads[2]:>12}{heads[3]:>12}")
    done, memory, ratios = 0, list[float](), list[float]()
    for mark in (_FRESH * 10**power for power in range(len(str(longest // _FRESH)))):
        done += _decided(grown.load, mark - done)
        turns = _in_turns(stage, grown, _begun(stage, f"fresh-{mark}"))
        done += sum(cost.events for cost, _ in turns)
        ratios = [cost.leader / of_fresh.leader for cost, of_fresh in turns]
        memory.append(_spent(grown.leader.pid).memory)
        costs = [median(cost[place] for cost, _ in turns) for place in (0, 1)]
        spread = f"{median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})"
        megabytes = f"{memory[-1]:>12.1f}{_spent(stage.server_pid).memory:>12.1f}"
        print(f"{mark:>10,}{costs[0]:>12.1f}{costs[1]:>12.1f}{spread:>24}{megabytes}", flush=True)
    print(
        f"Expected: {EXPECTED_COST} x the cost of a fresh one and {EXPECTED_MEMORY} x the memory at first or "
        f"less; here {median(ratios):.2f} and {memory[-1] / memory[0]:.2f}."
    )
    grown.leader.ask_to_end()


class _Busy(NamedTuple):
    """A coordinator, and who gives it events."""

    leader: BenchmarkProcess
    load: BenchmarkProcess


class _Cost(NamedTuple):
    """Processor time of an event in µs, of so many events."""

    leader: float
    server: float
    events: int


def _begun(stage: Stage, portfolio: str) -> _Busy:
    leader = stage.start_coordinator(portfolio)
    load = stage.begun(portfolio, "load_ends", "counted", stage.url, portfolio, "10", _BACKLOG)
    return _Busy(leader, load)


def _in_turns(stage: Stage, grown: _Busy, fresh: _Busy) -> list[tuple[_Cost, _Cost]]:
    """Returns what an event costs of the grown log, and of one that is fresh, which ends after that."""
    _decided(fresh.load, _FRESH)
    turns = [(_cost(stage, grown), _cost(stage, fresh)) for _ in range(_TURNS)]
    fresh.load.ask_to_end()
    fresh.leader.ask_to_end()
    return turns


def _cost(stage: Stage, busy: _Busy) -> _Cost:
    ours, servers = _spent(busy.leader.pid), _spent(stage.server_pid)
    events = _decided(busy.load, _MEASURED)
    leader = (_spent(busy.leader.pid).seconds - ours.seconds) / events * 1e6
    return _Cost(leader, (_spent(stage.server_pid).seconds - servers.seconds) / events * 1e6, events)


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
