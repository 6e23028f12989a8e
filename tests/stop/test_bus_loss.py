"""A worker that cannot reach the bus: no entries, exits as ever, and after a while what `on_bus_loss` says.

The server is this test's own, and really killed. What was done meanwhile is on the log once, when it is back.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.live import Live
from tests.processes import Coordinators
from tests.server import EmbeddedServer
from tests.stop.floor import Floor, Role, ToldWorker
from tests.waiting import until

PATIENT: dict[str, Any] = {"answer_seconds": 2, "heartbeat_seconds": 0.1, "worker_lost_seconds": 30}


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path / "own") as running:
        yield running


@pytest.fixture
def floor(
    tmp_path: Path, own_server: EmbeddedServer, coordinators: Coordinators, portfolio: str, client: Any
) -> Iterator[Floor]:
    bus = Bus(connect(own_server.url), portfolio)
    opened = Floor(tmp_path / "floor", own_server.url, Live(bus, client), coordinators)
    yield opened
    opened.end()
    bus.close()


def with_a_position(floor: Floor, on_bus_loss: Literal["hold", "flatten"]) -> ToldWorker:
    floor.configure(**PATIENT, bus_loss_seconds=0.5, on_bus_loss=on_bus_loss)
    [worker] = floor.opens(Role("ES"))
    worker.enters(5000)
    return worker


def test_the_worker_denies_itself_entries_and_exits_still_go_to_the_broker(
    floor: Floor, own_server: EmbeddedServer
) -> None:
    worker = with_a_position(floor, "hold")
    own_server.kill()
    worker.does("exit", 5001)
    assert floor.held() == []
    assert floor.unreported() == ["ES:ibs-ES"], "the broker keeps what is not on the log yet"
    worker.does("enter", 5001)
    worker.says("Entry denied: ES long 1 | bus_unreachable | ")
    assert floor.held() == []

    own_server.restart()
    on_the_log_once(floor, reason="told to")


def test_after_a_while_positions_are_closed_where_the_configuration_says_so(
    floor: Floor, own_server: EmbeddedServer
) -> None:
    worker = with_a_position(floor, "flatten")
    own_server.kill()
    until(lambda: floor.held() == [], "the position to be closed")
    assert worker.says("Without the bus for too long")["positions_are_now"] == "closed"
    own_server.restart()
    on_the_log_once(floor, reason="bus lost")


def test_or_held_where_it_says_that(floor: Floor, own_server: EmbeddedServer) -> None:
    worker = with_a_position(floor, "hold")
    own_server.kill()
    assert worker.says("Without the bus for too long")["positions_are_now"] == "held"
    assert floor.held() == ["ES:ibs-ES"]
    own_server.restart()
    worker.does("mark", 5002)
    until(lambda: floor.by("PositionMarked", worker), "the worker to be back")
    floor.live.all_decided()
    assert floor.live.open == ["ES:long:1"]
    assert floor.held() == ["ES:ibs-ES"]


def test_a_worker_that_starts_without_a_bus_closes_too_what_it_finds(
    floor: Floor, own_server: EmbeddedServer
) -> None:
    with_a_position(floor, "flatten").kill()
    own_server.kill()
    floor.worker_unheard(Role("ES"))
    until(lambda: floor.held() == [], "the position to be closed")
    own_server.restart()
    on_the_log_once(floor, reason="bus lost")


def on_the_log_once(floor: Floor, reason: str) -> None:
    """The close is reported once, decided on, and the broker keeps nothing of it; so nor will a restart."""
    until(lambda: floor.live.said("PositionClosed"), "the report")
    until(lambda: floor.unreported() == [], "the broker to be told")
    floor.live.all_decided()
    assert [close["reason"] for close in floor.live.said("PositionClosed")] == [reason]
    assert floor.live.open == []
    assert floor.decided("EventRejected") == []
    assert floor.decided("PositionMismatch") == []
