"""The processes that `throughput` and `growth` measure, each in a role, for so long as a line from standard
input says in seconds; each prints a JSON object with how many were done in how many seconds.

`events` adds trades to a portfolio's log, in pipelines, and waits wherever more than so many are undecided:
done is what was decided. `counted` does so until so many events are added, and all are decided. `raw` adds
the same entries to a stream that nobody reads. `semaphore` takes and gives back one of four slots by a Lua
script, in pipelines of the same length.
"""

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from time import monotonic, sleep
from typing import Any

from benchmarks.measuring.load import trades
from portfold.events.wire.connection import connect
from portfold.events.wire.keys import Keys

AT_ONCE = 250
"""Commands in a pipeline."""

_BEAT_MS = 3_600_000
_LOOK_SECONDS = 0.001
_PATIENCE_SECONDS = 60.0
SEMAPHORE = """
local taken = tonumber(redis.call('GET', KEYS[1]) or '0')
if ARGV[1] == 'take' and taken < 4 then return redis.call('INCR', KEYS[1]) end
if ARGV[1] == 'give' and taken > 0 then return redis.call('DECR', KEYS[1]) end
return -1
"""

_Until = Callable[[float], tuple[int, float]]


def _events(url: str, portfolio: str, workers: str, backlog: str, *, timed: bool = True) -> _Until:
    client, keys = _client(url), Keys(portfolio)
    session = str(client.incr(f"{keys.events}:benchmark"))
    for started in islice(trades(int(workers), session), int(workers)):
        client.set(keys.worker(started[3]), session, px=_BEAT_MS)
    log, added = trades(int(workers), session), _added(client, keys)

    def until(amount: float) -> tuple[int, float]:
        nonlocal added
        begun, first, last = monotonic(), _decided(client, keys), added + amount
        while monotonic() - begun < amount if timed else added < last:
            _add(client, keys.events, log)
            added += AT_ONCE
            _wait_until_decided(client, keys, added - int(backlog))
        # One at least: on a slow machine none may be decided yet, and a rate of none compares with nothing.
        _wait_until_decided(client, keys, first + 1 if timed else added)
        return _decided(client, keys) - first, monotonic() - begun

    return until


def _add(client: Any, stream: str, log: Iterator[list[str]]) -> None:
    with client.pipeline(transaction=False) as commands:
        for fields in islice(log, AT_ONCE):
            commands.execute_command("XADD", stream, "*", *fields)
        commands.execute()


def _wait_until_decided(client: Any, keys: Keys, events: int) -> None:
    """Waits; whoever decides may be slow, but does not stand still for a minute."""
    give_up = monotonic() + _PATIENCE_SECONDS
    while _decided(client, keys) < events:
        if monotonic() > give_up:
            raise SystemExit("what was added is not decided")
        sleep(_LOOK_SECONDS)


def _added(client: Any, keys: Keys) -> int:
    return int(client.xinfo_stream(keys.events)["entries-added"])


def _decided(client: Any, keys: Keys) -> int:
    return int(client.hget(keys.head, "folded") or 0)


def _raw(url: str, stream: str, *_: str) -> _Until:
    client, log = _client(url), trades(10, "raw")

    def until(seconds: float) -> tuple[int, float]:
        begun, added = monotonic(), 0
        while monotonic() - begun < seconds:
            _add(client, stream, log)
            added += AT_ONCE
        took = monotonic() - begun
        client.delete(stream)
        return added, took

    return until


def _semaphore(url: str, key: str, *_: str) -> _Until:
    client = _client(url)
    script = client.script_load(SEMAPHORE)

    def until(seconds: float) -> tuple[int, float]:
        begun, asked = monotonic(), 0
        while monotonic() - begun < seconds:
            with client.pipeline(transaction=False) as commands:
                for _ in range(AT_ONCE // 2):
                    commands.evalsha(script, 1, key, "take")
                    commands.evalsha(script, 1, key, "give")
                commands.execute()
            asked += AT_ONCE
        return asked, monotonic() - begun

    return until


def _client(url: str) -> Any:
    return connect(url, timeout_seconds=60)


ROLES: dict[str, Callable[..., _Until]] = {
    "events": _events,
    "counted": partial(_events, timed=False),
    "raw": _raw,
    "semaphore": _semaphore,
}


def main(role: str, url: str, *words: str) -> None:
    """Plays the role until standard input ends."""
    until = ROLES[role](url, *words)
    print("ready", flush=True)
    for line in sys.stdin:
        done, took = until(float(line))
        print(json.dumps({"done": done, "seconds": took}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
