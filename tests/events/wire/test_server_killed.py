"""What a server loses when its process is killed with -9: nothing it acknowledged, if it syncs always."""

import threading
from pathlib import Path

import pytest
from redis import Redis

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import AppendFsync
from portfold.events.wire.errors import BusError
from tests.server import EmbeddedServer
from tests.waiting import until

WRITERS = 4
WRITTEN_BEFORE = 300


def written_until_killed(server: EmbeddedServer) -> list[StreamId]:
    """What several writers at a time were told is on the log, when the server was killed under them."""
    acknowledged: list[StreamId] = []

    def write() -> None:
        bus = Bus(connect(server.url, timeout_seconds=5), "killed")
        try:
            while True:
                acknowledged.append(bus.append(["type", "ClockTicked"]))
        except BusError:
            bus.close()

    writers = [threading.Thread(target=write) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    until(lambda: len(acknowledged) >= WRITTEN_BEFORE, "something to lose")
    server.kill()
    for writer in writers:
        writer.join()
    return acknowledged


def still_there(server: EmbeddedServer) -> set[StreamId]:
    bus = Bus(connect(server.url), "killed")
    found = {entry.id for entry in bus.events_after(ORIGIN, count=1_000_000)}
    bus.close()
    return found


@pytest.mark.parametrize("appendfsync", ["always", "no"])
def test_what_was_acknowledged_and_is_written_before_that_survives_its_process(
    tmp_path: Path, appendfsync: AppendFsync
) -> None:
    with EmbeddedServer(tmp_path, appendfsync=appendfsync) as server:
        acknowledged = written_until_killed(server)
        server.restart()
        assert set(acknowledged) <= still_there(server)


def test_synced_every_second_it_may_lose_its_end_and_nothing_else(tmp_path: Path) -> None:
    """While a sync is under way it acknowledges what it has not even handed to the operating system."""
    with EmbeddedServer(tmp_path, appendfsync="everysec") as server:
        acknowledged = set(written_until_killed(server))
        server.restart()
        there = still_there(server)
        assert there == {event for event in acknowledged | there if event <= max(there, default=ORIGIN)}


def test_without_an_append_only_file_everything_since_the_last_snapshot_is_gone(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        with Redis.from_url(server.url) as client:
            client.config_set("appendonly", "no")
        acknowledged = written_until_killed(server)
        server.restart()
        assert not set(acknowledged) & still_there(server)
