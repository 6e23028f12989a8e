"""A trading floor."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.workers.run.entry_floor import Floor


@pytest.fixture
def floor(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Floor]:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    with coordinating(server.url, portfolio):
        opened = Floor(server.url, portfolio, tmp_path)
        with opened.gate:
            yield opened
        opened.close()
