"""From the leader's death to the next answer: kill -9, with a standby running.

A request is published in the moment the leader is killed, so whoever leads next answers it. Measured is the
time from the kill to that answer, as the one who asks sees it. The kills fall anywhere between two renewals
of the lease, which has to lapse first; after each a new standby is started.
"""

import sys
from random import Random
from time import monotonic, sleep

from benchmarks.measuring.figures import histogram, percentile
from benchmarks.measuring.machine import machine_line, server_line
from benchmarks.measuring.options import count, parser
from benchmarks.measuring.stage import APPENDFSYNC, PATIENCE_SECONDS, BenchmarkFailed, Child, Stage, played
from portfold.config import Runtime
from portfold.events.codec import encode_checked
from portfold.events.incoming import EntryRequested, EntryWithdrawn
from portfold.events.wire.bus import Bus

EXPECTED_MS = 1_000  # at the median
EXPECTED_WORST_MS = 3_000
_PORTFOLIO = "failover"
_WHO = {"worker": "asker", "session": "s1", "symbol": "ES"}


def main() -> int:
    """Measures and prints."""
    options = parser("failover", __doc__)
    options.add_argument("--runs", type=count, default=20, help="leaders to kill (20)")
    options.add_argument("--seed", type=int, default=1, help="of the moments they are killed at (1)")
    chosen = options.parse_args()
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
        _ask(bus, 3 * run + 1)  # somebody leads, and is at rest
        if f".{standby.pid}." in (bus.leader() or ""):  # they may have changed places
            leader, standby = standby, leader
        sleep(random.uniform(0, lease_ms / 3000))
        times.append(_kill_and_ask(leader, bus, 3 * run + 2))
        bus.append(encode_checked(EntryWithdrawn(**_WHO, seq=3 * run + 3)))
        leader = standby
    bus.close()
    print(f"{runs} leaders killed, lease {lease_ms} ms\n")
    print(histogram(times, "ms"))
    print(f"\nmedian {percentile(times, 50):.0f} ms, worst {max(times):.0f} ms")
    print(f"Expected: at most {EXPECTED_MS} ms at the median, {EXPECTED_WORST_MS} ms at the worst.")


def _kill_and_ask(leader: Child, bus: Bus, seq: int) -> float:
    """Milliseconds from the leader's end to the answer to a request made then."""
    killed = monotonic()
    leader.kill()
    _ask(bus, seq)
    return (monotonic() - killed) * 1000


def _ask(bus: Bus, seq: int) -> None:
    """Asks for an entry and waits for the answer, be it yes or no."""
    request = bus.append(encode_checked(EntryRequested(**_WHO, seq=seq, side="long", size=1)))
    give_up = monotonic() + PATIENCE_SECONDS
    while not bus.decisions_of(request):
        if monotonic() > give_up:
            raise BenchmarkFailed(f"There was no answer to {request} within {PATIENCE_SECONDS:g} s.")
        bus.decisions_after(request.before_decisions(), count=1, block_ms=1000)


if __name__ == "__main__":
    sys.exit(main())
