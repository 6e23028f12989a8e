"""The order of an entry: signal, filter, gate, order, fill reported; and each no along the way."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from portfold.clock import SystemClock
from portfold.config.contracts import read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.events.fields import Side
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.embedded import EmbeddedServer
from portfold.log import open_log
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import (
    BrokerError,
    BrokerPosition,
    ExitFill,
    Fill,
    FillAt,
    MaySend,
    OrderUnknown,
    always,
)
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.decision import Decision
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.progress import Progress
from portfold.workers.filters.protocol import Verdict
from portfold.workers.run.process import _trade
from portfold.workers.run.trader import Trader, holdings_of
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition
from tests.costs import costing
from tests.live import Live
from tests.processes import coordinating
from tests.proxy import proxy_to
from tests.waiting import until
from tests.workers.brokers.desk import locked

CONTRACTS = read_contracts(PACKAGED / CONTRACTS_FILE)
START = datetime(2025, 1, 6, 15, tzinfo=UTC)


class Wishes:
    """A strategy that wants what it is told to, bar by bar, and notes what it is shown."""

    def __init__(self, steps: list[str]) -> None:
        self.steps, self.next = steps, list[Intent]()
        self.shown: list[int | None] = []

    def decide(self, _bar: Bar, held: OwnPosition | None) -> Intent:
        self.shown.append(held.bars if held else None)
        intent = self.next.pop(0) if self.next else None
        self.steps.append("signal" if isinstance(intent, Enter) else "bar")
        return intent


class Says:
    """A filter that says the same to everything."""

    def __init__(self, steps: list[str], passed: bool) -> None:
        self.steps, self.passed = steps, passed
        self.taken = 0

    def take(self, _bar: Bar) -> None:
        self.taken += 1

    def judge(self, _bar: Bar, side: Side) -> Verdict:
        self.steps.append(f"filter {side}")
        return Verdict(self.passed, "told so")


class NotedBroker(PaperBroker):
    """The paper broker, whose orders are noted, and refused if so told."""

    steps: list[str]
    refuses = False
    silent = False
    sends_within_seconds = 0.0
    refused_exits: BrokerError | None = None
    gets_lost: Callable[[], object] | None = None

    def positions(self, owner: str | None = None) -> list[BrokerPosition]:
        if self.silent:
            raise BrokerError("Who knows")
        return super().positions(owner)

    def enter(
        self, symbol: str, side: Side, size: int, price: Decimal, *, may_send: MaySend = always
    ) -> Fill:
        self.steps.append("order")
        if self.refuses:
            raise BrokerError("Not today")
        if self.gets_lost is not None:
            super().enter(symbol, side, size, price, may_send=may_send)
            self.gets_lost()
            raise OrderUnknown("No answer")
        return super().enter(symbol, side, size, price, may_send=may_send)

    def exit(
        self, symbol: str, side: Side, size: int, price: Decimal | None, *, owner: str | None = None
    ) -> ExitFill:
        self.steps.append("exit")
        if self.refused_exits is not None:
            raise self.refused_exits
        return super().exit(symbol, side, size, price, owner=owner)


class Later(SystemClock):
    """The machine's clock, and what a test lets pass."""

    passed = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.passed


class NotedGate(PortfolioGate):
    """The gate, whose reports of fills are noted."""

    steps: list[str]

    def request_entry(self, *words: object, **more: object) -> Decision:
        self.steps.append("gate")
        return super().request_entry(*words, **more)  # type: ignore[arg-type]

    def position_opened(self, *words: object, **more: object) -> bool:
        self.steps.append("fill reported")
        return super().position_opened(*words, **more)  # type: ignore[arg-type]


