"""Gates on the server, and a coordinator for their portfolio."""

from collections.abc import Iterator

import pytest

from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.workers.client.gates import Gates


@pytest.fixture
def gates(server: EmbeddedServer, portfolio: str) -> Iterator[Gates]:
    made = Gates(server.url, portfolio)
    yield made
    made.end()


@pytest.fixture
def coordinator(server: EmbeddedServer, portfolio: str) -> Iterator[None]:
    with coordinating(server.url, portfolio):
        yield
