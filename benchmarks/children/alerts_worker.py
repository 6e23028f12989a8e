"""The worker that `alerts` measures: with each request that is allowed it makes one that is denied, for an
alert.

It reads from standard input how many requests to make, and prints the nanoseconds each answer took, as JSON.
"""

import json
import sys
import time

from benchmarks.children.unexpected_answer import UnexpectedAnswer
from portfold.log import open_log
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings

ASKED, HELD = "ES", "CL"
_PAUSE_SECONDS = 0.002


def _ask(gate: PortfolioGate) -> int:
    """Times a request that is allowed, and gives its slot back."""
    begun = time.perf_counter_ns()
    decision = gate.request_entry(ASKED, side="long", size=1, strategy="ibs")
    took = time.perf_counter_ns() - begun
    if not decision:
        raise UnexpectedAnswer(f"Not allowed ({decision.code}): {decision.reason}")
    gate.withdraw(ASKED, "measured")
    return took


def _be_denied(gate: PortfolioGate) -> None:
    if gate.request_entry(HELD, side="long", size=1, strategy="ibs"):
        raise UnexpectedAnswer(f"{HELD} was allowed twice")


def main(url: str, portfolio: str) -> None:
    """Asks until standard input ends."""
    log, lines = open_log("worker")
    settings = GateSettings(url=url, portfolio=portfolio, answer_seconds=20)
    with PortfolioGate("ibs-ES", symbols=[ASKED, HELD], settings=settings, log=log) as gate:
        if not gate.request_entry(HELD, side="long", size=1):
            raise UnexpectedAnswer(f"{HELD} was not allowed")
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
