"""A page shorter than asked for is not the last: where entries are large, the server hangs up on more."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from portfold.coordinator.views.overview import backlog_of
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus, Head
from portfold.events.wire.connection import connect
from portfold.workers.flattener.allowed_since import allowed_since
from tests.server import EmbeddedServer

MOST_AT_ONCE = 300_000
LARGE = "x" * 100_000
COUNT = 4


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Bus]:
    """A portfolio on a server that hangs up on whoever reads much at once."""
    with EmbeddedServer(tmp_path / "server") as server:
        client = connect(server.url)
        client.config_set("client-output-buffer-limit", f"normal {MOST_AT_ONCE} 0 0")
        opened = Bus(client, "main")
        yield opened
        opened.close()


def test_all_that_waits_is_counted_and_so_nothing_is_taken_for_lost(narrow: Bus) -> None:
    for _ in range(COUNT):
        narrow.append(["type", "ClockTicked", "too", LARGE])
    assert 0 < len(narrow.events_after(ORIGIN, count=1000)) < COUNT
    backlog = backlog_of(narrow, Head(0, ORIGIN, ""), narrow.now_ms())
    assert (backlog.events, backlog.more, backlog.lost) == (COUNT, False, "")


def test_whose_entry_was_allowed_is_known_from_the_last_page_too(narrow: Bus) -> None:
    for number in range(COUNT):
        said = ["type", "EntryAllowed", "worker", f"w{number}", "symbol", "ES", "reason", LARGE]
        narrow.publish(narrow.keys.decisions, said)
    assert len(allowed_since(narrow, ORIGIN, structlog.get_logger())) == COUNT
