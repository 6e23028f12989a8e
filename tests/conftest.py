"""What every test may use: one real server for the run, and a portfolio of its own for each test."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from hypothesis import settings

from events.embedded import EmbeddedServer

# No deadline: a busy machine is no failure. The blob lets anyone replay a failing example.
settings.register_profile("portfold", deadline=None, derandomize=False, print_blob=True)
settings.load_profile("portfold")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A running server, the same for all tests: touch only the keys of your `portfolio`."""
    with EmbeddedServer(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def portfolio() -> str:
    """A portfolio name that no other test uses."""
    return f"test-{uuid4().hex[:12]}"
