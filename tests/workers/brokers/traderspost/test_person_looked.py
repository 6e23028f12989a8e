"""An order of which nobody knows, with a worker, the log, and the word of the person who looked."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from portfold.cli.main import run
from portfold.events.decisions import PositionMismatch
from portfold.workers.brokers.traderspost.broker import TradersPost
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.run.trader import Trader, holdings_of
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition
from tests.cli.command_line import Ran, called
from tests.coordinator.story import each
from tests.live import Live, read
from tests.processes import config_folder, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.brokers.desk import CONTRACTS, Desk
from tests.workers.brokers.traderspost.names import Names, no_such_name
from tests.workers.brokers.traderspost.webhook_server import refuses, resets


class Told:
    """A strategy that does what it is told on the next bar."""

    def __init__(self) -> None:
        self.next: Intent = None

    def decide(self, _bar: Bar, _held: OwnPosition | None) -> Intent:
        intent, self.next = self.next, None
        return intent


class Floor:
    """One worker with TradersPost behind the gate, a coordinator, and the command line."""

    def __init__(self, url: str, portfolio: str, desk: Desk, folder: Path) -> None:
        self.desk = desk
        self.broker = desk.broker()
        self.strategy = Told()
        log = desk.log
        self.gate = PortfolioGate(
            "ibs-CL",
            symbols=["CL"],
            settings=GateSettings(url=url, portfolio=portfolio, worker_lost_seconds=60, answer_seconds=10),
            holdings=lambda: holdings_of(self.broker, "ibs-CL"),
            log=log,
        )
        self.trade_with(self.broker)
        runtime = {"broker": {"kind": "traderspost", "options": {"webhook_url_env": "NOT_SET_HERE"}}}
        self._config = config_folder(folder / "config", runtime=runtime)
        self._place = ("--url", url, "--portfolio", portfolio, "--config", str(self._config))
        self._folder = folder

    def trade_with(self, broker: TradersPost) -> None:
        self.broker = broker
        self.trader = Trader(
            contract=CONTRACTS["CL"],
            strategy=self.strategy,
            gate=self.gate,
            broker=broker,
            log=self.desk.log,
        )

    def bar(self, price: str, intent: Intent = None) -> None:
        self.strategy.next = intent
        exact = Decimal(price)
        self.trader.on_bar(Bar("CL", datetime.now(UTC), exact, exact, exact, exact))

    def portfold(self, *words: str) -> Ran:
        return called(*words, "--book", str(self.desk.book), *self._place, cwd=self._folder)


@pytest.fixture
def floor(
    server: EmbeddedServer, portfolio: str, desk: Desk, tmp_path: Path, monkeypatch: Any
) -> Iterator[Floor]:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    with coordinating(server.url, portfolio):
        opened = Floor(server.url, portfolio, desk, tmp_path)
        with opened.gate:
            yield opened


def test_an_unknown_entry_counts_on_the_log_until_a_person_says_that_it_was_not_filled(
    floor: Floor, live: Live
) -> None:
    floor.desk.server.behaves(resets)
    floor.bar("71.25", Enter("long", 1))
    live.all_decided()
    assert live.status()["open_positions"] == "CL"
    assert live.status()["unsettled"] == "CL of ibs-CL: unknown_to_us"
    assert live.status()["slots_used"] == "1"
    mismatch = each(PositionMismatch, [read(entry) for entry in live.decisions()])
    assert [(one.kind, one.log_size, one.broker_size) for one in mismatch] == [("unknown_to_us", 0, 1)]

    listed = floor.portfold("reconcile")
    order = floor.broker.unsettled()[0].id
    assert (listed.code, listed.out.count("\n")) == (0, 1)
    assert listed.out.startswith(f"{order} (enter long 1 CLZ2025 of ibs-CL) unknown, expected price 71.26: ")

    said = floor.portfold("reconcile", order, "--not-filled", "--by", "jane", "--reason", "looked")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Order {order} is settled. On record as ")
    live.all_decided()
    assert (live.status()["open_positions"], live.status()["unsettled"]) == ("", "")
    floor.bar("71.25", Enter("long", 1))
    live.all_decided()
    assert live.status()["positions"].startswith("CL long 1 @ 71.26 by ibs-CL")


def test_an_unknown_entry_that_was_filled_is_settled_at_its_price(floor: Floor, live: Live) -> None:
    floor.desk.server.behaves(resets)
    floor.bar("71.25", Enter("long", 1))
    order = floor.broker.unsettled()[0].id
    words = ("reconcile", order, "--filled", "--price", "71.31", "--by", "jane", "--reason", "looked")
    assert floor.portfold(*words).code == 0
    again = floor.portfold(*words)
    assert (again.code, again.out) == (0, f"Order {order} is already recorded so; nothing is changed.\n")
    live.all_decided()
    assert live.status()["positions"].startswith("CL long 1 @ 71.31 by ibs-CL")
    assert live.status()["unsettled"] == ""
    floor.bar("72.00", Exit("ibs"))
    live.all_decided()
    assert live.status()["open_positions"] == ""
    assert live.status()["realized_pnl"] == "675.00"  # 0.68 x 1000 - 5


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"--by": "j" * 65}, "by: expected who, in 1 to 64 printable characters"),
        ({"--reason": "x" * 2000}, "reason: expected "),
        ({"--price": "12345678901"}, "price: expected a finite price"),
    ],
    ids=["by", "reason", "price"],
)
def test_words_that_the_log_does_not_take_settle_nothing_in_the_book_either(
    floor: Floor, live: Live, changed: dict[str, str], sentence: str
) -> None:
    floor.desk.server.behaves(resets)
    floor.bar("71.25", Enter("long", 1))
    [order], [believed] = floor.broker.unsettled(), floor.broker.positions()
    words = {"--by": "jane", "--reason": "looked", "--price": "71.31"} | changed
    said = floor.portfold(
        "reconcile", order.id, "--filled", *(word for pair in words.items() for word in pair)
    )
    assert said.code == 2
    assert sentence in said.err
    assert (floor.broker.unsettled(), floor.broker.positions()) == ([order], [believed])
    assert live.said("PositionSettled") == []


def test_an_entry_that_is_stopped_between_two_attempts_is_not_sent(
    floor: Floor, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_and_fail() -> None:
        live.flatten()
        no_such_name()

    Names(monkeypatch, floor.desk.server.port).first = [stop_and_fail]
    floor.bar("71.25", Enter("long", 1))
    live.all_decided()
    assert floor.desk.server.signals == []
    assert (floor.broker.positions(), floor.broker.unsettled()) == ([], [])
    assert (live.status()["slots_used"], live.status()["unsettled"]) == ("0", "")


def test_an_entry_that_was_given_up_does_not_arrive_after_the_exits_of_a_flatten(
    floor: Floor, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = threading.Event()
    Names(monkeypatch, floor.desk.server.port).first = [partial(stopped.wait, 30)] * 4
    floor.trade_with(floor.desk.broker(timeout=0.1))
    floor.bar("71.25", Enter("long", 1))
    live.flatten()
    stopped.set()
    until(lambda: not any(one.name == "webhook" for one in threading.enumerate()), "the last attempt's end")
    assert floor.desk.server.signals == []
    live.all_decided()
    assert live.status()["slots_used"] == "0"


@pytest.mark.parametrize("filled", [True, False])
def test_a_flatten_does_not_end_while_an_entry_is_unknown(floor: Floor, live: Live, *, filled: bool) -> None:
    floor.desk.server.behaves(resets)
    floor.bar("71.25", Enter("long", 1))
    live.flatten()
    until(lambda: floor.desk.server.signals[-1]["action"] == "exit", "the exit")
    live.all_decided()
    assert (live.status()["open_positions"], live.status()["flattening"]) == ("CL", "CL:long:1:ibs-CL")

    order = next(one for one in floor.broker.unsettled() if one.does == "enter")
    word = ("--filled", "--price", "71.30") if filled else ("--not-filled",)
    assert floor.portfold("reconcile", order.id, *word, "--by", "jane", "--reason", "looked").code == 0
    until(lambda: live.status()["flattening"] == "", "all to be closed")
    live.all_decided()
    assert (live.status()["open_positions"], floor.broker.positions()) == ("", [])
    closes = live.said("PositionClosed")
    assert [Decimal(close["pnl"]) for close in closes] == ([Decimal("-15.00")] if filled else [])


def test_an_exit_that_fails_is_tried_again_at_the_next_bar(floor: Floor, live: Live) -> None:
    floor.bar("71.25", Enter("long", 1))
    floor.desk.server.behaves(refuses())
    floor.bar("72.00", Exit("ibs"))
    live.all_decided()
    assert live.status()["open_positions"] == "CL"
    floor.bar("71.50")
    live.all_decided()
    assert live.status()["open_positions"] == ""


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["x"], 2, "expected --filled or --not-filled"),
        (["x", "--filled", "--not-filled"], 2, "expected --filled or --not-filled"),
        (["x", "--filled"], 2, "expected --by and --reason"),
        (["x", "--filled", "--price", "?", "--by", "j", "--reason", "r"], 2, "--price: expected a number"),
        (["x", "--filled", "--by", "j", "--reason", "r"], 1, "There is no order 'x' in the book"),
    ],
)
def test_mistakes_are_told(
    desk: Desk, words: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.broker()
    assert run(["reconcile", *words, "--book", str(desk.book), "--url", "redis://127.0.0.1:1/0"]) == code
    said = capsys.readouterr()
    assert sentence in said.err
    assert (said.err.count("\n"), said.out) == (1, "")


def test_without_a_book_there_are_no_orders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reconcile", "--book", str(tmp_path / "none")]) == 1
    assert "so there are no orders" in capsys.readouterr().err
