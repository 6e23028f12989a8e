"""What an order to close everything covers: nothing that was entered after it, however late it is heard."""

from typing import Any
from unittest.mock import Mock

import pytest

from portfold.events.incoming import (
    EntryRequested,
    FlattenRequested,
    TradingHalted,
    TradingResumed,
    WorkerStarted,
)
from portfold.events.wire.bus import VIEW
from portfold.events.wire.errors import BusUnreachable
from portfold.workers.brokers.protocol import BrokerError
from portfold.workers.flattener.flattener import NAME
from tests.live import Live
from tests.processes import Coordinators
from tests.seen import spoilt
from tests.workers.flattener.flattener_desk import EVERYTHING, Desk, handed_over


@pytest.mark.parametrize("order", [FlattenRequested, TradingHalted])
def test_an_order_to_close_everything_from_before_its_start_is_taken_up_once_and_a_mere_halt_is_none(
    desk: Desk, coordinators: Coordinators, live: Live, order: Any
) -> None:
    coordinators.start()
    live.hears(order(by="jane", reason="panic"))
    desk.flattener.look_again()
    assert desk.held() == ["CL", "ES", "SI"], "as long as it hears nothing itself"
    desk.bus.beat(NAME, desk.gate.session, 60_000)
    desk.flattener.look_again()
    assert desk.held() == ([] if order is FlattenRequested else ["CL", "ES", "SI"])
    live.hears(TradingResumed(by="jane", reason="over"))
    desk.enters("RTY", 110)
    desk.clock.now = 100
    desk.flattener.look_again()
    assert "RTY" in desk.held()


@pytest.mark.parametrize("left", ["absent", "of an earlier moment", "spoilt"])
def test_it_is_taken_up_by_the_text_where_the_view_cannot_be_read(
    desk: Desk, coordinators: Coordinators, live: Live, client: Any, left: str
) -> None:
    coordinators.start()
    live.all_decided()
    before = client.hget(live.keys.status, VIEW)
    live.hears(FlattenRequested(by="jane", reason="panic"))
    desk.bus.beat(NAME, desk.gate.session, 60_000)
    if left == "absent":
        client.hdel(live.keys.status, VIEW)
    elif left == "spoilt":
        spoilt(client, live.keys.status, "fills_closed_at_once", "perhaps")
    else:
        client.hset(live.keys.status, VIEW, before)
    desk.flattener.look_again()
    assert desk.held() == []


def test_a_late_fill_is_closed_where_it_cannot_be_read_whether_entries_are_allowed(
    desk: Desk, coordinators: Coordinators, live: Live, client: Any
) -> None:
    coordinators.start()
    event = live.publishes(FlattenRequested(by="jane", reason="panic"))
    live.decided(event)
    order = EVERYTHING._replace(event=event)
    desk.flattener.flatten(order)
    desk.enters("SI", 90)
    spoilt(client, live.keys.status, "halt", "perhaps")
    desk.flattener.flatten(order)
    assert desk.held() == []


def test_an_order_that_still_stands_closes_nothing_that_was_entered_after_a_resume(
    desk: Desk, live: Live, coordinators: Coordinators
) -> None:
    coordinators.start()
    desk.broker.refuses = frozenset({"CL"})
    event = live.publishes(FlattenRequested(by="jane", reason="panic"))
    live.decided(event)
    order = EVERYTHING._replace(event=event)
    with pytest.raises(BrokerError):
        desk.flattener.flatten(order)
    desk.enters("SI", 90)
    desk.clock.now = 100
    desk.flattener.look_again()
    assert desk.held() == ["CL"], "halted: what still fills is closed as well"
    live.hears(TradingResumed(by="jane", reason="over"))
    desk.enters("ES", 110)
    desk.broker.refuses = frozenset()
    desk.clock.now = 200
    desk.flattener.look_again()
    assert desk.held() == ["ES"], (
        "what was open at the order is closed, and what came after the resume is not"
    )
    desk.flattener.flatten(order)
    assert desk.held() == ["ES"], "nor when the same order is brought again"


@pytest.mark.parametrize("away", [False, True])
def test_nor_what_was_entered_between_a_resume_and_a_later_halt(
    desk: Desk, live: Live, coordinators: Coordinators, monkeypatch: pytest.MonkeyPatch, *, away: bool
) -> None:
    coordinators.start()
    desk.broker.refuses = frozenset({"CL"})
    event = live.publishes(FlattenRequested(by="jane", reason="panic"))
    live.decided(event)
    order = EVERYTHING._replace(event=event)
    with pytest.raises(BrokerError):
        desk.flattener.flatten(order)
    live.hears(TradingResumed(by="jane", reason="over"))
    live.hears(WorkerStarted("ibs-ES", "s1", 1, symbols="ES"))
    live.hears(EntryRequested("ibs-ES", "s1", 2, "ES", "long", 1))
    desk.enters("ES", 110)
    live.hears(TradingHalted(by="jane", reason="lunch"))
    desk.broker.refuses = frozenset()
    desk.clock.now = 100
    if away:  # just when it is asked which entries were allowed: nothing is closed on a guess
        with monkeypatch.context() as while_away:
            while_away.setattr(desk.bus, "decisions_after", Mock(side_effect=BusUnreachable("no answer")))
            desk.flattener.look_again()
        assert "ES" in desk.held()
        desk.clock.now = 200
    desk.flattener.look_again()
    assert desk.held() == ["ES"], "no entries are allowed, and yet it is none of that order's"


def test_nor_does_an_order_that_is_heard_late_cover_what_was_allowed_after_it(
    desk: Desk, live: Live, coordinators: Coordinators
) -> None:
    coordinators.start()
    event = live.publishes(FlattenRequested(by="jane", reason="panic"))
    live.hears(TradingResumed(by="jane", reason="over"))
    live.hears(WorkerStarted("ibs-ES", "s1", 1, symbols="ES"))
    live.hears(EntryRequested("ibs-ES", "s1", 2, "ES", "long", 1))
    desk.flattener.flatten(EVERYTHING._replace(event=event))
    assert desk.held() == ["ES"]


def test_what_is_handed_over_is_not_what_its_owner_enters_later(
    desk: Desk, coordinators: Coordinators, live: Live
) -> None:
    coordinators.start()
    live.all_decided()
    order = handed_over("CL", "ES")
    desk.broker.refuses = frozenset({"CL"})
    with pytest.raises(BrokerError):
        desk.flattener.flatten(order)
    desk.enters("ES", 110)
    desk.broker.refuses = frozenset()
    desk.flattener.flatten(order)
    assert desk.held() == ["ES", "SI"]
