"""Backtrader strategies live, over the bus: no order of theirs delays another, whatever the broker does."""

import io
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import backtrader as bt
import pytest

from portfold.config import ConfigError, load
from portfold.events.decisions import PositionAdopted
from portfold.events.stream_id import ORIGIN
from portfold.log import open_log
from portfold.workers.adapters.backtrader import live_broker
from portfold.workers.adapters.backtrader_feeds import Feeds
from portfold.workers.adapters.backtrader_live import LiveBroker
from portfold.workers.brokers.order import ExitFill, Fill, OrderOutcome
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import BrokerError, MaySend
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.flattener.side_by_side import NotDone
from tests.coordinator.story import each
from tests.live import Live, read
from tests.processes import config_folder
from tests.server import EmbeddedServer
from tests.waiting import PATIENCE_SECONDS, until
from tests.workers.adapters.cerebros import DAILY, HOURLY, MONDAY, Silence, Trading, configured, plan

pytestmark = pytest.mark.usefixtures("listen_briefly")


@pytest.mark.usefixtures("coordinator")
def test_a_flatten_is_carried_out_between_two_bars_and_the_strategy_is_told(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    trading = Trading(server.url, portfolio, tmp_path, plan(bar1=lambda s: s.buy()))
    trading.market.ends(5000)
    until(lambda: live.status().get("open_positions") == "ES", "ES to be opened")
    live.flatten()
    until(
        lambda: live.status()["flattening"] == "" and live.status()["open_positions"] == "",
        "all to be closed",
    )
    told = [(1, "Buy", "Completed"), (1, "Sell", "Completed")]
    until(lambda: trading.told == told, "the strategy to be told")
    strategy = trading.end()  # no other bar has ever come
    assert strategy.position.size == 0
    assert [fields["reason"] for fields in live.said("PositionClosed")] == ["ordered by ann"]
    assert trading.broker.getvalue() == 100_000 - 5


@pytest.mark.usefixtures("coordinator")
def test_live_an_order_on_a_slower_feed_is_filled_at_the_price_there_is_now(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    yesterday = {DAILY: [Bar("ES", MONDAY, *[Decimal(3000)] * 4)]}
    seen: list[float] = []

    def enter(strategy: Any) -> None:
        hour, day = strategy.datas
        strategy.buy(data=day)
        seen.extend(strategy.getposition(data).size for data in (hour, day))

    acts = plan(bar1=enter, bar2=lambda s: s.close())
    trading = Trading(server.url, portfolio, tmp_path, acts, name=HOURLY, more=yesterday)
    trading.market.ends(5000)
    trading.market.ends(5010)
    trading.end()
    live.all_decided()
    assert seen == [1, 1]
    (closed,) = live.said("PositionClosed")
    assert (closed["symbol"], closed["pnl"]) == ("ES", "495.00")
    assert {Decimal(mark["price"]) for mark in live.said("PositionMarked")} == {Decimal(5010)}


class RefusesFirst(PaperBroker):
    """Does not close CL."""

    def exit(self, symbol: str, *order: Any, **owner: Any) -> OrderOutcome[ExitFill]:
        if symbol == "CL":
            raise BrokerError("CL is limit down")
        return super().exit(symbol, *order, **owner)


def test_one_not_closed_delays_no_other(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> None:
    contracts = configured(tmp_path).contracts
    log, lines = open_log("bt", target=io.StringIO())
    gate = PortfolioGate("bt", settings=GateSettings(url=server.url, portfolio=portfolio), log=log)
    broker = RefusesFirst(tmp_path / "paper.sqlite", "bt", contracts)
    trading = LiveBroker(gate, broker, Feeds(contracts), cash=1e5, log=log)
    trading.cerebro = bt.Cerebro()
    for symbol in ("CL", "ES"):
        broker.enter(symbol, "long", 1, Decimal(100))
    order = FlattenOrder("an episode", ORIGIN, "the stop", everything=True)
    with pytest.raises(BrokerError, match="CL is limit down"):
        trading.flatten(order)
    assert [held.symbol for held in broker.positions()] == ["CL"]
    gate.close()
    broker.close()
    lines.close()


class HangsFirst(PaperBroker):
    """Does not answer about CL until it is let go."""

    let_go: threading.Event

    def exit(self, symbol: str, *order: Any, **owner: Any) -> OrderOutcome[ExitFill]:
        if symbol == "CL":
            self.let_go.wait(PATIENCE_SECONDS)
        return super().exit(symbol, *order, **owner)


def test_one_that_hangs_delays_no_other_and_is_not_ordered_twice(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.adapters.backtrader_closing._EXIT_SECONDS", 0.2)
    contracts = configured(tmp_path).contracts
    log, lines = open_log("bt", target=io.StringIO())
    gate = PortfolioGate("bt", settings=GateSettings(url=server.url, portfolio=portfolio), log=log)
    broker = HangsFirst(tmp_path / "paper.sqlite", "bt", contracts)
    broker.let_go = threading.Event()
    trading = LiveBroker(gate, broker, Feeds(contracts), cash=1e5, log=log)
    trading.cerebro = bt.Cerebro()
    for symbol in ("CL", "ES"):
        broker.enter(symbol, "long", 1, Decimal(100))
    order = FlattenOrder("an episode", ORIGIN, "the stop", everything=True)
    for _ in range(2):
        with pytest.raises(NotDone, match="CL: not done"):
            trading.flatten(order)
        assert [held.symbol for held in broker.positions()] == ["CL"]
    with pytest.raises(BrokerError, match="is being closed"):
        trading.holdings()  # what is closed must not be announced before it is reported
    broker.let_go.set()
    until(lambda: not trading.closing.is_busy, "CL to be closed")
    assert (broker.positions(), broker.unreported_exits()) == ([], [])
    trading.flatten(order)
    assert trading.holdings() == []
    gate.close()
    broker.close()
    lines.close()


@pytest.mark.usefixtures("coordinator")
def test_an_entry_that_hangs_delays_no_exit_and_what_it_opens_is_closed(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, let_go, enter = threading.Event(), threading.Event(), PaperBroker.enter

    def entered(broker: PaperBroker, symbol: str, *order: Any, may_send: MaySend) -> OrderOutcome[Fill]:
        if symbol == "CL":
            assert may_send()
            hangs.set()
            assert let_go.wait(PATIENCE_SECONDS)
            return enter(broker, symbol, *order)  # it has been sent by then
        return enter(broker, symbol, *order, may_send=may_send)

    monkeypatch.setattr(PaperBroker, "enter", entered)
    yesterday = {"CL": [Bar("CL", MONDAY, *[Decimal(70)] * 4)]}
    acts = plan(bar1=lambda s: s.buy(), bar2=lambda s: s.buy(data=s.datas[1]))
    trading = Trading(server.url, portfolio, tmp_path, acts, more=yesterday)
    trading.market.ends(5000)
    until(lambda: live.status().get("open_positions") == "ES", "ES to be opened")
    trading.market.ends(5000)
    assert hangs.wait(PATIENCE_SECONDS)
    live.flatten()
    until(lambda: live.status()["open_positions"] == "", "ES to be closed while the entry hangs")
    let_go.set()
    until(lambda: len(live.said("PositionClosed")) == 2, "the late fill to be closed")
    trading.end()
    live.all_decided()
    assert [one["symbol"] for one in live.said("PositionClosed")] == ["ES", "CL"]
    assert live.status()["open_positions"] == ""


@pytest.mark.usefixtures("coordinator")
def test_a_broker_that_cannot_say_what_is_held_ends_no_run_and_opens_nothing(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the very start; an exit goes by what it said last."""
    silence = Silence(monkeypatch)
    silence.on = True
    acts = plan(bar1=lambda s: s.buy(), bar2=lambda s: s.buy(), bar3=lambda s: s.close())
    trading = Trading(server.url, portfolio, tmp_path, acts)
    trading.market.ends(5000)
    until(lambda: len(trading.told) == 1, "the entry to be denied")
    silence.on = False
    trading.market.ends(5000)
    until(lambda: live.status().get("open_positions") == "ES", "ES to be opened")
    silence.on = True
    trading.market.ends(5010)
    until(lambda: live.status()["open_positions"] == "", "ES to be closed")
    strategy = trading.end()
    assert [told[1:] for told in trading.told[:2]] == [("Buy", "Rejected"), ("Buy", "Completed")]
    assert strategy.reasons == ["The broker cannot say what is held"]
    assert "The broker cannot say what is held: no entries until it can" in trading.said.getvalue()


@pytest.mark.usefixtures("coordinator")
def test_after_a_restart_the_position_is_there_again(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    first = Trading(server.url, portfolio, tmp_path, plan(bar1=lambda s: s.buy()))
    first.market.ends(5000)
    assert first.end().position.size == 1
    second = Trading(server.url, portfolio, tmp_path, plan(bar1=lambda s: s.close()))
    second.market.ends(5010)
    assert second.end().position.size == 0
    live.all_decided()
    assert [fields["pnl"] for fields in live.said("PositionClosed")] == ["495.00"]
    assert live.status()["limit_breaches"] == "0"
    assert len(each(PositionAdopted, [read(entry) for entry in live.decisions()])) == 1


@pytest.mark.usefixtures("coordinator")
def test_an_order_that_is_not_at_the_market_is_rejected_and_its_slot_given_back(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    acts = plan(bar1=lambda s: s.buy(exectype=bt.Order.Limit, price=4000))
    trading = Trading(server.url, portfolio, tmp_path, acts)
    trading.market.ends(5000)
    until(lambda: trading.told, "the strategy to be told")
    strategy = trading.end()
    assert [status for _, _, status in strategy.told] == ["Rejected"]
    assert strategy.reasons == ["only orders at the market can be given here, not Limit"]
    live.all_decided()
    assert live.status()["slots_used"] == "0"


def test_live_fills_at_the_next_bar_are_refused(tmp_path: Path) -> None:
    broker = {"kind": "paper", "options": {"fill_at": "next_bar"}}
    configuration = load(str(config_folder(tmp_path / "config", runtime={"broker": broker})), {}, tmp_path)
    with pytest.raises(ConfigError, match=r"broker\.options\.fill_at: expected mark"):
        live_broker("bt", ["ES"], configuration=configuration, book=tmp_path / "book.sqlite")