class Floor:
    """A trader of ES behind a real gate; each life of it has the same book and the same progress."""

    def __init__(self, url: str, portfolio: str, folder: Path) -> None:
        self.steps: list[str] = []
        self._folder = folder
        self.said = StringIO()
        self.log, self._lines = open_log("ibs-ES", target=self.said)
        settings = GateSettings(url=url, portfolio=portfolio, worker_lost_seconds=60, answer_seconds=10)
        self.book = folder / "book.sqlite"
        self.broker = NotedBroker(self.book, "ibs-ES", costing(CONTRACTS), patience=0.1)
        self.gate = NotedGate(
            "ibs-ES",
            symbols=["ES"],
            settings=settings,
            holdings=lambda: holdings_of(self.broker, "ibs-ES"),
            log=self.log,
        )
        self.broker.steps = self.gate.steps = self.steps
        self.begin()

    def begin(self, *, passes: bool | None = True, fill_at: FillAt = "mark", of_now: bool = True) -> None:
        """A new life of the trader."""
        self.of_now = of_now
        self.clock = Later()
        self.strategy = Wishes(self.steps)
        self.filter = Says(self.steps, passes) if passes is not None else None
        self.trader = Trader(
            contract=CONTRACTS["ES"],
            strategy=self.strategy,
            gate=self.gate,
            broker=self.broker,
            log=self.log,
            entry_filter=self.filter,
            progress=Progress(self._folder / "progress.json"),
            fill_at=fill_at,
            of_now=lambda _: self.of_now,
            clock=self.clock,
        )

    def bar(self, number: int, intent: Intent = None, opens: int = 5000) -> None:
        self.strategy.next = [intent]
        self.trader.on_bar(bar(number, opens))

    def close(self) -> None:
        self.broker.close()
        self._lines.close()


def bar(number: int, opens: int = 5000) -> Bar:
    open_, close = Decimal(opens), Decimal(5000)
    return Bar("ES", START + timedelta(hours=number), open_, max(open_, close), min(open_, close), close)


@pytest.fixture
def floor(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Floor]:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    with coordinating(server.url, portfolio):
        opened = Floor(server.url, portfolio, tmp_path)
        with opened.gate:
            yield opened
        opened.close()


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


# --- a broker that fails ---------------------------------------------------------------------------------


def test_a_book_that_is_locked_for_a_while_ends_no_worker(floor: Floor, live: Live) -> None:
    floor.bar(0, Enter("long", 1))
    with locked(floor.book):
        floor.bar(1, Exit("ibs"))
    assert "The broker failed when it took note of the last price" in floor.said.getvalue()
    assert len(floor.broker.positions()) == 1
    floor.bar(2)
    assert (floor.broker.positions(), floor.strategy.shown) == ([], [None, 1, 2])
    with locked(floor.book):
        floor.bar(3, Enter("long", 1))
    floor.bar(4, Enter("long", 1))
    live.all_decided()
    assert (live.status()["open_positions"], live.status()["slots_used"]) == ("ES", "1")


def tries(floor: Floor, seconds: float) -> int:
    """How often the exit is tried within so many seconds without a bar, looked at four times a second."""
    floor.steps.clear()
    for _ in range(round(seconds * 4)):
        floor.clock.passed += 0.25
        floor.trader.between_bars()
    return floor.steps.count("exit")


def test_an_exit_that_the_broker_did_not_do_is_tried_again_within_seconds(floor: Floor, live: Live) -> None:
    floor.bar(0, Enter("long", 1))
    floor.broker.refused_exits = BrokerError("Too many requests")
    floor.bar(1, Exit("ibs"))
    assert tries(floor, 2.5) == 1
    assert tries(floor, 60) in (4, 5)  # at growing pauses
    floor.broker.silent = True
    assert tries(floor, 120) == 0
    floor.broker.silent, floor.broker.refused_exits = False, None
    assert tries(floor, 60.5) == 1
    assert floor.broker.positions() == []
    assert tries(floor, 120) == 0
    live.all_decided()
    assert [close["reason"] for close in live.said("PositionClosed")] == ["ibs"]


