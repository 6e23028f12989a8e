"""A portfolio that was coordinated and is so no more."""

import pytest

from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer


@pytest.fixture
def decided(server: EmbeddedServer, portfolio: str, live: Live) -> Live:
    """A portfolio with a position, its coordinator ended in good order: a snapshot of the head is there."""
    with coordinating(server.url, portfolio):
        live.enters("ES")
    return live
