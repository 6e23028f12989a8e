"""A portfolio that is led, and a dashboard of it that everybody on this machine may see."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.dashboard.visitor import Served, served, users_file
from tests.live import Live
from tests.processes import Coordinators
from tests.server import EmbeddedServer


@pytest.fixture
def led(live: Live, coordinators: Coordinators) -> Live:
    """The portfolio, with a coordinator that leads."""
    coordinators.start()
    return live


@pytest.fixture
def dashboard(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Iterator[Served]:
    """A dashboard without users: whoever comes by the printed address may look."""
    with served(server, portfolio, tmp_path) as serving:
        yield serving


@pytest.fixture
def desk(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Iterator[Served]:
    """A dashboard with users, jane who may give orders and joe who may look, started with --operate."""
    file = users_file(tmp_path, [("jane", "operator"), ("joe", "viewer")])
    with served(server, portfolio, tmp_path, "--users", str(file), "--operate") as serving:
        yield serving
