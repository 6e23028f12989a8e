"""A broker that fails during an entry or an exit: what is given back, and what is tried again."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from portfold.events.stream_id import StreamId
from portfold.workers.brokers.protocol import (
    BrokerError,
    FillAt,
    OrderUnknown,
)
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.feeds.bar import Bar
from portfold.workers.run.process import _trade
from portfold.workers.strategies.intent import Enter, Exit
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.workers.brokers.desk import locked
from tests.workers.run.entry_floor import Floor, bar


def test_a_book_that_is_locked_for_a_while_ends_no_worker(floor: Floor, live: Live) -> None:
    floor.bar(0, Enter("long", 1))
    with locked(floor.book):
        floor.bar(1, Exit("ibs"))
    assert "The broker failed when it took note of the last price" in floor.said.getvalue()
    assert len(floor.broker.positions()) == 1
    floor.bar(2)
    assert (floor.broker.positions(), floor.strategy.shown) == ([], [None, 1, 2])
    with locked(floor.book):
        floor.bar(3, Enter("long", 1))
    floor.bar(4, Enter("long", 1))
    live.all_decided()
    assert (live.status()["open_positions"], live.status()["slots_used"]) == ("ES", "1")


def tries(floor: Floor, seconds: float) -> int:
    """How often the exit is tried within so many seconds without a bar, looked at four times a second."""
    floor.steps.clear()
    for _ in range(round(seconds * 4)):
        floor.clock.passed += 0.25
        floor.trader.between_bars()
    return floor.steps.count("exit")


def test_an_exit_that_the_broker_did_not_do_is_tried_again_within_seconds(floor: Floor, live: Live) -> None:
    floor.bar(0, Enter("long", 1))
    floor.broker.refused_exits = BrokerError("Too many requests")
    floor.bar(1, Exit("ibs"))
    assert tries(floor, 2.5) == 1
    assert tries(floor, 60) in (4, 5)  # at growing pauses
    floor.broker.silent = True
    assert tries(floor, 120) == 0
    floor.broker.silent, floor.broker.refused_exits = False, None
    assert tries(floor, 60.5) == 1
    assert floor.broker.positions() == []
    assert tries(floor, 120) == 0
    live.all_decided()
    assert [close["reason"] for close in live.said("PositionClosed")] == ["ibs"]


def test_a_workers_process_tries_it_while_no_bar_comes(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    with coordinating(server.url, portfolio):
        floor = Floor(server.url, portfolio, tmp_path)

        def bars() -> Iterator[Bar | None]:
            floor.strategy.next = [Enter("long", 1), Exit("ibs")]
            yield bar(0)
            floor.broker.refused_exits = BrokerError("Too many requests")
            yield bar(1)
            floor.broker.refused_exits = None
            floor.clock.passed += 3
            yield None
            assert floor.broker.positions() == []

        _trade(floor.gate, floor.trader, bars(), threading.Event(), floor.log, driven=False)
        assert floor.steps.count("exit") == 2
        floor.close()


def test_an_exit_of_which_nobody_knows_waits_for_the_next_bar(floor: Floor) -> None:
    floor.bar(0, Enter("long", 1))
    floor.broker.refused_exits = OrderUnknown("No answer")
    floor.bar(1, Exit("ibs"))
    assert tries(floor, 120) == 0
    floor.broker.refused_exits = None
    floor.bar(2)
    assert floor.broker.positions() == []


def test_what_was_flattened_meanwhile_is_not_left_again(floor: Floor) -> None:
    floor.bar(0, Enter("long", 1))
    floor.broker.refused_exits = BrokerError("Too many requests")
    floor.bar(1, Exit("ibs"))
    floor.broker.refused_exits = None
    floor.trader.flatten(FlattenOrder("1-0", StreamId(1, 0), "daily stop loss", everything=True))
    assert tries(floor, 120) == 0


def test_a_disk_that_is_full_opens_nothing_and_stops_no_exit(
    floor: Floor, live: Live, tmp_path: Path
) -> None:
    floor.bar(0, Enter("long", 1))
    (tmp_path / "progress.json.new").mkdir()  # so that nothing can be written there, by whomever
    floor.bar(1, Exit("ibs"))
    assert floor.broker.positions() == []
    floor.bar(2, Enter("long", 1))
    assert "A bar is not noted, so nothing is opened" in floor.said.getvalue()
    (tmp_path / "progress.json.new").rmdir()
    live.all_decided()
    assert len(live.said("EntryRequested")) == 1
    floor.bar(3, Enter("long", 1))
    assert len(floor.broker.positions()) == 1


def test_a_broker_that_cannot_say_what_is_held_opens_nothing_and_the_exit_waits(
    floor: Floor, live: Live
) -> None:
    floor.bar(0, Enter("long", 1))
    floor.bar(1)
    floor.broker.silent = True
    floor.bar(2, Enter("long", 1))
    floor.bar(3, Exit("ibs"))
    floor.broker.silent = False
    assert floor.strategy.shown == [None, 1, 1, 1]  # as it was last known
    floor.bar(4)
    assert floor.broker.positions() == []
    live.all_decided()
    assert len(live.said("EntryRequested")) == 1


@pytest.mark.parametrize("fill_at", ["mark", "next_bar"])
def test_a_broker_that_cannot_say_what_is_held_after_a_start_is_asked_again(
    floor: Floor, fill_at: FillAt
) -> None:
    floor.bar(0, Enter("long", 1))
    floor.begin(fill_at=fill_at)
    floor.broker.silent = True
    floor.bar(1, Exit("ibs"))
    floor.broker.silent = False
    floor.bar(2)
    floor.bar(3)
    assert floor.broker.positions() == []
