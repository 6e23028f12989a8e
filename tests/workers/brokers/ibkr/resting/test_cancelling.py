"""What is at work at Interactive Brokers when everything is flattened: ended, left to the exit, or named."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.workers.brokers.ibkr.broker import InteractiveBrokers
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition, NotOpen, OrderUnknown
from tests.waiting import until
from tests.workers.brokers.ibkr.tws_desk import PRICE, SHORT, Desk

QUICK = SHORT._replace(lists=20.0, cancel=20.0)


def waiting_entry(desk: Desk, owner: str = "ibs-ES") -> InteractiveBrokers:
    """A broker whose entry works on, as its cancellation was lost: nobody waits for it any more."""
    broker = desk.broker(owner, waits=SHORT._replace(lists=20.0))
    desk.exchange.fills = "on order"
    desk.gateway.misbehaviour.cancels = "swallowed"
    with pytest.raises(OrderUnknown):
        broker.enter("ES", "long", 2, PRICE)
    desk.gateway.misbehaviour.cancels = "taken"
    return broker


@pytest.mark.parametrize("client_id", [0, 7])
def test_a_resting_entry_of_somebody_else_is_ended_when_everything_is(desk: Desk, client_id: int) -> None:
    broker = desk.broker(waits=QUICK)
    desk.exchange.rests_elsewhere("CLF6", 1, "60", client_id)
    assert broker.cancel_working() == []
    assert desk.exchange.working() == []
    assert "some are of unknown origin" in desk.said()


def test_where_nothing_is_at_work_nothing_is_asked_for(desk: Desk) -> None:
    broker = desk.broker(waits=QUICK)
    assert broker.cancel_working() == []
    assert "cancel" not in desk.said().lower()


def test_of_several_accounts_none_loses_its_orders_and_what_is_at_work_is_named(tmp_path: Path) -> None:
    desk = Desk(tmp_path, accounts=("DU1234567", "DU7654321"))
    try:
        broker = desk.broker(waits=SHORT._replace(lists=20.0), account="DU1234567")
        desk.exchange.rests_elsewhere("CLF6", 1, "60", 7)
        desk.exchange.rests_elsewhere("CLF6", 1, "60", 8, "DU7654321")
        assert broker.cancel_working() == ["BUY 1 CL LMT of client 7"]
        assert len(desk.exchange.working()) == 2
    finally:
        desk.close()


def test_a_stop_beside_what_is_open_and_an_exit_at_work_are_not_aimed_at(desk: Desk) -> None:
    broker = desk.holding(1, waits=SHORT._replace(lists=20.0))
    broker.enter("ES", "long", 1, PRICE, stop_distance=Decimal(5))
    until(lambda: any(each.rests for each in broker.open_orders()), "the stop")
    desk.exchange.fills = "on order"
    with pytest.raises(OrderUnknown):
        broker.exit("ES", "long", 2, None)
    assert broker.cancel_working() == []
    assert sorted(each.kind for each in desk.exchange.working()) == ["MKT", "STP"]


def test_an_exit_ends_the_owners_entry_that_nobody_waits_for(desk: Desk) -> None:
    broker = waiting_entry(desk)
    assert [held.size for held in broker.positions()] == [2]
    with pytest.raises(NotOpen):
        broker.exit("ES", "long", 2, None)
    assert (desk.exchange.working(), broker.positions()) == ([], [])


def test_an_entry_that_was_filled_before_its_cancellation_came_is_closed(desk: Desk) -> None:
    broker = waiting_entry(desk)
    desk.gateway.misbehaviour.cancels = "too late"
    with ThreadPoolExecutor(1) as pool:
        leaving = pool.submit(broker.exit, "ES", "long", 2, None)
        until(lambda: desk.exchange.size("ESZ5") == 2, "the late fill")
        desk.exchange.fills = "at once"
        desk.exchange.trade("ESZ5", "5000")
        leaving.exception(60)
    until(lambda: not broker.positions() or _closed(broker), "the exit")
    assert (desk.exchange.size("ESZ5"), desk.exchange.working()) == (0, [])


def _closed(broker: InteractiveBrokers) -> bool:
    try:
        return [broker.exit(held.symbol, held.side, held.size, None) for held in broker.positions()] != []
    except BrokerError:
        return False


def test_the_entry_of_a_dead_process_is_ended_in_its_place(desk: Desk) -> None:
    desk.end(waiting_entry(desk))
    flattener = desk.broker("flattener", waits=QUICK)
    assert flattener.cancel_working() == []
    assert (desk.exchange.working(), flattener.positions()) == ([], [])
    assert "of unknown origin" not in desk.said()


def test_the_entry_of_a_living_process_is_its_own_to_end_and_named_until_then(desk: Desk) -> None:
    owner = waiting_entry(desk)
    flattener = desk.broker("flattener", waits=SHORT)
    (left,) = flattener.cancel_working()
    assert "enter long 2 ESZ2025 of ibs-ES" in left
    with pytest.raises(NotOpen):
        owner.exit("ES", "long", 2, None)
    assert flattener.cancel_working() == []


def test_tws_gone_in_the_middle_of_a_flatten_ends_with_neither_positions_nor_orders(desk: Desk) -> None:
    """Cancelled, then gone: the exit cannot go out. With TWS there are the exit, and what came meanwhile."""
    broker = desk.holding(1)
    desk.exchange.rests_elsewhere("CLF6", 1, "60", 7)
    until(lambda: _all_ended(broker), "the end of what rested")
    desk.gateway.stop()
    with pytest.raises(BrokerError):
        broker.exit("ES", "long", 1, None)
    with pytest.raises(BrokerError):
        broker.cancel_working()
    desk.exchange.rests_elsewhere("CLF6", 1, "60", 8)
    desk.gateway.start()
    until(lambda: not broker.positions() or _closed(broker), "the exit")
    until(lambda: _all_ended(broker), "the end of what came meanwhile")
    assert (desk.exchange.size("ESZ5"), desk.exchange.working()) == (0, [])


def _all_ended(broker: InteractiveBrokers) -> bool:
    try:
        return broker.cancel_working() == []
    except BrokerError:
        return False


def test_what_an_order_of_somebody_else_was_filled_with_can_be_taken_over_and_closed(desk: Desk) -> None:
    broker = desk.broker("flattener", waits=QUICK)
    desk.exchange.rests_elsewhere("ESZ5", 1, "4990", 7)
    desk.exchange.trade("ESZ5", "4990")  # before it could be cancelled
    assert broker.cancel_working() == []
    broker.adopt(BrokerPosition("account", "ES", "long", 1, Decimal(4990), Decimal(0)))
    assert [fill.size for fill in broker.flatten(owner="account")] == [1]
    assert desk.exchange.size("ESZ5") == 0
