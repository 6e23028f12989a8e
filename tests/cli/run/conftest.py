"""A place to run in."""

from pathlib import Path

import pytest

from portfold.events.wire.embedded import EmbeddedServer
from tests.cli.run.place import Place


@pytest.fixture
def place(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Place:
    return Place(server.url, portfolio, tmp_path)
