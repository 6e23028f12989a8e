""""""

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from portfold.events.wire.embedded import EmbeddedServer
from tests.events.wire.bench import Bench, MemoryBench, ServerBench


@pytest.fixture
def raw(server: EmbeddedServer) -> Iterator[Any]:
    with Redis.from_url(server.url) as plain:
        yield plain


@pytest.fixture(params=["server", "memory"])
def bench(request: pytest.FixtureRequest, server: EmbeddedServer) -> Iterator[Bench]:
    made = ServerBench(server) if request.param == "server" else MemoryBench()
    yield made
    made.close()
