"""An entry that a halt overtakes after the yes: it is asked again before the order, and as it is sent."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfold.events.fields import Side
from portfold.events.incoming import TradingHalted
from portfold.workers.brokers.order import Fill, OrderOutcome
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import MaySend, always
from portfold.workers.client.decision import Decision
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.strategies.intent import Enter
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.adapters.cerebros import Trading, plan
from tests.workers.run.entry_floor import Floor

MEANWHILE = ["after the yes", "as it is sent"]
REACHES_THE_BROKER = {"after the yes": 0, "as it is sent": 1}


pytestmark = pytest.mark.usefixtures("listen_briefly")


@pytest.fixture
def coordinator(server: EmbeddedServer, portfolio: str) -> Iterator[None]:
    with coordinating(server.url, portfolio):
        yield


@pytest.fixture
def orders(meanwhile: str, live: Live, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Trading is halted `meanwhile`; the entries that came to the broker."""
    came: list[str] = []
    ask, enter = PortfolioGate.request_entry, PaperBroker.enter

    def halt() -> None:
        live.decided(live.publishes(TradingHalted(by="ann", reason="news")))

    def asked(gate: PortfolioGate, *words: Any, **more: Any) -> Decision:
        answer = ask(gate, *words, **more)
        assert answer
        if meanwhile == "after the yes":
            halt()
        return answer

    def entered(
        broker: PaperBroker,
        symbol: str,
        side: Side,
        size: int,
        price: Decimal,
        *,
        may_send: MaySend = always,
        **more: Any,
    ) -> OrderOutcome[Fill]:
        came.append(symbol)
        if meanwhile == "as it is sent":
            halt()
        return enter(broker, symbol, side, size, price, may_send=may_send, **more)

    monkeypatch.setattr(PortfolioGate, "request_entry", asked)
    monkeypatch.setattr(PaperBroker, "enter", entered)
    return came


def nothing_was_opened(live: Live) -> bool:
    live.all_decided()
    assert live.said("PositionOpened") == []
    return live.status()["slots_used"] == "0"


@pytest.mark.usefixtures("coordinator")
@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_a_traders_entry_is_not_sent(
    orders: list[str], live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path, meanwhile: str
) -> None:
    floor = Floor(server.url, portfolio, tmp_path)
    with floor.gate:
        floor.bar(0, Enter("long", 1))
    assert len(orders) == REACHES_THE_BROKER[meanwhile]
    assert floor.broker.positions() == []
    assert nothing_was_opened(live)
    floor.close()


@pytest.mark.usefixtures("coordinator")
@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_backtraders_entry_is_not_sent(
    orders: list[str], live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path, meanwhile: str
) -> None:
    trading = Trading(server.url, portfolio, tmp_path, plan(bar1=lambda s: s.buy()))
    trading.market.ends(5000)
    until(lambda: trading.told, "the strategy to be told")
    assert trading.end().position.size == 0
    assert [told[1:] for told in trading.told] == [("Buy", "Rejected")]
    assert len(orders) == REACHES_THE_BROKER[meanwhile]
    assert nothing_was_opened(live)
