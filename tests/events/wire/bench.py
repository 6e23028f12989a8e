"""A bench for one bus, on the real server or in memory, where its keys can be changed behind its back."""

import threading
from collections.abc import Callable
from random import Random
from typing import Any, Protocol
from uuid import uuid4

from redis import Redis

from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.server import EmbeddedServer
from tests.simulation.memory.bus import MemoryBus
from tests.simulation.memory.server import MemoryServer
from tests.simulation.scheduler import Scheduler
from tests.waiting import until

TICK = ["type", "ClockTicked"]
NOTE = ["n", "1"]
LIMITS = ["by", "ann", "type", "LimitsChanged"]
CHAIN = "c" * 64
LARGEST = 2**64 - 1
WEDNESDAY = 1_736_956_800_000


class Bench(Protocol):
    """A bus, and what can be done to its keys behind its back."""

    bus: Bus

    def put_text(self, key: str, text: str) -> None: ...

    def put_hash(self, key: str, fields: dict[str, str]) -> None: ...

    def delete(self, key: str) -> None: ...

    def meanwhile(self, action: Callable[[], object]) -> None:
        """Has it done while the next call waits."""

    def until(self, look: Callable[[], bool], waiting_for: str) -> None:
        """Lets time pass."""


class ServerBench:
    """On the real server."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.bus: Bus = Bus(connect(server.url), f"contract-{uuid4().hex[:12]}")
        self._client: Any = Redis.from_url(server.url, decode_responses=True)
        self._actions: list[threading.Thread] = []

    def put_text(self, key: str, text: str) -> None:
        self._client.set(key, text)

    def put_hash(self, key: str, fields: dict[str, str]) -> None:
        self._client.delete(key)
        self._client.hset(key, mapping=fields)

    def delete(self, key: str) -> None:
        self._client.delete(key)

    def meanwhile(self, action: Callable[[], object]) -> None:
        def act() -> None:
            until(lambda: self._client.info("clients")["blocked_clients"] > 0, "a reader that waits")
            action()

        self._actions.append(threading.Thread(target=act))
        self._actions[-1].start()

    def until(self, look: Callable[[], bool], waiting_for: str) -> None:
        until(look, waiting_for)

    def close(self) -> None:
        for action in self._actions:
            action.join(20)
        self.bus.close()
        self._client.close()


class MemoryBench:
    """In memory; time passes only while somebody waits."""

    def __init__(self) -> None:
        self._time = Scheduler(Random(0))
        self._server = MemoryServer(lambda: WEDNESDAY + self._time.now)
        self.bus: Bus = MemoryBus(self._server, "contract", self._pass_time)

    def _pass_time(self, ready: Callable[[], bool], ms: int) -> None:
        self._time.run(self._time.now + ms, ready)

    def put_text(self, key: str, text: str) -> None:
        self._server.put(key, text)

    def put_hash(self, key: str, fields: dict[str, str]) -> None:
        self._server.put(key, fields)

    def delete(self, key: str) -> None:
        self._server.delete(key)

    def meanwhile(self, action: Callable[[], object]) -> None:
        self._time.at(self._time.now + 5, None, action)

    def until(self, look: Callable[[], bool], waiting_for: str) -> None:
        for _ in range(60_000):
            if look():
                return
            self._time.run(self._time.now + 1)
        raise AssertionError(waiting_for)

    def close(self) -> None:
        """Nothing to let go."""


Step = Callable[[Bench], object]
"""Something asked of a bench; its name is what it is called in a failure."""


def called(name: str, *arguments: Any, **named: Any) -> Step:
    """Calls the bus."""

    def step(bench: Bench) -> object:
        return getattr(bench.bus, name)(*arguments, **named)

    step.__name__ = f"{name}{arguments}{named}"
    return step


def committed(
    epoch: int = 1,
    before: str = "0-0",
    after: str = "7-0",
    decisions: tuple[str, ...] = ("7-0",),
    status: dict[str, str] | None = None,
) -> Step:
    """A commit of one event."""
    return called(
        "commit",
        epoch=epoch,
        before=StreamId.parse(before),
        after=StreamId.parse(after),
        chain=CHAIN,
        events=1,
        decisions=[(StreamId.parse(at), TICK) for at in decisions],
        status=status or {},
    )


LEAD = called("take_lead", "ann", 60_000)
