"""What every test may use: one real server for the run, and a portfolio of its own for each test."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import settings
from redis import Redis

from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.live import Live
from tests.longest_first import longest_first
from tests.processes import Coordinators
from tests.server import EmbeddedServer

# No deadline: a busy machine is no failure. The blob lets anyone replay a failing example.
settings.register_profile("portfold", deadline=None, derandomize=False, print_blob=True)
settings.load_profile("portfold")

# Whoever starts the tests in the background may have Ctrl-C ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of several workers each begins with its share of what takes long."""
    if workers := getattr(config, "workerinput", {}).get("workercount"):
        usual = float(config.getini("timeout"))
        items[:] = longest_first(items, usual_seconds=usual, workers=workers)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A running server, the same for all tests: touch only the keys of your `portfolio`."""
    with EmbeddedServer(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def portfolio() -> str:
    """A portfolio name that no other test uses."""
    return f"test-{uuid4().hex[:12]}"


@pytest.fixture
def client(server: EmbeddedServer) -> Iterator[Any]:
    """A plain client of the server, as `redis-cli` is one."""
    with Redis.from_url(server.url, decode_responses=True, socket_timeout=10) as plain:
        yield plain


@pytest.fixture
def bus(server: EmbeddedServer, portfolio: str) -> Iterator[Bus]:
    """The test's portfolio on the server."""
    opened = Bus(connect(server.url), portfolio)
    yield opened
    opened.close()


@pytest.fixture
def coordinators(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Iterator[Coordinators]:
    """Starts coordinators of the test's portfolio as processes of their own, and ends them with the test."""
    started = Coordinators(tmp_path / "coordinators", server.url, portfolio)
    yield started
    started.end()


@pytest.fixture
def live(bus: Bus, client: Any) -> Live:
    """The test's portfolio, to say things to and to read."""
    return Live(bus, client)
