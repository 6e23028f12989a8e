"""A worker that holds something, for each test that marks it."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from portfold.workers.brokers.traderspost.broker import TradersPost
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.workers.brokers.desk import Desk

WORKER, PRICE = "ibs-CL", Decimal("71.25")


@pytest.fixture
def broker(desk: Desk) -> TradersPost:
    """Long one contract of December, as the rules say on the third of November."""
    opened = desk.broker(WORKER)
    opened.enter("CL", "long", 1, PRICE)
    return opened


@pytest.fixture
def gate(desk: Desk, server: EmbeddedServer, portfolio: str) -> Iterator[PortfolioGate]:
    """The worker's, which has reported what it holds to a coordinator."""
    settings = GateSettings(server.url, portfolio=portfolio, mark_seconds=0)
    gate = PortfolioGate(WORKER, symbols=["CL"], settings=settings, log=desk.log)
    with coordinating(server.url, portfolio), gate:
        gate.position_opened("CL", "long", 1, price=PRICE)
        yield gate
