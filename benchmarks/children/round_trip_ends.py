"""A worker of `round_trip`, in a process of its own: asks by its gate, barely, or a semaphore.

A line from standard input says how, and how often: `gate 100`, `bare 100`, `semaphore 100`. It prints the
nanoseconds that each answer took, as JSON. `bare` adds an event of the same fields and blocks on the
decisions until its own answer is there, which the echo of `latency_ends` gives; `semaphore` takes one of four
slots by one call of a Lua script.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.children.load_ends import SEMAPHORE
from benchmarks.children.unexpected_answer import UnexpectedAnswer
from portfold.events.codec import encode
from portfold.events.incoming import EntryRequested
from portfold.events.wire.connection import connect
from portfold.events.wire.keys import Keys
from portfold.log import open_log
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings

_PATIENCE_SECONDS = 20
_BLOCK_MS = 1_000
_SEMAPHORE = "semaphore"


def _by_gate(gate: PortfolioGate, symbol: str) -> int:
    begun = time.perf_counter_ns()
    decision = gate.request_entry(symbol, side="long", size=1, strategy="ibs")
    took = time.perf_counter_ns() - begun
    if decision.event is None or (decision.expires_ms is None and "answer" in decision.code):
        raise UnexpectedAnswer(f"Nobody answered ({decision.code}): {decision.reason}")
    if decision:
        gate.withdraw(symbol, "measured")
    return took


class _Barely:
    """Asks with what the wire needs and no more."""

    def __init__(self, url: str, portfolio: str, worker: str, symbol: str) -> None:
        self._client: Any = connect(url)
        self._keys = Keys(portfolio)
        self._fields = encode(EntryRequested(worker, "0123456789abcdef", 1, symbol, "long", 1, "ibs"))

    def ask(self) -> int:
        begun = time.perf_counter_ns()
        request = self._client.execute_command("XADD", self._keys.events, "*", *self._fields)
        ms, _, seq = request.partition("-")
        after = f"{ms}-{int(seq) * 100 - 1}" if int(seq) else f"{int(ms) - 1}-{2**64 - 1}"
        while not self._answered(request, after):
            if time.perf_counter_ns() - begun > _PATIENCE_SECONDS * 1e9:
                raise UnexpectedAnswer(f"No answer to {request}")
        return time.perf_counter_ns() - begun

    def _answered(self, request: str, after: str) -> bool:
        reply = self._client.execute_command(
            "XREAD", "COUNT", 100, "BLOCK", _BLOCK_MS, "STREAMS", self._keys.decisions, after
        )
        return any(fields[-3] == request for _, fields in reply[0][1]) if reply else False


def _semaphore(url: str) -> Callable[[], int]:
    client: Any = connect(url)
    script = client.script_load(SEMAPHORE)

    def ask() -> int:
        begun = time.perf_counter_ns()
        client.evalsha(script, 1, _SEMAPHORE, "take")
        took = time.perf_counter_ns() - begun
        client.evalsha(script, 1, _SEMAPHORE, "give")
        return took

    return ask


def main(url: str, portfolio: str, echoed: str, worker: str, symbol: str, pause_ms: str) -> None:
    """Asks as it is told until standard input ends; pauses after each request."""
    log, lines = open_log("gate")
    settings = GateSettings(url=url, portfolio=portfolio, answer_seconds=_PATIENCE_SECONDS)
    with PortfolioGate(worker, symbols=[symbol], settings=settings, log=log) as gate:
        ways: dict[str, Callable[[], int]] = {
            "gate": lambda: _by_gate(gate, symbol),
            "bare": _Barely(url, echoed, worker, symbol).ask,
            "semaphore": _semaphore(url),
        }
        print("ready", flush=True)
        for line in sys.stdin:
            way, count = line.split()
            times = []
            for _ in range(int(count)):
                times.append(ways[way]())
                time.sleep(int(pause_ms) / 1000)
            print(json.dumps(times), flush=True)
    lines.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
