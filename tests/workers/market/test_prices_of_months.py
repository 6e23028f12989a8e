"""A price of another month than the position's marks nothing, at the end of a bar or between two."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.market import NewPrice
from portfold.workers.brokers.traderspost.broker import TradersPost
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.feeds.bar import Bar
from portfold.workers.run.marking import Marking
from portfold.workers.run.trader import Trader
from portfold.workers.strategies.intent import OwnPosition
from tests.live import Live
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.brokers.desk import CONTRACTS, Desk

HELD, NEXT, LONG_MS = "CLZ5", "CLF6", 60_000


class Holds:
    """A strategy that leaves what it has."""

    def decide(self, _bar: Bar, _held: OwnPosition | None) -> None:
        return None


@pytest.fixture
def marking(
    desk: Desk, broker: TradersPost, gate: PortfolioGate, server: EmbeddedServer, portfolio: str
) -> Iterator[Marking]:
    bus = Bus(connect(server.url), portfolio)
    contract = CONTRACTS["CL"]
    marking = Marking(bus, gate, broker, contract, mark_seconds=0.01, stale_seconds=60, log=desk.log)
    yield marking
    marking.close()


def marks(live: Live) -> list[str]:
    live.all_decided()
    return [mark["price"] for mark in live.said("PositionMarked")]


def test_a_price_of_another_month_marks_nothing_and_is_told_once(
    desk: Desk, marking: Marking, live: Live, bus: Bus
) -> None:
    epoch = bus.take_feed("ann", LONG_MS).epoch

    def price(price: str, contract: str) -> None:
        bus.write_prices(epoch, "made", [NewPrice("CL", Decimal(price), None, contract)])
        marking.look()

    price("72", HELD)
    until(lambda: marks(live) == ["72"], "the mark of the month that is held")
    price("50", NEXT)
    price("51", NEXT)
    price("73", HELD)
    until(lambda: marks(live) == ["72", "73"], "the mark of the month that is held")
    said = desk.said.getvalue()
    assert said.count("the last is of CLF6, and held is CLZ2025") == 1
    assert said.count("CL has a price again") == 1


def test_a_price_of_no_month_marks_as_ever(marking: Marking, live: Live, bus: Bus) -> None:
    epoch = bus.take_feed("ann", LONG_MS).epoch
    bus.write_prices(epoch, "made", [NewPrice("CL", Decimal(72), None)])
    marking.look()
    until(lambda: marks(live) == ["72"], "the mark")


def test_a_bar_of_another_month_marks_nothing(
    desk: Desk, broker: TradersPost, gate: PortfolioGate, live: Live
) -> None:
    trader = Trader(contract=CONTRACTS["CL"], strategy=Holds(), gate=gate, broker=broker, log=desk.log)

    def bar(minute: int, price: str, contract: str) -> None:
        prices = (Decimal(price),) * 4
        at = datetime(2025, 11, 14, 15, minute, tzinfo=UTC)
        trader.on_bar(Bar("CL", at, *prices, contract=contract))

    bar(1, "72", HELD)
    bar(2, "50", NEXT)
    until(lambda: marks(live) == ["72"], "the mark of the month that is held")
    fill = broker.exit("CL", "long", 1, None)
    assert fill.price == Decimal("71.99"), "believed at the last price of its month, and the slippage"
