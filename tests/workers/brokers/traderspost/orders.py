"""Orders to TradersPost, and what its server saw of them."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.workers.brokers.protocol import (
    BrokerPosition,
    OrderUnknown,
)
from portfold.workers.brokers.traderspost.broker import TradersPost
from tests.workers.brokers.desk import Desk
from tests.workers.brokers.traderspost.webhook_server import resets

PRICE = Decimal("71.25")


def leg(size: int, price: str, owner: str = "ibs-CL", side: Any = "long") -> BrokerPosition:
    return BrokerPosition(owner, "CL", side, size, Decimal(price), Decimal("2.50") * size, "CLZ2025")


def unknown_entry(broker: TradersPost, desk: Desk) -> None:
    desk.server.behaves(resets)
    with pytest.raises(OrderUnknown):
        broker.enter("CL", "long", 1, PRICE)


def two_owners(desk: Desk) -> tuple[TradersPost, TradersPost]:
    """Each long one of the same contract; of the account's two nobody may close both."""
    mine, theirs = desk.broker("mine"), desk.broker("theirs")
    for broker in (mine, theirs):
        broker.enter("CL", "long", 1, PRICE)
    desk.server.signals.clear()
    return mine, theirs


def quantities(desk: Desk) -> list[int | None]:
    """What each exit names; None closes all."""
    return [signal.get("quantity") for signal in desk.server.signals]
