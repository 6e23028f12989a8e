"""Coordinators in a thread of the test, begun and begun again."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import pytest

from tests.coordinator.process.leaders import Starter
from tests.live import Live
from tests.processes import CoordinatorThread, coordinating
from tests.server import EmbeddedServer


@pytest.fixture
def start(server: EmbeddedServer, portfolio: str) -> Iterator[Starter]:
    with ExitStack() as until_the_end:

        def started(
            config: Path | None = None, *, clock: Literal["server", "driven"] = "server", url: str = ""
        ) -> CoordinatorThread:
            until_the_end.close()
            leader = coordinating(url or server.url, portfolio, config=config, clock=clock)
            return until_the_end.enter_context(leader)

        yield started


@pytest.fixture
def led(start: Starter, live: Live) -> Live:
    """The test's portfolio with a coordinator."""
    start()
    return live
