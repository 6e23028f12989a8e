"""A worker that trades at Interactive Brokers, and what the log learns of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from portfold.config import StopDistance
from portfold.workers.brokers.resting.protective import REASON
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.protection import Protection
from portfold.workers.run.trader import Manner, Trader, holdings_of
from portfold.workers.strategies.guarded import StrategyFailed
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.brokers.ibkr.resting.protected import resting
from tests.workers.brokers.ibkr.tws_desk import CONTRACTS, PRICE, SHORT, Desk

WORKER = "ibs-ES"


class InAndOut:
    """A strategy that is long for one bar."""

    def __init__(self, enters: Enter) -> None:
        self.wanted: list[Intent] = [Exit("the bar is over"), enters]

    def decide(self, _bar: Bar, _held: OwnPosition | None) -> Intent:
        return self.wanted.pop() if self.wanted else None


@contextmanager
def trading(
    desk: Desk,
    server: EmbeddedServer,
    portfolio: str,
    stop: StopDistance | None,
    enters: Enter = Enter("long", 3),  # noqa: B008 - it cannot be changed
) -> Iterator[Trader]:
    broker = desk.broker(WORKER, waits=SHORT._replace(cancel=20.0))
    settings = GateSettings(
        server.url, portfolio=portfolio, answer_seconds=10, heartbeat_seconds=60, worker_lost_seconds=90
    )
    gate = PortfolioGate(
        WORKER,
        symbols=["ES"],
        settings=settings,
        holdings=lambda: holdings_of(broker, WORKER),
        log=desk.log,
    )
    made = Trader(
        contract=CONTRACTS["ES"],
        strategy=InAndOut(enters),
        gate=gate,
        broker=broker,
        log=desk.log,
        manner=Manner(protection=Protection(stop, CONTRACTS["ES"], desk.log)),
    )
    with coordinating(server.url, portfolio), gate:
        yield made


@pytest.fixture(autouse=True)
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)


@pytest.fixture
def trader(desk: Desk, server: EmbeddedServer, portfolio: str) -> Iterator[Trader]:
    with trading(desk, server, portfolio, None) as made:
        yield made


def bar(minute: int, contract: str = "") -> Bar:
    at = datetime(2025, 11, 3, 15, minute, tzinfo=UTC)
    return Bar("ES", at, PRICE, PRICE, PRICE, PRICE, contract=contract)


def realized(live: Live) -> Decimal:
    live.all_decided()
    return Decimal(live.status()["realized_pnl"])


def test_a_round_trip_is_on_the_log_to_the_cent(desk: Desk, trader: Trader, live: Live) -> None:
    trader.on_bar(bar(1))
    desk.exchange.trade("ESZ5", "5000.25")
    trader.on_bar(bar(2))
    assert realized(live) == desk.exchange.equity() - 100_000 == Decimal("37.50") - Decimal("13.50")


def test_an_exit_that_fills_when_nobody_waits_any_more_is_on_the_log_at_once(
    desk: Desk, trader: Trader, live: Live
) -> None:
    trader.on_bar(bar(1))
    desk.exchange.open_hours("closed")
    trader.on_bar(bar(2))
    assert realized(live) == 0
    desk.exchange.open_hours("regular")
    until(lambda: realized(live) == Decimal("-13.50"), "the close on the log")


def test_an_entry_filled_in_part_is_on_the_log_as_what_it_got(desk: Desk, trader: Trader, live: Live) -> None:
    desk.exchange.fills = "on order"
    with ThreadPoolExecutor(1) as pool:
        traded = pool.submit(trader.on_bar, bar(1))
        desk.exchange.fill(desk.at_work(), 1)
        traded.result(60)
    live.all_decided()
    (opened,) = live.said("PositionOpened")
    (given_back,) = live.said("EntryWithdrawn")
    assert (opened["size"], desk.exchange.working()) == ("1", [])
    assert given_back["reason"] == "cancelled: 2 of 3 not filled"
    assert live.status()["reserved"] == ""


def test_each_execution_is_on_the_log_by_its_own_name_with_its_own_commission(
    desk: Desk, trader: Trader, live: Live
) -> None:
    desk.exchange.fills = "on order"
    with ThreadPoolExecutor(1) as pool:
        for minute in (1, 2):
            traded = pool.submit(trader.on_bar, bar(minute))
            reference = desk.at_work()
            desk.exchange.fill(reference, 2, "5000")
            desk.exchange.fill(reference, 1, "5000.25")
            traded.result(60)
    live.all_decided()
    opened, closed = live.said("PositionOpened"), live.said("PositionClosed")
    assert [(each["size"], each["price"]) for each in opened] == [("2", "5000"), ("1", "5000.25")]
    assert [(each["size"], each["price"], each["commission"]) for each in closed] == [
        ("2", "5000", "9.00"),
        ("1", "5000.25", "4.50"),
    ]
    names = {each.exec_id.rpartition(".")[0] for each in desk.exchange.executions}
    assert {each["fill"] for each in (*opened, *closed)} == names
    assert realized(live) == desk.exchange.equity() - 100_000


def test_what_a_protective_stop_closed_at_the_broker_is_on_the_log_at_once(
    desk: Desk, server: EmbeddedServer, portfolio: str, live: Live
) -> None:
    with trading(desk, server, portfolio, StopDistance(ticks=20)) as trader:
        trader.on_bar(bar(1))
        until(lambda: [each.kind for each in desk.exchange.working()] == ["STP"], "the stop at the broker")
        desk.exchange.trade("ESZ5", "4995")
        until(lambda: realized(live) == Decimal(-750) - Decimal("13.50"), "the close on the log")
    (closed,) = live.said("PositionClosed")
    assert (closed["reason"], closed["size"], closed["price"]) == ("protective stop", "3", "4995")


def test_a_stop_that_the_strategy_names_is_what_is_planned_and_rests_wherever_the_entry_was_filled(
    desk: Desk, server: EmbeddedServer, portfolio: str, live: Live
) -> None:
    desk.exchange.fills = "on order"
    with trading(desk, server, portfolio, None, Enter("long", 2, stop=PRICE - 4)) as trader:
        with ThreadPoolExecutor(1) as pool:
            traded = pool.submit(trader.on_bar, bar(1))
            desk.exchange.fill(desk.at_work(), 2, "5000.75")
            traded.result(60)
        resting(desk, 2)
        desk.exchange.fills = "at once"
        desk.exchange.trade("ESZ5", "4996")
        until(lambda: live.said("PositionClosed"), "the close on the log")
        live.all_decided()
    (asked,), (closed,) = live.said("EntryRequested"), live.said("PositionClosed")
    assert (asked["stop_price"], asked["price"]) == ("4996.00", "5000")
    assert (closed["reason"], closed["size"], closed["price"]) == (REASON, "2", "4996")
    assert live.said("StopMoved") == []


def test_a_limit_is_none_for_this_broker_which_ends_its_worker_before_anything_is_sent(
    desk: Desk, server: EmbeddedServer, portfolio: str, live: Live
) -> None:
    with trading(desk, server, portfolio, None, Enter("long", 2, PRICE - 4)) as trader:
        with pytest.raises(StrategyFailed, match="limit: expected none, as this broker has no limit entries"):
            trader.on_bar(bar(1))
        live.all_decided()
    assert live.said("EntryRequested") == []
    assert desk.sent() == 0


@pytest.mark.parametrize(
    ("contract", "wish", "orders"),
    [
        ("ESU5", Enter("short", 2, stop=PRICE + 10), 0),
        ("ESZ5", Enter("short", 2, stop=PRICE + 10), 2),
        ("", Enter("short", 2, stop=PRICE + 10), 2),
        ("ESU5", Enter("short", 2), 1),
    ],
)
def test_a_stop_named_by_bars_of_one_month_is_never_an_order_in_another(
    contract: str, wish: Enter, orders: int, desk: Desk, server: EmbeddedServer, portfolio: str, live: Live
) -> None:
    with trading(desk, server, portfolio, None, wish) as trader:
        trader.on_bar(bar(1, contract))
        until(lambda: desk.sent() >= orders, "the orders")
        live.all_decided()
    assert (desk.sent(), len(live.said("EntryRequested"))) == (orders, min(orders, 1))
    told = "the bars are of ESU5, and entered is ESZ2025" in desk.said()
    assert told == (not orders)
