"""The order of an entry: signal, filter, gate, order, fill reported; and each no along the way."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.intent import Enter, Exit
from tests.live import Live
from tests.processes import coordinating
from tests.proxy import proxy_to
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.run.entry_floor import START, Floor, Says


def test_an_entry_goes_from_signal_to_filter_to_gate_to_order_to_report(floor: Floor, live: Live) -> None:
    floor.bar(0, Enter("short", 1))
    assert floor.steps == ["signal", "filter short", "gate", "order", "fill reported"]
    live.all_decided()
    assert live.status()["open_positions"] == "ES"


def test_what_the_filter_drops_never_asks_the_gate(floor: Floor, live: Live) -> None:
    floor.begin(passes=False)
    floor.bar(0, Enter("long", 1))
    assert floor.steps == ["signal", "filter long"]
    live.all_decided()
    assert live.said("EntryRequested") == []


def test_without_a_filter_the_signal_goes_to_the_gate(floor: Floor) -> None:
    floor.begin(passes=None)
    floor.bar(0, Enter("long", 1))
    assert floor.steps == ["signal", "gate", "order", "fill reported"]


def test_a_no_of_the_broker_after_the_gate_gives_the_slot_back(floor: Floor, live: Live) -> None:
    floor.broker.refuses = True
    floor.bar(0, Enter("long", 1))
    assert floor.steps == ["signal", "filter long", "gate", "order"]
    live.all_decided()
    assert [event["symbol"] for event in live.said("EntryWithdrawn")] == ["ES"]
    assert live.status()["slots_used"] == "0"


def test_an_unknown_entry_that_cannot_be_announced_gives_no_slot_back(
    server: EmbeddedServer, portfolio: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    with coordinating(server.url, portfolio), proxy_to(server.port) as network:
        floor = Floor(network.url, portfolio, tmp_path)
        with floor.gate:
            floor.broker.gets_lost = lambda: network.redirect(1)
            floor.bar(0, Enter("long", 1))
            network.redirect(server.port)
            until(lambda: len(live.said("WorkerStarted")) > 1, "what the broker holds, once the bus is back")
            assert live.said("EntryWithdrawn") == []
            live.all_decided()
            assert live.status()["unsettled"] == "ES of ibs-ES: unknown_to_us"
        floor.close()


def test_an_entry_that_may_be_unanswered_for_longer_than_its_slot_lasts_is_not_sent(
    floor: Floor, live: Live
) -> None:
    floor.broker.sends_within_seconds = 30
    floor.bar(0, Enter("long", 1))
    assert floor.steps == ["signal", "filter long", "gate", "order"]
    assert floor.broker.positions() == []
    live.all_decided()
    assert live.status()["slots_used"] == "0"
    floor.broker.sends_within_seconds = 5
    floor.bar(1, Enter("long", 1))
    assert len(floor.broker.positions()) == 1


def test_the_filter_sees_every_bar_and_exits_never_ask_it(floor: Floor) -> None:
    floor.bar(0, Enter("long", 1))
    floor.bar(1)
    floor.bar(2, Exit("ibs"))
    assert isinstance(floor.filter, Says)
    assert floor.filter.taken == 3
    assert floor.steps.count("filter long") == 1
    assert floor.broker.positions() == []


def test_numbers_of_any_kind_and_length_are_rounded_before_the_broker_is_asked(
    floor: Floor, live: Live
) -> None:
    third = Decimal(15001) / 3
    one: Any = np.int64(1)
    for number, intent in enumerate((Enter("long", one), None, Exit("ibs"))):
        floor.strategy.next = [intent]
        floor.trader.on_bar(Bar("ES", START + timedelta(hours=number), third, third, third, third))
        assert [held.price for held in floor.broker.positions()] == (
            [third.quantize(Decimal("1e-10"))] * (number < 2)
        )
    live.all_decided()
    assert len(live.said("PositionClosed")) == 1
