"""Measures the time from a leader's death by kill -9 to the next answer, with a standby running.

A request is published at the moment the leader is killed, so the next leader answers it. The time from the
kill to that answer is measured where the request was made. The kills fall anywhere between two renewals of
the lease, which has to lapse first; after each kill a new standby is started.
"""

import sys
from random import Random
from time import monotonic, sleep
from typing import Any

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
from portfold.config import Runtime
from portfold.events.codec import encode_checked
from portfold.events.incoming import EntryRequested, EntryWithdrawn
from portfold.events.wire.bus import Bus

EXPECTED_MS = 1_000  # at the median
EXPECTED_WORST_MS = 3_000
_PORTFOLIO = "failover"
_ASKER: dict[str, Any] = {"worker": "asker", "session": "s1", "symbol": "ES"}


def main() -> int:
    """Measures, prints the figures and returns the exit code."""
    options = parser("failover", __doc__)
    options.add_argument("--runs", type=count, default=20, help="leaders to kill (20)")
    options.add_argument("--seed", type=int, default=1, help="of the moments they are killed at (1)")
    chosen = sized(options, runs=2)
    return played(lambda stage: _measure(stage, chosen.runs, Random(chosen.seed)))


def _measure(stage: Stage, runs: int, random: Random) -> None:
    lease_ms = Runtime().lease_ms
    bus = stage.bus(_PORTFOLIO)
    print(machine_line())
    print(server_line(bus, APPENDFSYNC), flush=True)
    leader = stage.start_coordinator(_PORTFOLIO)
    times: list[float] = []
    for run in range(runs):
        standby = stage.start_standby(_PORTFOLIO, f"standby-{run}")
        _ask(bus, 3 * run + 1)  # a leader is there, and at rest
        if f".{standby.pid}." in (bus.leader() or ""):  # the standby may have taken the lead
            leader, standby = standby, leader
        sleep(random.uniform(0, lease_ms / 3000))
        times.append(_kill_and_ask(leader, bus, 3 * run + 2))
        bus.append(encode_checked(EntryWithdrawn(**_ASKER, seq=3 * run + 3)))
        leader = standby
    bus.close()
    print(f"{runs} leaders killed, lease {lease_ms} ms\n")
    print(histogram(times, "ms"))
    print(f"\nmedian {percentile(times, 50):.0f} ms, worst {max(times):.0f} ms")
    print(f"Expected: at most {EXPECTED_MS} ms at the median, {EXPECTED_WORST_MS} ms at the worst.")


def _kill_and_ask(leader: BenchmarkProcess, bus: Bus, seq: int) -> float:
    """Kills the leader, asks at once, and returns the milliseconds until the answer."""
    killed = monotonic()
    leader.kill()
    _ask(bus, seq)
    return (monotonic() - killed) * 1000


def _ask(bus: Bus, seq: int) -> None:
    """Asks for an entry and waits for the answer, allowed or denied. Raises BenchmarkFailed where none
    comes."""
    request = bus.append(encode_checked(EntryRequested(**_ASKER, seq=seq, side="long", size=1)))
    give_up = monotonic() + PATIENCE_SECONDS
    while not bus.decisions_of(request):
        if monotonic() > give_up:
            raise BenchmarkFailed(f"There was no answer to {request} within {PATIENCE_SECONDS:g} s.")
        bus.decisions_after(request.before_decisions(), count=1, block_ms=1000)


if __name__ == "__main__":
    sys.exit(main())
