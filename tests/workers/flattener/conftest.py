"""A flattener at its desk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portfold.events.wire.bus import Bus
from tests.server import EmbeddedServer
from tests.workers.flattener.flattener_desk import Desk


@pytest.fixture
def desk(tmp_path: Path, server: EmbeddedServer, bus: Bus) -> Iterator[Desk]:
    made = Desk(tmp_path, server, bus)
    yield made
    made.close()
