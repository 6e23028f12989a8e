"""An office on the server, and a coordinator for its portfolio."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.workers.compat.office import Office


@pytest.fixture
def office(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Iterator[Office]:
    made = Office(server.url, portfolio, tmp_path)
    yield made
    made.end()


@pytest.fixture
def coordinator(server: EmbeddedServer, portfolio: str) -> Iterator[None]:
    with coordinating(server.url, portfolio):
        yield
