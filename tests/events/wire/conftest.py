"""A bench with the bus on the real server, and one with the bus in memory."""

from collections.abc import Iterator

import pytest

from tests.events.wire.bench import Bench, MemoryBench, ServerBench
from tests.server import EmbeddedServer


@pytest.fixture(params=["server", "memory"])
def bench(request: pytest.FixtureRequest, server: EmbeddedServer) -> Iterator[Bench]:
    made = ServerBench(server) if request.param == "server" else MemoryBench()
    yield made
    made.close()
