"""What the account holds and no order of ours entered, closed at the broker and never beyond that."""

from decimal import Decimal

import pytest

from portfold.events.account import ACCOUNT
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition, can_adopt
from tests.workers.brokers.ibkr.tws_desk import Desk


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


def test_what_somebody_closed_by_hand_meanwhile_is_not_closed_again(desk: Desk) -> None:
    broker = desk.broker()
    broker.adopt(of_the_account(2))
    with pytest.raises(BrokerError, match="an exit would open the other way"):
        broker.exit("ES", "long", 2, None, owner=ACCOUNT)
    assert desk.exchange.size("ESZ5") == 0
