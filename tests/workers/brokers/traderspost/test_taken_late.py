"""An entry of which nobody knew was taken after all: the log learns of it at once, and a stop closes it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from portfold.events.incoming import FlattenRequested
from portfold.workers.brokers.traderspost.broker import TradersPost
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.run.trader import Trader, holdings_of
from portfold.workers.strategies.intent import Enter, Intent, OwnPosition
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.brokers.desk import CONTRACTS, Desk
from tests.workers.brokers.traderspost.webhook_server import Late, takes

WORKER, PRICE = "ibs-CL", Decimal("71.25")


class EntersOnce:
    """A strategy that is long from its first bar on."""

    def __init__(self) -> None:
        self.wanted: list[Intent] = [Enter("long", 1)]

    def decide(self, _bar: Bar, _held: OwnPosition | None) -> Intent:
        return self.wanted.pop() if self.wanted else None


@pytest.fixture
def late(desk: Desk) -> Late:
    """The answer to the entry."""
    answer = Late(takes)
    desk.server.behaves(answer)
    return answer


@pytest.fixture
def broker(
    late: Late, desk: Desk, server: EmbeddedServer, portfolio: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TradersPost]:
    """A worker trades by it that gives no sign of life while a test lasts. The entry it has ordered is
    unknown, and on the log as that.
    """
    assert not late.go.is_set()
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    opened = desk.broker(WORKER, timeout=0.5)
    settings = GateSettings(
        server.url, portfolio=portfolio, answer_seconds=10, heartbeat_seconds=60, worker_lost_seconds=90
    )
    gate = PortfolioGate(
        WORKER,
        symbols=["CL"],
        settings=settings,
        holdings=lambda: holdings_of(opened, WORKER),
        log=desk.log,
    )
    trader = Trader(contract=CONTRACTS["CL"], strategy=EntersOnce(), gate=gate, broker=opened, log=desk.log)
    with coordinating(server.url, portfolio), gate:
        trader.on_bar(Bar("CL", datetime(2025, 11, 3, 15, tzinfo=UTC), PRICE, PRICE, PRICE, PRICE))
        yield opened


def unsettled(live: Live) -> bool:
    """Whether the log holds that log and broker may differ about the symbol."""
    live.all_decided()
    return "CL" in live.status()["unsettled"]


@pytest.mark.usefixtures("broker")
def test_the_log_learns_at_once_that_an_unknown_entry_was_taken(late: Late, live: Live) -> None:
    assert unsettled(live)
    late.go.set()
    until(lambda: not unsettled(live), "the worker to say again what is held")
    assert live.status()["open_positions"] == "CL"


def test_what_is_taken_after_a_stop_is_closed(
    late: Late, broker: TradersPost, desk: Desk, live: Live
) -> None:
    live.publishes(FlattenRequested(by="jane", reason="panic"))
    until(lambda: len(desk.server.signals) > 1, "the exit, which proves nothing")
    assert broker.unsettled()
    live.all_decided()
    assert live.status()["open_positions"] == "CL"
    late.go.set()
    until(lambda: not live.status()["open_positions"], "the log to know that it is closed")
    until(lambda: not broker.unreported_exits(), "the report to be confirmed")
    assert broker.positions() == []
    [perhaps] = broker.unsettled()  # the exit of before may have closed it: at which price a person sees
    assert (perhaps.does, perhaps.state) == ("exit", "flattened")
    assert [signal["action"] for signal in desk.server.signals[:2]] == ["buy", "exit"]
    live.all_decided()
    (closed,) = live.said("PositionClosed")
    assert (closed["symbol"], closed["fill"]) == ("CL", desk.server.signals[-1]["extras"]["order"])
