"""Backtrader strategies live, over the bus: what becomes of their orders, whatever the broker does."""

import io
import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import backtrader as bt
import pytest

from portfold.config import ConfigError, load
from portfold.events.decisions import PositionAdopted
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.embedded import EmbeddedServer
from portfold.log import open_log
from portfold.workers.adapters.backtrader import live_broker
from portfold.workers.adapters.backtrader_feeds import Feeds
from portfold.workers.adapters.backtrader_live import LiveBroker
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import BrokerError, ExitFill, Fill, MaySend, OrderUnknown
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.flattener.side_by_side import NotDone
from tests.coordinator.story import each
from tests.live import Live, read
from tests.processes import config_folder, coordinating
from tests.waiting import PATIENCE_SECONDS, until
from tests.workers.adapters.cerebros import DAILY, HOURLY, MONDAY, Silence, Trading, configured, plan
from tests.workers.brokers.desk import locked


@pytest.fixture(autouse=True)
def _listen_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)


@pytest.fixture
def coordinator(server: EmbeddedServer, portfolio: str) -> Iterator[None]:
    with coordinating(server.url, portfolio):
        yield


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

    def exit(self, symbol: str, *order: Any, **owner: Any) -> ExitFill:
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

    def exit(self, symbol: str, *order: Any, **owner: Any) -> ExitFill:
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
    until(lambda: not trading._closing.is_busy, "CL to be closed")
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

    def entered(broker: PaperBroker, symbol: str, *order: Any, may_send: MaySend) -> Fill:
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


def criticals(trading: Trading) -> list[str]:
    lines = [json.loads(line) for line in trading.said.getvalue().splitlines()]
    return [line["event"] for line in lines if line["level"] == "critical"]


class Exits:
    """What the broker does about exits, each time it is asked; in the end it does them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *refusals: BrokerError) -> None:
        self.refusals = list(refusals)
        self.asked = 0
        exits = PaperBroker.exit

        def exited(broker: PaperBroker, *order: Any, **owner: Any) -> ExitFill:
            self.asked += 1
            if self.refusals:
                raise self.refusals.pop(0)
            return exits(broker, *order, **owner)

        monkeypatch.setattr(PaperBroker, "exit", exited)


TOO_MANY = BrokerError("429 Too many requests")


@pytest.mark.usefixtures("coordinator")
def test_an_exit_that_the_broker_refuses_is_tried_again_within_seconds(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.adapters.backtrader_again._FIRST_SECONDS", 0.02)
    exits = Exits(monkeypatch, TOO_MANY, TOO_MANY)
    acts = plan(bar1=lambda s: s.buy(), bar2=lambda s: s.close())
    trading = Trading(server.url, portfolio, tmp_path, acts)
    trading.market.ends(5000)
    trading.market.ends(5010)
    until(lambda: len(trading.told) == 2, "the exit, though no other bar comes")
    trading.end()
    assert [told[1:] for told in trading.told] == [("Buy", "Completed"), ("Sell", "Completed")]
    assert exits.asked == 3
    assert criticals(trading) == ["NOT CLOSED; trying again within seconds"] * 2
    live.all_decided()
    assert [one["pnl"] for one in live.said("PositionClosed")] == ["495.00"]


@pytest.mark.usefixtures("coordinator")
def test_an_exit_of_which_nobody_knows_waits_for_the_next_bar(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.adapters.backtrader_again._FIRST_SECONDS", 0.0)
    exits = Exits(monkeypatch, OrderUnknown("Who knows"))
    looks: list[int] = []
    next_of = LiveBroker.next

    def looked(broker: LiveBroker) -> None:
        looks.append(exits.asked)
        next_of(broker)

    monkeypatch.setattr(LiveBroker, "next", looked)
    acts = plan(bar1=lambda s: s.buy(), bar2=lambda s: s.close())
    trading = Trading(server.url, portfolio, tmp_path, acts)
    trading.market.ends(5000)
    trading.market.ends(5000)
    until(lambda: looks.count(1) > 3, "looks between two bars")
    assert exits.asked == 1
    trading.market.ends(5000)
    until(lambda: len(trading.told) == 2, "the exit at the next bar")
    trading.end()
    assert trading.told[1][1:] == ("Sell", "Completed")
    assert criticals(trading) == ["What became of an order is unknown"]


@pytest.mark.usefixtures("coordinator")
def test_a_later_exit_takes_the_place_of_one_that_waits(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never asks, and nothing is closed twice; what is not closed when the run ends is said."""
    monkeypatch.setattr("portfold.workers.adapters.backtrader_again._FIRST_SECONDS", 60.0)
    exits = Exits(monkeypatch, *[TOO_MANY] * 9)
    acts = plan(bar1=lambda s: s.buy(), bar2=lambda s: s.close(), bar3=lambda s: s.close())
    acts |= plan(bar4=lambda s: s.cancel(s.close()), bar5=lambda s: s.close())
    trading = Trading(server.url, portfolio, tmp_path, acts)
    for _ in range(5):
        trading.market.ends(5000)
    until(lambda: len(trading.told) == 4, "all but the last to be cancelled")
    assert trading.end().position.size == 1
    assert [told[1:] for told in trading.told[1:]] == [("Sell", "Canceled")] * 3
    assert exits.asked == 6  # by four orders, and by the first two again at the bar after each
    live.all_decided()
    assert len(live.said("EntryRequested")) == 1
    assert criticals(trading)[-1] == "NOT CLOSED, and this run ends"


