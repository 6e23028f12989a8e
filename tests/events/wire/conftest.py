"""A bench with the bus on the real server, and one with the bus in memory."""

from collections.abc import Iterator

import pytest

from portfold.events.wire.embedded import EmbeddedServer
from tests.events.wire.bench import Bench, MemoryBench, ServerBench


@pytest.fixture(params=["server", "memory"])
def bench(request: pytest.FixtureRequest, server: EmbeddedServer) -> Iterator[Bench]:
    made = ServerBench(server) if request.param == "server" else MemoryBench()
    yield made
    made.close()