def test_a_workers_process_tries_it_while_no_bar_comes(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    with coordinating(server.url, portfolio):
        floor = Floor(server.url, portfolio, tmp_path)

        def bars() -> Iterator[Bar | None]:
            floor.strategy.next = [Enter("long", 1), Exit("ibs")]
            yield bar(0)
            floor.broker.refused_exits = BrokerError("Too many requests")
            yield bar(1)
            floor.broker.refused_exits = None
            floor.clock.passed += 3
            yield None
            assert floor.broker.positions() == []

        _trade(floor.gate, floor.trader, bars(), False, threading.Event(), floor.log)
        assert floor.steps.count("exit") == 2
        floor.close()


def test_an_exit_of_which_nobody_knows_waits_for_the_next_bar(floor: Floor) -> None:
    floor.bar(0, Enter("long", 1))
    floor.broker.refused_exits = OrderUnknown("No answer")
    floor.bar(1, Exit("ibs"))
    assert tries(floor, 120) == 0
    floor.broker.refused_exits = None
    floor.bar(2)
    assert floor.broker.positions() == []


def test_what_was_flattened_meanwhile_is_not_left_again(floor: Floor) -> None:
    floor.bar(0, Enter("long", 1))
    floor.broker.refused_exits = BrokerError("Too many requests")
    floor.bar(1, Exit("ibs"))
    floor.broker.refused_exits = None
    floor.trader.flatten(FlattenOrder("1-0", StreamId(1, 0), "daily stop loss", everything=True))
    assert tries(floor, 120) == 0


def test_a_disk_that_is_full_opens_nothing_and_stops_no_exit(
    floor: Floor, live: Live, tmp_path: Path
) -> None:
    floor.bar(0, Enter("long", 1))
    (tmp_path / "progress.json.new").mkdir()  # so that nothing can be written there, by whomever
    floor.bar(1, Exit("ibs"))
    assert floor.broker.positions() == []
    floor.bar(2, Enter("long", 1))
    assert "A bar is not noted, so nothing is opened" in floor.said.getvalue()
    (tmp_path / "progress.json.new").rmdir()
    live.all_decided()
    assert len(live.said("EntryRequested")) == 1
    floor.bar(3, Enter("long", 1))
    assert len(floor.broker.positions()) == 1


def test_a_broker_that_cannot_say_what_is_held_opens_nothing_and_the_exit_waits(
    floor: Floor, live: Live
) -> None:
    floor.bar(0, Enter("long", 1))
    floor.bar(1)
    floor.broker.silent = True
    floor.bar(2, Enter("long", 1))
    floor.bar(3, Exit("ibs"))
    floor.broker.silent = False
    assert floor.strategy.shown == [None, 1, 1, 1]  # as it was last known
    floor.bar(4)
    assert floor.broker.positions() == []
    live.all_decided()
    assert len(live.said("EntryRequested")) == 1


@pytest.mark.parametrize("fill_at", ["mark", "next_bar"])
def test_a_broker_that_cannot_say_what_is_held_after_a_start_is_asked_again(
    floor: Floor, fill_at: FillAt
) -> None:
    floor.bar(0, Enter("long", 1))
    floor.begin(fill_at=fill_at)
    floor.broker.silent = True
    floor.bar(1, Exit("ibs"))
    floor.broker.silent = False
    floor.bar(2)
    floor.bar(3)
    assert floor.broker.positions() == []


# --- a life after another ---------------------------------------------------------------------------------


def test_a_new_life_knows_how_long_its_position_is_open(floor: Floor) -> None:
    floor.bar(0)
    floor.bar(1, Enter("long", 1))
    floor.bar(2)
    floor.begin()
    assert floor.trader.resumes_after == bar(2).time
    for number in range(3):
        floor.trader.warm_up(bar(number))
    floor.bar(3)
    assert floor.strategy.shown == [None, None, 1, 2]
    assert floor.steps.count("order") == 1


def test_a_new_life_sees_the_position_of_the_last_one_go(floor: Floor) -> None:
    for number, intent in enumerate((Enter("long", 1), Exit("ibs"), None)):
        floor.bar(number, intent)
    floor.begin()
    for number in range(3):
        floor.trader.warm_up(bar(number))
    assert floor.strategy.shown == [None, 0, None]


def test_a_new_life_leaves_what_the_last_one_wanted_to_leave(floor: Floor) -> None:
    floor.bar(0, Enter("long", 1))
    floor.bar(1)
    floor.begin()
    floor.strategy.next = [None, Exit("max_bars")]  # at bar 1, as the last life would have, had it lived on
    for number in range(2):
        floor.trader.warm_up(bar(number))
    assert len(floor.broker.positions()) == 1
    floor.bar(2)
    assert floor.broker.positions() == []


# --- filled at the next bar -------------------------------------------------------------------------------


def numbers(live: Live, kind: str, field: str) -> list[Decimal]:
    return [Decimal(event[field]) for event in live.said(kind)]


def test_at_the_next_bar_an_entry_that_passed_the_filter_is_asked_for_and_filled_at_the_open(
    floor: Floor, live: Live
) -> None:
    floor.begin(fill_at="next_bar")
    floor.bar(0, Enter("long", 1))
    assert floor.steps == ["signal", "filter long"]
    floor.bar(1, opens=4990)
    assert floor.steps == ["signal", "filter long", "gate", "order", "fill reported", "bar"]
    live.all_decided()
    assert numbers(live, "PositionOpened", "price") == [4990]
    assert numbers(live, "PositionMarked", "unrealized") == [500]  # at the close


def test_at_the_next_bar_an_exit_is_filled_at_the_open(floor: Floor, live: Live) -> None:
    floor.begin(fill_at="next_bar")
    floor.bar(0, Enter("long", 1))
    floor.bar(1, opens=4990)
    floor.bar(2, Exit("ibs"))
    assert len(floor.broker.positions()) == 1
    floor.bar(3, opens=5004)
    assert floor.broker.positions() == []
    live.all_decided()
    assert numbers(live, "PositionClosed", "price") == [5004]
    assert numbers(live, "PositionClosed", "pnl") == [700]


def test_at_the_next_bar_the_bar_of_the_fill_is_the_bar_of_the_entry(floor: Floor) -> None:
    floor.begin(fill_at="next_bar")
    floor.bar(0, Enter("long", 1))
    floor.bar(1)
    floor.bar(2)
    assert floor.strategy.shown == [None, 0, 1]


def test_an_order_to_flatten_does_not_wait_for_the_next_bar(floor: Floor, live: Live) -> None:
    floor.begin(fill_at="next_bar")
    floor.bar(0, Enter("long", 1))
    floor.bar(1, opens=4990)
    floor.trader.flatten(FlattenOrder("1", ORIGIN, "stop loss", everything=True))
    assert floor.broker.positions() == []
    live.all_decided()
    assert numbers(live, "PositionClosed", "price") == [5000]


def test_an_entry_that_waited_when_a_life_ended_is_not_made(floor: Floor) -> None:
    floor.begin(fill_at="next_bar")
    floor.bar(0, Enter("long", 1))
    floor.begin(fill_at="next_bar")
    floor.strategy.next = [Enter("long", 1)]
    floor.trader.warm_up(bar(0))
    floor.bar(1)
    assert "gate" not in floor.steps


def test_at_the_next_bar_a_new_life_knows_how_long_its_position_is_open(floor: Floor) -> None:
    floor.begin(fill_at="next_bar")
    floor.bar(0, Enter("long", 1))
    floor.bar(1)
    floor.begin(fill_at="next_bar")
    floor.strategy.next = [None, Exit("max_bars")]
    floor.trader.warm_up(bar(0))
    floor.trader.warm_up(bar(1))
    assert floor.strategy.shown == [None, 0]
    floor.bar(2, opens=5002)
    assert floor.broker.positions() == []


@pytest.mark.parametrize("fill_at", ["mark", "next_bar"])
def test_a_bar_that_is_not_of_now_opens_nothing_and_closes_all_the_same(
    floor: Floor, fill_at: FillAt
) -> None:
    floor.begin(fill_at=fill_at, of_now=False)
    floor.bar(0, Enter("long", 1))
    floor.bar(1)
    floor.of_now = True
    floor.bar(2, Enter("long", 1))
    floor.of_now = fill_at == "next_bar"
    floor.bar(3)
    assert [held.symbol for held in floor.broker.positions("ibs-ES")] == ["ES"]
    assert floor.steps.count("gate") == 1
    floor.of_now = False
    floor.bar(4, Exit("ibs"))
    floor.bar(5)
    assert floor.broker.positions("ibs-ES") == []
