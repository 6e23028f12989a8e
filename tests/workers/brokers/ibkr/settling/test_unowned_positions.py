"""What the account holds and no order of ours entered, closed at the broker and never beyond that."""

from decimal import Decimal

import pytest

from portfold.events.account import ACCOUNT
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition, OrderUnknown, can_adopt
from tests.waiting import until
from tests.workers.brokers.ibkr.tws_desk import PRICE, SHORT, Desk


def of_the_account(size: int) -> BrokerPosition:
    return BrokerPosition(ACCOUNT, "ES", "long", size, Decimal(5000), Decimal(0))


def test_it_is_closed_at_the_broker(desk: Desk) -> None:
    broker = desk.broker()
    desk.exchange.by_hand("ESZ5", 2)
    adopt = can_adopt(broker)
    assert adopt is not None
    adopt(of_the_account(2))
    fill = broker.exit("ES", "long", 2, None, owner=ACCOUNT).fills[0]
    assert (fill.owner, fill.size, desk.exchange.size("ESZ5")) == (ACCOUNT, 2, 0)
    assert broker.unreported_exits(ACCOUNT) == [fill]


def test_it_is_closed_in_the_month_that_the_account_has_it_in(desk: Desk) -> None:
    worker = desk.broker("ibs-ES")
    worker.enter("ES", "long", 1, PRICE)  # of December, as is traded today
    flattener = desk.broker("flattener")
    desk.exchange.by_hand("ESH6", 2)
    flattener.adopt(of_the_account(2))
    assert [fill.size for fill in flattener.flatten(owner=ACCOUNT)] == [2]
    assert (desk.exchange.size("ESH6"), desk.exchange.size("ESZ5")) == (0, 1)
    assert [held.owner for held in flattener.positions()] == ["ibs-ES"]


def test_of_several_months_each_is_closed_in_its_own_and_nothing_that_a_worker_has(desk: Desk) -> None:
    desk.broker("ibs-ES").enter("ES", "long", 1, PRICE)
    flattener = desk.broker("flattener")
    desk.exchange.by_hand("ESZ5", 1)
    desk.exchange.by_hand("ESH6", 1)
    flattener.adopt(of_the_account(2))
    for left in (1, 0):
        assert [fill.size for fill in flattener.flatten(owner=ACCOUNT)] == [1]
        assert sum(held.size for held in flattener.positions(ACCOUNT)) == left
    assert (desk.exchange.size("ESH6"), desk.exchange.size("ESZ5")) == (0, 1)


def test_its_exit_that_works_on_is_waited_for_whatever_the_month(desk: Desk) -> None:
    flattener = desk.broker("flattener", waits=SHORT._replace(lists=20.0))
    desk.exchange.by_hand("ESH6", 1)
    flattener.adopt(of_the_account(1))
    desk.exchange.open_hours("closed")
    for _ in range(2):
        with pytest.raises(OrderUnknown):
            flattener.flatten(owner=ACCOUNT)
    desk.exchange.open_hours("regular")
    until(lambda: not flattener.positions(), "the exit")
    assert (desk.exchange.size("ESH6"), desk.sent()) == (0, 2)  # by hand, and the exit


def test_what_is_there_of_a_worker_is_not_closed_for_it(desk: Desk) -> None:
    desk.broker("ibs-ES").enter("ES", "long", 1, PRICE)
    flattener = desk.broker("flattener")
    flattener.adopt(of_the_account(1))  # which somebody has closed by hand meanwhile
    with pytest.raises(BrokerError, match="but what others have in the book"):
        flattener.flatten(owner=ACCOUNT)
    assert desk.exchange.size("ESZ5") == 1


def test_what_somebody_closed_by_hand_meanwhile_is_not_closed_again(desk: Desk) -> None:
    broker = desk.broker()
    broker.adopt(of_the_account(2))
    with pytest.raises(BrokerError, match="an exit would open the other way"):
        broker.exit("ES", "long", 2, None, owner=ACCOUNT)
    assert desk.exchange.size("ESZ5") == 0
