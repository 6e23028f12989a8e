"""Measures how soon a coordinator that died answers again: from its start to its first answer.

A realistic log is put on the server and decided by a coordinator, which is then killed with -9; it leaves a
snapshot and up to some two thousand events after it. Once the lease of the dead coordinator has lapsed, the
time is taken from the start of a new process, Python and imports included, to the answer to a request made
just before. Then the same with a snapshot that cannot be read, so that the whole log is decided again from
its first event.
"""

import argparse
import sys
from time import monotonic, sleep

from benchmarks.measuring.machine import machine_line, server_line
from benchmarks.measuring.options import count, parser, sized
from benchmarks.measuring.realistic_log import realistic_log
from benchmarks.measuring.stage import (
    APPENDFSYNC,
    PATIENCE_SECONDS,
    BenchmarkFailed,
    BenchmarkProcess,
    Stage,
    played,
)
from portfold.events.codec import encode_checked
from portfold.events.incoming import EntryRequested
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus

EXPECTED_SECONDS = 1.0
_PORTFOLIO = "restart"
_SLOWEST_RATE = 2_000  # the lowest rate, in events a second, at which a log is decided
_LOOK_SECONDS = 0.01


def main() -> int:
    """Measures, prints the figures and returns the exit code."""
    options = parser("restart", __doc__)
    options.add_argument("--events", type=count, default=50_000, help="entries of the log (50000)")
    options.add_argument("--runs", type=count, default=5, help="restarts from a snapshot (5)")
    options.add_argument("--seed", type=int, default=1, help="of the log (1)")
    chosen = sized(options, events=3_000, runs=1)
    return played(lambda stage: _measure(stage, chosen))


def _measure(stage: Stage, chosen: argparse.Namespace) -> None:
    bus = stage.bus(_PORTFOLIO)
    print(machine_line())
    print(server_line(bus, APPENDFSYNC), flush=True)
    stage.put_on_server(bus.keys.events, realistic_log(chosen.events, chosen.seed))
    patience = PATIENCE_SECONDS + chosen.events / _SLOWEST_RATE
    leader = _Restarts(stage, bus, patience)
    decided = leader.first_answer("all undecided")
    print(
        f"{chosen.events:,} events decided and committed at {chosen.events / decided:,.0f} a second",
        flush=True,
    )
    times = [leader.first_answer(f"restart-{run}") for run in range(chosen.runs)]
    bus.save_snapshot("unreadable")
    again = leader.first_answer("from the beginning")
    bus.close()
    print(
        f"\nfrom a snapshot: first answer after {', '.join(f'{seconds * 1000:.0f}' for seconds in times)} ms"
    )
    print(f"from the first event: after {again:.1f} s, at {chosen.events / again:,.0f} events a second")
    print(
        f"\nExpected: {EXPECTED_SECONDS:g} s or less from a snapshot; here {max(times):.2f} s at the worst."
    )


class _Restarts:
    """Starts one coordinator after the other and kills each once it has answered."""

    def __init__(self, stage: Stage, bus: Bus, patience: float) -> None:
        self._stage = stage
        self._bus = bus
        self._patience = patience
        self._asked = 0

    def first_answer(self, name: str) -> float:
        """Returns the seconds from the start of a coordinator to its first answer; nobody leads before or
        after.

        Raises BenchmarkFailed where it does not answer in time.
        """
        self._asked += 1
        ask = EntryRequested(worker="asker", session="s1", seq=self._asked, symbol="ES", side="long", size=1)
        request = self._bus.append(encode_checked(ask))
        started = monotonic()
        leader = self._stage.start_another(_PORTFOLIO, name)
        seconds = self._until_answered(request, leader) - started
        leader.kill()
        self._until_nobody_leads()
        return seconds

    def _until_answered(self, request: StreamId, leader: BenchmarkProcess) -> float:
        give_up = monotonic() + self._patience
        while not self._bus.decisions_of(request):
            if monotonic() > give_up:
                raise leader.failure("answered nothing in time")
            self._bus.decisions_after(request.before_decisions(), count=1, block_ms=1000)
        return monotonic()

    def _until_nobody_leads(self) -> None:
        give_up = monotonic() + PATIENCE_SECONDS
        while self._bus.leader() is not None:
            if monotonic() > give_up:
                raise BenchmarkFailed("The lease of a dead coordinator does not lapse.")
            sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
