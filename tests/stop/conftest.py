"""The floor on which the stop is tried."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import Live
from tests.processes import Coordinators
from tests.server import EmbeddedServer
from tests.stop.floor import Floor


@pytest.fixture
def floor(tmp_path: Path, server: EmbeddedServer, live: Live, coordinators: Coordinators) -> Iterator[Floor]:
    """A floor of the test's own; none of its processes outlives the test."""
    opened = Floor(tmp_path / "floor", server.url, live, coordinators)
    yield opened
    opened.end()
