"""Backtrader's orders live that the broker refuses, or of which nobody knows what became."""

import json
from pathlib import Path
from typing import Any

import backtrader as bt
import pytest

from portfold.workers.adapters.backtrader_live import LiveBroker
from portfold.workers.brokers.order import ExitFill, OrderOutcome
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import BrokerError, OrderUnknown
from tests.live import Live
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.adapters.cerebros import Silence, Trading, plan
from tests.workers.brokers.desk import locked

pytestmark = pytest.mark.usefixtures("listen_briefly")


def criticals(trading: Trading) -> list[str]:
    lines = [json.loads(line) for line in trading.said.getvalue().splitlines()]
    return [line["event"] for line in lines if line["level"] == "critical"]


class Exits:
    """What the broker does about exits, each time it is asked; in the end it does them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *refusals: BrokerError) -> None:
        self.refusals = list(refusals)
        self.asked = 0
        exits = PaperBroker.exit

        def exited(broker: PaperBroker, *order: Any, **owner: Any) -> OrderOutcome[ExitFill]:
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
def test_a_strategy_is_told_of_each_part_and_what_an_exit_left_open_is_tried_again(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.adapters.backtrader_again._FIRST_SECONDS", 0.02)
    fills = {"parts": 3, "cancel_share": 0.5, "seed": 104}  # 2 of 3 are bought, then 1 sold, then the other
    market = {"broker": {"kind": "paper", "options": {"fills": fills}}}
    acts = plan(bar1=lambda s: s.buy(size=3), bar2=lambda s: s.close())
    trading = Trading(server.url, portfolio, tmp_path, acts, runtime=market)
    trading.market.ends(5000)
    trading.market.ends(5010)
    until(lambda: len(trading.told) == 5, "the exit, though no other bar comes")
    assert trading.end().position.size == 0
    assert [told[1:] for told in trading.told] == [
        ("Buy", "Partial"),
        ("Buy", "Partial"),
        ("Buy", "Canceled"),
        ("Sell", "Partial"),
        ("Sell", "Completed"),
    ]
    live.all_decided()
    for kind in ("PositionOpened", "PositionClosed"):
        assert [one["size"] for one in live.said(kind)] == ["1", "1"]
    assert [one["reason"] for one in live.said("EntryWithdrawn")] == ["cancelled: 1 of 3 not filled"]


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
def test_an_exit_goes_on_waiting_when_an_order_is_given_that_cannot_be_sent(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.adapters.backtrader_again._FIRST_SECONDS", 60.0)
    Exits(monkeypatch, TOO_MANY, TOO_MANY)
    acts = plan(bar1=lambda s: s.buy(), bar2=lambda s: s.close())
    acts |= plan(bar3=lambda s: s.sell(exectype=bt.Order.Stop, price=4900))
    trading = Trading(server.url, portfolio, tmp_path, acts)
    for _ in range(4):
        trading.market.ends(5000)
    assert trading.end().position.size == 0
    assert [told[1:] for told in trading.told] == [
        ("Buy", "Completed"),
        ("Sell", "Rejected"),
        ("Sell", "Completed"),
    ]


@pytest.mark.usefixtures("coordinator")
def test_what_a_flatten_has_closed_is_not_said_to_be_open_when_the_run_ends(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.adapters.backtrader_again._FIRST_SECONDS", 60.0)
    exits = Exits(monkeypatch, TOO_MANY)
    acts = plan(bar1=lambda s: s.buy(), bar2=lambda s: s.close())
    trading = Trading(server.url, portfolio, tmp_path, acts)
    for _ in range(2):
        trading.market.ends(5000)
    until(lambda: exits.asked == 1, "the strategy's own exit")
    live.flatten()
    until(lambda: live.said("PositionClosed"), "the flatten's")
    assert trading.end().position.size == 0
    assert criticals(trading) == ["NOT CLOSED; trying again within seconds"]


@pytest.mark.usefixtures("coordinator")
def test_an_entry_of_which_nobody_knows_is_critical(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_words: Any, **_more: Any) -> None:
        raise OrderUnknown("Who knows")

    trading = Trading(server.url, portfolio, tmp_path, plan(bar1=lambda s: s.buy()))
    monkeypatch.setattr(PaperBroker, "enter", fails)
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
    monkeypatch.setattr(PaperBroker, "enter", fails)
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
