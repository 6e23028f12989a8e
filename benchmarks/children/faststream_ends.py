"""A FastStream application over Redis streams, `app`, and whoever asks it, `ask`: a peer to measure beside.

`ask` has so many requests under way at once, for so long as a line from standard input says in seconds, and
prints a JSON object with how many were answered in how many seconds, and how many were not within five. It
asks on until one is answered: a rate of none compares with nothing.
"""

import asyncio
import json
import logging
import sys
from time import monotonic

from faststream import FastStream
from faststream.redis import RedisBroker, StreamSub
from pydantic import BaseModel

_STREAM = "faststream-requests"
_AT_ONCE = 32
"""Each request of FastStream has a connection of its own for its answer."""
_KEPT = 10_000
_TIMEOUT_SECONDS = 5
_PATIENCE_SECONDS = 60


class _Asked(BaseModel):
    symbol: str
    side: str
    size: int


class _Answered(BaseModel):
    allowed: bool
    symbol: str


async def _answer(broker: RedisBroker) -> None:
    # As a group: who reads from the stream's end on misses what comes while it does not wait.
    @broker.subscriber(stream=StreamSub(_STREAM, group="app", consumer="app", max_records=_AT_ONCE))
    async def answer(request: _Asked) -> _Answered:
        return _Answered(allowed=True, symbol=request.symbol)

    app = FastStream(broker, logger=None)

    @app.after_startup
    async def ready() -> None:
        print("ready", flush=True)

    await app.run()


async def _ask(broker: RedisBroker) -> None:
    asks = _Asked(symbol="ES", side="long", size=1)

    lost, answered = 0, monotonic()

    async def asked(ends: float) -> int:
        nonlocal lost, answered
        done = 0
        while monotonic() < ends:
            try:
                await broker.request(asks, stream=_STREAM, maxlen=_KEPT, timeout=_TIMEOUT_SECONDS)
                done, answered = done + 1, monotonic()
            except TimeoutError:
                lost += 1
        return done

    async def asked_by_all(ends: float) -> int:
        return sum(await asyncio.gather(*(asked(ends) for _ in range(_AT_ONCE))))

    async with broker:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            begun = monotonic()
            lost, done = 0, 0
            while not done and monotonic() < begun + _PATIENCE_SECONDS:
                done = await asked_by_all(monotonic() + float(line))
            if not done:
                raise SystemExit("no request is answered")
            found = {"done": done, "seconds": answered - begun, "lost": lost}
            print(json.dumps(found), flush=True)


def main(role: str, url: str) -> None:
    """Plays the role until standard input ends, or until it is asked to end."""
    silent = logging.getLogger(__name__)  # a line for each request fills a pipe that nobody reads
    silent.disabled = True
    broker = RedisBroker(url, logger=silent)
    asyncio.run({"app": _answer, "ask": _ask}[role](broker))


if __name__ == "__main__":
    main(*sys.argv[1:])