@pytest.mark.usefixtures("coordinator")
def test_an_entry_of_which_nobody_knows_is_critical(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_words: Any, **_more: Any) -> None:
        raise OrderUnknown("Who knows")

    trading = Trading(server.url, portfolio, tmp_path, plan(bar1=lambda s: s.buy()))
    monkeypatch.setattr(trading.broker._broker, "enter", fails)
    trading.market.ends(5000)
    until(lambda: trading.told, "the strategy to be told")
    trading.end()
    assert ("Buy", "Rejected") in [told[1:] for told in trading.told]
    assert criticals(trading) == ["What became of an order is unknown"]


@pytest.mark.usefixtures("coordinator")
def test_an_entry_of_which_nobody_knows_keeps_its_slot_while_that_cannot_be_announced(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence = Silence(monkeypatch)

    def fails(*_words: Any, **_more: Any) -> None:
        silence.on = True
        raise OrderUnknown("Who knows")

    trading = Trading(server.url, portfolio, tmp_path, plan(bar1=lambda s: s.buy()))
    monkeypatch.setattr(trading.broker._broker, "enter", fails)
    trading.market.ends(5000)
    until(lambda: trading.told, "the strategy to be told")
    live.all_decided()
    assert live.said("EntryWithdrawn") == []
    assert live.status()["slots_used"] == "1"
    trading.end()
    assert "What is held is announced with the next sign of life" in criticals(trading)


@pytest.mark.usefixtures("coordinator")
def test_a_book_that_another_process_has_locked_ends_no_run(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The open loss is on the log all the same, or no stop could come of it."""
    defaults = PaperBroker.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "patience", 0.05)
    acts = plan(bar1=lambda s: s.buy(), bar3=lambda s: s.close())
    trading = Trading(server.url, portfolio, tmp_path, acts)
    trading.market.ends(5000)
    until(lambda: live.status().get("open_positions") == "ES", "ES to be opened")
    with locked(tmp_path / "paper.sqlite"):
        trading.market.ends(4990)
        until(lambda: "(-500.00)" in live.status().get("positions", ""), "the mark")
    trading.market.ends(4990)
    assert trading.end().position.size == 0
    assert "The broker could not take note of a price" in trading.said.getvalue()


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
