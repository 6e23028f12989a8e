"""The conductor: goes on only when everybody is done, and names who is not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.exchange_time import milliseconds_of
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.driven import DrivenFeed
from portfold.workers.run.conductor import Conductor, ConductorError
from tests.processes import Coordinators
from tests.server import EmbeddedServer

MONDAY = datetime(2025, 1, 6, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


def bar(moment: datetime, close: str = "5990.25") -> Bar:
    price = Decimal(close)
    return Bar("ES", moment, price, price, price, price)


@contextmanager
def worker(server: EmbeddedServer, portfolio: str, seen: list[Bar]) -> Iterator[None]:
    """Somebody who takes the bars of ES, and does nothing with them but keep them."""
    bus = Bus(connect(server.url), portfolio)
    feed = DrivenFeed(bus, "ES", "ibs-ES")

    def take() -> None:
        seen.extend(found for found in feed.bars() if found is not None)

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield
    finally:
        bus.publish(bus.keys.bars, ["end", "true"])
        thread.join(10)
        bus.close()
        assert not thread.is_alive()


def conductor(bus: Bus, *workers: str, patience: float = 10.0) -> Conductor:
    return Conductor(bus, workers, check=lambda: None, patience_seconds=patience)


def test_a_step_is_over_when_the_worker_has_its_bar_and_everything_is_decided(
    bus: Bus, server: EmbeddedServer, portfolio: str, coordinators: Coordinators
) -> None:
    seen: list[Bar] = []
    leader = conductor(bus, "ibs-ES")
    leader.open(MONDAY)
    coordinators.start(clock="driven")
    leader.wait_for_limits()
    with worker(server, portfolio, seen):
        for step in range(1, 4):
            moment = MONDAY + step * HOUR
            leader.play(moment, {"ES": bar(moment)})
            assert seen[-1].time == moment
            head = bus.head()
            assert head is not None
            assert head.cursor == bus.last_event()
            assert head.cursor.ms == milliseconds_of(moment)
    assert bus.status()["current_day"] == "2025-01-06"


def test_every_event_of_a_step_carries_its_time(bus: Bus, coordinators: Coordinators) -> None:
    leader = conductor(bus)
    leader.open(MONDAY)
    coordinators.start(clock="driven")
    leader.wait_for_limits()
    assert {entry.id.ms for entry in bus.events_after(ORIGIN, count=99)} == {milliseconds_of(MONDAY)}


def test_a_worker_that_is_not_done_in_time_is_named(
    bus: Bus, server: EmbeddedServer, portfolio: str, coordinators: Coordinators
) -> None:
    leader = conductor(bus, "ibs-ES", "ibs-CL", patience=4.0)
    leader.open(MONDAY)
    coordinators.start(clock="driven")
    leader.wait_for_limits()
    with (
        worker(server, portfolio, []),
        pytest.raises(ConductorError, match=r"Not done with their bars .*: ibs-CL\."),
    ):
        leader.play(MONDAY + HOUR, {"ES": bar(MONDAY + HOUR)})


def test_without_a_coordinator_it_says_that_there_are_no_limits(bus: Bus) -> None:
    leader = conductor(bus, patience=0.1)
    leader.open(MONDAY)
    with pytest.raises(ConductorError, match="The coordinator has put no limits in force within"):
        leader.wait_for_limits()


def test_whoever_watches_the_processes_ends_every_wait(bus: Bus) -> None:
    class Died(Exception): ...

    def check() -> None:
        raise Died

    leader = Conductor(bus, ["ibs-ES"], check=check, patience_seconds=60)
    leader.open(MONDAY)
    with pytest.raises(Died):
        leader.wait_for_limits()
    with pytest.raises(Died):
        leader.play(MONDAY + HOUR, {})


@pytest.mark.parametrize(("later_ms", "refused"), [(-1, True), (0, True), (1, False)])
def test_simulated_time_must_begin_after_what_is_on_the_log(
    bus: Bus, later_ms: int, *, refused: bool
) -> None:
    conductor(bus).open(MONDAY)
    begin = MONDAY + timedelta(milliseconds=later_ms)
    if refused:
        with pytest.raises(ConductorError, match="use a fresh portfolio"):
            conductor(bus).open(begin)
    else:
        conductor(bus).open(begin)
        assert bus.last_event().ms == milliseconds_of(begin)
