"""A portfolio with a past, and a folder for its archive."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.archive.past import Past
from tests.server import EmbeddedServer


@pytest.fixture
def past(server: EmbeddedServer, portfolio: str, client: Any) -> Iterator[Past]:
    """The test's portfolio, so far without events."""
    told = Past(server.url, portfolio, client)
    yield told
    told.bus.close()


@pytest.fixture
def other(server: EmbeddedServer, portfolio: str, client: Any) -> Iterator[Past]:
    """Another portfolio on the same server."""
    told = Past(server.url, f"other-{portfolio}", client)
    yield told
    told.bus.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the archive goes; not there yet."""
    return tmp_path / "archive"
