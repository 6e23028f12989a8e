"""Orders at work while everything is closed: cancelled before and after it, and never in its way."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portfold.events.incoming import FlattenRequested, TradingResumed
from portfold.events.wire.bus import Bus
from portfold.workers.brokers.order import ExitFill, OrderOutcome
from portfold.workers.brokers.protocol import BrokerError
from portfold.workers.flattener.side_by_side import NotDone
from tests.live import Live
from tests.processes import Coordinators
from tests.server import EmbeddedServer
from tests.workers.flattener.flattener_desk import EVERYTHING, Desk, MoodyBroker, handed_over


class Resting(MoodyBroker):
    """Notes when it cancels and closes; `rests` is what cannot be cancelled."""

    rests: tuple[str, ...] = ()
    gone = False
    done: list[str]
    hangs_over_lists: threading.Event | None = None

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        self.done = []

    def cancel_working(self) -> list[str]:
        if self.gone:
            raise BrokerError("No connection")
        if self.hangs_over_lists is not None:
            self.hangs_over_lists.wait(60)
        self.done.append("cancelled")
        return list(self.rests)

    def exit(self, symbol: str, *order: object, **owner: object) -> OrderOutcome[ExitFill]:
        self.done.append("closed")
        return super().exit(symbol, *order, **owner)


@pytest.fixture
def desk(tmp_path: Path, server: EmbeddedServer, bus: Bus) -> Iterator[Desk]:
    made = Desk(tmp_path, server, bus, Resting)
    yield made
    made.close()


@pytest.fixture
def broker(desk: Desk) -> Resting:
    assert isinstance(desk.broker, Resting)
    return desk.broker


def test_all_that_is_at_work_is_cancelled_before_and_after_everything_is_closed(
    desk: Desk, broker: Resting
) -> None:
    desk.flattener.flatten(EVERYTHING)
    assert broker.done == ["cancelled", "closed", "closed", "closed", "cancelled"]


def test_where_a_few_legs_are_handed_over_nobody_elses_orders_are_touched(
    desk: Desk, broker: Resting
) -> None:
    desk.flattener.flatten(handed_over("ES"))
    assert broker.done == ["closed"]


def test_what_is_still_at_work_then_is_a_failure_and_tried_again(desk: Desk, broker: Resting) -> None:
    broker.rests = ("BUY 1 CL LMT of client 7",)
    with pytest.raises(BrokerError, match="Still at work at the broker: BUY 1 CL LMT of client 7"):
        desk.flattener.flatten(EVERYTHING)
    assert desk.held() == []
    desk.clock.now = 100
    desk.flattener.look_again()
    broker.rests, before = (), len(broker.done)
    desk.clock.now = 200
    desk.flattener.look_again()
    assert broker.done[before:] == ["cancelled", "cancelled"]
    desk.clock.now = 300
    desk.flattener.look_again()
    assert len(broker.done) == before + 2, "the order has ended"


def test_a_broker_that_cannot_cancel_just_now_holds_up_no_close(desk: Desk, broker: Resting) -> None:
    broker.gone = True
    with pytest.raises(BrokerError, match="No connection"):
        desk.flattener.flatten(EVERYTHING)
    assert (broker.done, desk.held()) == (["closed"] * 3, [])


def test_a_cancellation_that_hangs_holds_up_no_close(desk: Desk, broker: Resting) -> None:
    broker.hangs_over_lists = threading.Event()
    with pytest.raises(NotDone, match="not done within"):
        desk.flattener.flatten(EVERYTHING)
    assert desk.held() == []
    broker.hangs_over_lists.set()


def test_after_a_resume_nothing_is_cancelled_any_more(
    desk: Desk, broker: Resting, coordinators: Coordinators, live: Live
) -> None:
    coordinators.start()
    live.hears(FlattenRequested(by="jane", reason="panic"))
    broker.rests = ("BUY 1 CL LMT of client 7",)
    with pytest.raises(BrokerError, match="Still at work"):
        desk.flattener.flatten(EVERYTHING)
    live.hears(TradingResumed(by="jane", reason="over"))
    live.all_decided()
    before = len(broker.done)
    desk.clock.now = 100
    desk.flattener.look_again()
    assert len(broker.done) == before
