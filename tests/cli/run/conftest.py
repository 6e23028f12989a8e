"""A place to run in."""

from pathlib import Path

import pytest

from tests.cli.run.place import Place
from tests.server import EmbeddedServer


@pytest.fixture
def place(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Place:
    return Place(server.url, portfolio, tmp_path)
