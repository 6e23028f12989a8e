"""The worker that `alerts` measures: asks, and each time also for what is denied, so that there is an alert.

It is told on standard input how many times, and answers with the nanoseconds each answer took, as JSON.
"""

import json
import sys
import time

from portfold.log import open_log
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings

ASKED, HELD = "ES", "CL"
_PAUSE_SECONDS = 0.002


class NoAnswer(RuntimeError):
    """A request was not answered as it must be for the figures to mean anything."""


def _ask(gate: PortfolioGate) -> int:
    """A request that is allowed, timed; its slot is given back."""
    begun = time.perf_counter_ns()
    decision = gate.request_entry(ASKED, side="long", size=1, strategy="ibs")
    took = time.perf_counter_ns() - begun
    if not decision:
        raise NoAnswer(f"Not allowed ({decision.code}): {decision.reason}")
    gate.withdraw(ASKED, "measured")
    return took


def _be_denied(gate: PortfolioGate) -> None:
    if gate.request_entry(HELD, side="long", size=1, strategy="ibs"):
        raise NoAnswer(f"{HELD} was allowed twice")


def main(url: str, portfolio: str) -> None:
    """Asks until standard input ends."""
    log, lines = open_log("worker")
    settings = GateSettings(url=url, portfolio=portfolio, answer_seconds=20)
    with PortfolioGate("ibs-ES", symbols=[ASKED, HELD], settings=settings, log=log) as gate:
        if not gate.request_entry(HELD, side="long", size=1):
            raise NoAnswer(f"{HELD} was not allowed")
        gate.position_opened(HELD, side="long", size=1, price=70)
        for line in sys.stdin:
            times = []
            for _ in range(int(line)):
                times.append(_ask(gate))
                _be_denied(gate)
                time.sleep(_PAUSE_SECONDS)
            print(json.dumps(times), flush=True)
    lines.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
