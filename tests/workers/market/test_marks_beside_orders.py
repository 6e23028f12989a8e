"""A position is marked while an order of its worker hangs, and not once that order has closed it."""

import threading
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.market import LastPrice, NewPrice
from portfold.workers.brokers.traderspost.broker import TradersPost
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.run.marking import Marking
from tests.live import Live
from tests.server import EmbeddedServer
from tests.workers.brokers.desk import CONTRACTS, Desk


class Bell(Bus):
    """A bus that calls `rings` when somebody asks for prices, before he gets them."""

    rings: Callable[[], object] = staticmethod(lambda: None)

    def last_prices(self, symbols: Sequence[str]) -> tuple[int, dict[str, LastPrice]]:
        self.rings()
        return super().last_prices(symbols)


@pytest.fixture
def bell(server: EmbeddedServer, portfolio: str) -> Bell:
    return Bell(connect(server.url), portfolio)


@pytest.mark.parametrize("closes", [False, True], ids=["it hangs on", "it closes"])
def test_while_an_order_hangs_the_position_is_marked_unless_it_closes_it_meanwhile(
    desk: Desk, broker: TradersPost, gate: PortfolioGate, bell: Bell, live: Live, *, closes: bool
) -> None:
    epoch = bell.take_feed("ann", 60_000).epoch
    marking = Marking(bell, gate, broker, CONTRACTS["CL"], mark_seconds=0.01, stale_seconds=60, log=desk.log)
    bell.write_prices(epoch, "made", [NewPrice("CL", Decimal(72), None)])
    marking.look()

    ordering, asked, over = threading.Event(), threading.Event(), threading.Event()

    def order() -> None:
        with gate.orders:
            ordering.set()
            asked.wait(60)
            if closes:
                fill = broker.exit("CL", "long", 1, None).fills[0]
                gate.position_closed("CL", price=fill.price, pnl=0, commission=0, fill=fill.fill_id)
            else:
                over.wait(60)

    def ring() -> None:
        asked.set()
        if closes:
            thread.join(60)

    thread = threading.Thread(target=order)
    thread.start()
    ordering.wait(60)
    bell.write_prices(epoch, "made", [NewPrice("CL", Decimal(73), None)])
    bell.rings = ring
    marking.look()
    over.set()
    thread.join(60)
    marking.close()
    live.all_decided()
    assert [mark["price"] for mark in live.said("PositionMarked")] == ["72"] + ["73"] * (not closes)
