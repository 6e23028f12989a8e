"""Measures what roles and proofs cost: request to answer with both, against the same without, in one run.

Two portfolios on one server: in one coordinator and gate come under their roles and every event is proved by
a key; in the other both come as whoever keeps the server, and nothing is proved. They take turns, block by
block, so that other load on the machine meets both alike.
"""

import sys

from benchmarks.latency import in_turns
from benchmarks.measuring.figures import compared
from benchmarks.measuring.machine import machine_line, server_line
from benchmarks.measuring.options import count, parser, sized
from benchmarks.measuring.stage import APPENDFSYNC, BenchmarkProcess, Stage, played
from portfold.events.proof import COORDINATOR
from portfold.events.roles.keyring import VARIABLE, with_new_key

EXPECTED_RATIO = 1.1
_WORKER = "ibs-ES"


def main() -> int:
    """Measures, prints the figures and returns the exit code."""
    options = parser("proved", __doc__)
    options.add_argument("--samples", type=count, default=2_000, help="requests each way (2000)")
    options.add_argument("--pause-ms", type=count, default=2, help="between two requests (2)")
    chosen = sized(options, samples=20)
    return played(lambda stage: _measure(stage, chosen.samples, chosen.pause_ms / 1000))


def _measure(stage: Stage, samples: int, pause_seconds: float) -> None:
    bus = stage.bus("proved")
    print(machine_line())
    print(server_line(bus, APPENDFSYNC), flush=True)
    bus.close()
    file = stage.folder / "keys.json"
    for name in (COORDINATOR, _WORKER):
        with_new_key(file, name)
    stage.start_coordinator("proved", **{VARIABLE: str(file)})
    stage.start_coordinator("plain", PORTFOLD_URL=stage.hand)
    proved = _gate(stage, "proved", stage.url, pause_seconds, **{VARIABLE: str(file)})
    plain = _gate(stage, "plain", stage.hand, pause_seconds)
    with_both, without = in_turns(proved, plain, samples)
    print(f"{len(with_both):,} requests each way, in turns\n")
    table, ratio = compared(("roles and proofs", with_both), ("neither", without))
    print(table)
    print(f"\nExpected: a ratio of {EXPECTED_RATIO:g} or less; here {ratio:.2f} in the median.")


def _gate(stage: Stage, portfolio: str, url: str, pause_seconds: float, **variables: str) -> BenchmarkProcess:
    ends = "benchmarks.children.latency_ends"
    return stage.start(portfolio, "-m", ends, "gate", url, portfolio, str(pause_seconds), **variables)


if __name__ == "__main__":
    sys.exit(main())
