"""The processes that `latency` measures, each in a role: `gate`, `bare` or `echo`.

`gate` asks as a strategy does. `bare` and `echo` are the yardstick and do no more than the wire needs: `bare`
adds an event of the same fields and blocks on the decisions, `echo` blocks on the events and adds an answer
of as many fields under the ID that portfold would give it. Only these two speak Redis themselves.

`gate` and `bare` read from standard input how many requests to make, and print the nanoseconds each answer
took, as JSON.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.children.unexpected_answer import UnexpectedAnswer
from portfold.events.codec import encode
from portfold.events.decisions import EntryAllowed
from portfold.events.incoming import EntryRequested
from portfold.events.stream_id import StreamId
from portfold.events.wire.connection import connect
from portfold.events.wire.keys import Keys
from portfold.log import open_log
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings

SYMBOL = "ES"
_WORKER = "ibs-ES"
_STRATEGY = "ibs"
_ANSWER_MS = 4_000
_BLOCK_MS = 1_000


def _ask_by_gate(url: str, portfolio: str, pause_seconds: float) -> None:
    log, lines = open_log("gate")
    settings = GateSettings(url=url, portfolio=portfolio, answer_seconds=20)
    gate = PortfolioGate(_WORKER, symbols=[SYMBOL], settings=settings, log=log)

    def ask() -> int:
        begun = time.perf_counter_ns()
        decision = gate.request_entry(SYMBOL, side="long", size=1, strategy=_STRATEGY)
        took = time.perf_counter_ns() - begun
        if not decision:
            raise UnexpectedAnswer(f"Not allowed ({decision.code}): {decision.reason}")
        gate.withdraw(SYMBOL, "measured")
        return took

    with gate:
        _answer_with_times(ask, pause_seconds)
    lines.close()


def _ask_barely(url: str, portfolio: str, pause_seconds: float) -> None:
    client: Any = connect(url)
    keys = Keys(portfolio)
    request = EntryRequested(_WORKER, "0123456789abcdef", 0, SYMBOL, "long", 1, _STRATEGY)
    fields = encode(request)
    seq = fields.index("seq") + 1
    last = "0-0"

    def ask() -> int:
        nonlocal last
        fields[seq] = str(int(fields[seq]) + 1)
        begun = time.perf_counter_ns()
        request_id = client.execute_command("XADD", keys.events, "*", *fields)
        reply = client.execute_command(
            "XREAD", "COUNT", 100, "BLOCK", _ANSWER_MS, "STREAMS", keys.decisions, last
        )
        took = time.perf_counter_ns() - begun
        if not reply or reply[0][1][-1][1][-3] != request_id:
            raise UnexpectedAnswer(f"No answer to {request_id}")
        last = reply[0][1][-1][0]
        return took

    _answer_with_times(ask, pause_seconds)


def _echo(url: str, portfolio: str) -> None:
    client: Any = connect(url)
    keys = Keys(portfolio)
    allowed = encode(EntryAllowed(_WORKER, SYMBOL, "long", 1, 1_736_950_000_000, 1, 4))
    last = "0-0"
    while True:
        reply = client.execute_command(
            "XREAD", "COUNT", 256, "BLOCK", _BLOCK_MS, "STREAMS", keys.events, last
        )
        for request_id, _ in reply[0][1] if reply else ():
            last = request_id
            answer = StreamId.parse(request_id).decision(0)
            client.execute_command(
                "XADD", keys.decisions, str(answer), *allowed, "event", request_id, "chain", "0" * 64
            )


def _answer_with_times(ask: Callable[[], int], pause_seconds: float) -> None:
    """Prints a line of times for each line with a count; pauses after each request, so that all is at rest
    again."""
    for count in _counts():
        times = []
        for _ in range(count):
            times.append(ask())
            time.sleep(pause_seconds)
        print(json.dumps(times), flush=True)


def _counts() -> Iterator[int]:
    for line in sys.stdin:
        yield int(line)


def main(role: str, url: str, portfolio: str, pause_seconds: str = "0") -> None:
    """Plays the role until standard input ends."""
    if role == "gate":
        _ask_by_gate(url, portfolio, float(pause_seconds))
    elif role == "bare":
        _ask_barely(url, portfolio, float(pause_seconds))
    elif role == "echo":
        threading.Thread(target=_echo, args=(url, portfolio), name="echo", daemon=True).start()
        sys.stdin.read()
    else:
        raise SystemExit(f"expected the role gate, bare or echo, got {role}")


if __name__ == "__main__":
    main(*sys.argv[1:])
