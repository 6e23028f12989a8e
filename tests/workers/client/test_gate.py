"""The gate on a real server: a yes only when the coordinator said so, no fact lost, no order missed."""

import io
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from portfold.events.codec import RefusedField
from portfold.events.decisions import EntryAllowed, PositionAdopted, PositionMismatch, StopLossTriggered
from portfold.events.incoming import WorkerRetired
from portfold.events.legs import Holding, Leg
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import EmbeddedServer
from portfold.log import open_log
from portfold.workers.brokers.protocol import BrokerError
from portfold.workers.client.amount import Amount
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.decision import Decision
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.publisher import OutboxFull
from portfold.workers.client.settings import GateSettings
from tests.coordinator.story import each, only
from tests.live import Live, flat, read
from tests.processes import ChildProcess, Coordinators, config_folder, coordinating
from tests.proxy import proxy_to
from tests.waiting import PATIENCE_SECONDS, until


class Gates:
    """Makes gates for a test, and closes them with it."""

    def __init__(self, url: str, portfolio: str) -> None:
        self._settings: dict[str, Any] = {
            "url": url,
            "portfolio": portfolio,
            "heartbeat_seconds": 0.05,
            "worker_lost_seconds": 60.0,
            "answer_seconds": 5.0,
        }
        self._open: list[PortfolioGate] = []
        self.said = io.StringIO()
        self._log, self._lines = open_log("worker", target=self.said)

    def __call__(
        self,
        worker: str = "ibs-ES",
        *,
        holdings: Callable[[], list[Holding]] = list,
        callbacks: tuple[Callable[[FlattenOrder], None], ...] = (),
        **settings: Any,
    ) -> PortfolioGate:
        """A gate that has been started."""
        gate = PortfolioGate(
            worker,
            symbols=["ES"],
            settings=GateSettings(**(self._settings | settings)),
            holdings=holdings,
            log=self._log,
        )
        for callback in callbacks:
            gate.on_flatten(callback)
        self._open.append(gate)
        return gate.start()

    def close(self, gate: PortfolioGate, reason: str = "") -> None:
        self._open.remove(gate)
        gate.close(reason)

    def end(self) -> None:
        for gate in list(self._open):
            self.close(gate)
        self._lines.close()

    def logged(self, text: str) -> dict[str, Any]:
        """Waits for a line of the workers' log."""

        def look() -> dict[str, Any] | None:
            lines = [json.loads(line) for line in self.said.getvalue().splitlines()]
            return next((line for line in lines if text in line["event"]), None)

        return until(look, f"{text!r} in a worker's log")


@pytest.fixture(autouse=True)
def _listen_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that is closed waits for its listener's read: let that be short."""
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)


@pytest.fixture
def gates(server: EmbeddedServer, portfolio: str) -> Iterator[Gates]:
    made = Gates(server.url, portfolio)
    yield made
    made.end()


@pytest.fixture
def coordinator(server: EmbeddedServer, portfolio: str) -> Iterator[None]:
    with coordinating(server.url, portfolio):
        yield


@contextmanager
def own_server(folder: Path, portfolio: str, client: Any) -> Iterator[tuple[EmbeddedServer, Gates, Live]]:
    """A server to stop and to kill, with gates and a view of the portfolio on it."""
    with EmbeddedServer(folder) as server:
        gates, bus = Gates(server.url, portfolio), Bus(connect(server.url), portfolio)
        try:
            yield server, gates, Live(bus, client)
        finally:
            gates.end()
            bus.close()


def withdrawn(live: Live) -> list[str]:
    """Why slots were given back, so far."""
    return [fields.get("reason", "") for fields in live.said("EntryWithdrawn")]


# --- the answer -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinator")
def test_a_yes_is_truthy_and_a_no_is_falsy_and_both_unpack(gates: Gates) -> None:
    gate = gates()
    yes, no = gate.request_entry("ES"), gate.request_entry("ES", side="short")
    assert yes
    assert not no
    assert [bool(yes), bool(no)] == [True, False]
    allowed, reason = yes
    assert (allowed, reason) == (True, "Allowed, slot 1 of 4")
    allowed, reason = no
    assert (allowed, reason) == (False, "ES is already reserved by ibs-ES")
    assert (yes.code, no.code) == ("", "symbol_pending")
    assert repr(yes) == "Decision(allowed, ES, 'Allowed, slot 1 of 4')"
    assert repr(no) == "Decision(denied, ES, 'ES is already reserved by ibs-ES')"


@pytest.mark.usefixtures("coordinator")
def test_the_answer_to_each_of_many_threads_is_its_own(gates: Gates, live: Live) -> None:
    gate = gates()
    symbols = ["6A", "6B", "6C", "6N", "6S", "CL", "ES", "PL", "RTY", "SI"]
    answers: dict[str, Any] = {}
    threads = [
        threading.Thread(target=lambda symbol=symbol: answers.update({symbol: gate.request_entry(symbol)}))
        for symbol in symbols
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    live.all_decided()
    allowed = {decision.symbol for decision in each(EntryAllowed, map(read, live.decisions()))}
    assert len(allowed) == 4
    assert {symbol for symbol, answer in answers.items() if answer} == allowed
    assert {answer.code for answer in answers.values() if not answer} == {"max_positions"}
    assert {answer.symbol for answer in answers.values()} == set(symbols)


@pytest.mark.usefixtures("coordinator")
def test_a_worker_may_be_called_like_a_field(gates: Gates) -> None:
    assert gates("event").request_entry("ES")
    assert gates("chain").request_entry("ES").code == "symbol_pending"


@pytest.mark.usefixtures("coordinator")
def test_an_unused_slot_is_given_back_at_the_end_of_the_block(gates: Gates, live: Live) -> None:
    gate = gates()
    with gate.request_entry("ES") as entry:
        assert entry
    assert withdrawn(live) == ["not entered"]
    assert gate.request_entry("ES")


@pytest.mark.usefixtures("coordinator")
def test_a_slot_is_kept_through_an_exception_which_goes_on_until_it_is_given_back(
    gates: Gates, live: Live
) -> None:
    gate = gates()
    with pytest.raises(ZeroDivisionError), gate.request_entry("ES"):
        print(1 / 0)
    assert withdrawn(live) == []
    assert gate.request_entry("ES").code == "symbol_pending"
    gate.withdraw("ES", "nothing was sent")
    assert gate.request_entry("ES")


def test_the_slot_of_a_block_that_failed_is_renewed_while_the_process_lives(
    gates: Gates, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    short = config_folder(tmp_path / "config", runtime={"reservation_seconds": 1.0, "answer_seconds": 0.1})
    with coordinating(server.url, portfolio, config=short):
        gate = gates()
        with pytest.raises(ZeroDivisionError), gate.request_entry("ES"):
            print(1 / 0)
        until(lambda: len(live.said("EntryRenewed")) >= 3, "renewals")
        live.all_decided()
        assert live.status()["reserved"] != ""


@pytest.mark.usefixtures("coordinator")
def test_a_slot_that_was_used_is_kept_also_through_an_exception(gates: Gates, live: Live) -> None:
    gate = gates()

    def enter_and_fail() -> None:
        with gate.request_entry("ES") as entry:
            assert entry
            gate.position_opened("ES", price="5000.25")
            print(1 / 0)

    with pytest.raises(ZeroDivisionError):
        enter_and_fail()
    assert withdrawn(live) == []
    assert gate.request_entry("ES").code == "symbol_in_position"


@pytest.mark.usefixtures("coordinator")
def test_a_pickled_answer_says_the_same_and_is_no_way_to_the_slot(gates: Gates, live: Live) -> None:
    gate = gates()
    decision = gate.request_entry("ES")
    there = ForkingPickler.loads(ForkingPickler.dumps(decision))
    assert (bool(there), *there, there.event) == (True, *decision, decision.event)
    assert not gate.standing(there)
    with there:
        pass
    assert gate.standing(decision)
    assert live.said("EntryWithdrawn") == []


@pytest.mark.usefixtures("coordinator")
def test_a_denied_entry_has_nothing_to_give_back(gates: Gates, live: Live) -> None:
    gate = gates()
    with gate.request_entry("NQ") as entry:
        assert entry.code == "symbol_not_allowed"
    assert withdrawn(live) == []


# --- every failure is a no ------------------------------------------------------------------------------


def test_without_a_coordinator_it_is_a_no_and_the_request_is_withdrawn(
    gates: Gates, live: Live, server: EmbeddedServer, portfolio: str
) -> None:
    with coordinating(server.url, portfolio):
        pass  # so that limits are in force
    no = gates(answer_seconds=0.1).request_entry("ES")
    assert (no.allowed, no.code, no.reason) == (False, "no_answer", "No answer within 0.1 s")
    with coordinating(server.url, portfolio):
        live.all_decided()  # the late coordinator allows it, and is told at once that it is not wanted
        assert only(EntryAllowed, map(read, live.decisions())).symbol == "ES"
        assert withdrawn(live) == ["no answer in time"]
        assert live.status()["slots_used"] == "0"


def test_without_a_server_it_is_a_no_until_it_is_there(portfolio: str, client: Any, tmp_path: Path) -> None:
    with own_server(tmp_path, portfolio, client) as (server, gates, live):
        server.stop()
        gate = gates(answer_seconds=0.1)
        no = gate.request_entry("ES")
        assert (no.allowed, no.code) == (False, "bus_unreachable")
        server.restart()
        with coordinating(server.url, portfolio):
            until(lambda: live.said("WorkerStarted"), "the worker's announcement")
            live.all_decided()
            until(lambda: gate.request_entry("ES"), "a yes in time")
            server.kill()
            assert gate.request_entry("ES").code == "bus_unreachable"
            server.restart()


def test_a_server_that_does_not_answer_is_a_no_and_the_slot_is_free_when_it_does(
    portfolio: str, client: Any, tmp_path: Path
) -> None:
    with (
        own_server(tmp_path, portfolio, client) as (server, gates, live),
        coordinating(server.url, portfolio),
    ):
        gate = gates(answer_seconds=0.1)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            no = gate.request_entry("ES")
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert (no.allowed, no.code) == (False, "bus_unreachable")
        until(lambda: withdrawn(live), "the withdrawal")
        live.all_decided()
        assert withdrawn(live) == ["the request may not have arrived"]
        assert live.status()["slots_used"] == "0"


RIGHT = ["type", "EntryAllowed", "worker", "ibs-ES", "symbol", "ES", "side", "long", "size", "1",
         "expires_ms", "99999999999999", "slots", "1", "max_positions", "4"]  # fmt: skip


CAUSE = "<the request>"


@pytest.mark.parametrize(
    "garbage",
    [
        ["", ""],
        ["type", "EntryAllowed"],
        ["type", "EntryAllowed", "event", CAUSE],
        ["event", CAUSE, "chain", "c"],
        ["type", "EntryAllowed", "event", CAUSE, "chain", "c"],
        [*RIGHT, "event", CAUSE],
        [*RIGHT, "event", "1-1", "chain", "c"],
        [*RIGHT, "by", "me", "event", CAUSE, "chain", "c"],
        [*RIGHT[:-1], "\udcff", "event", CAUSE, "chain", "c"],
        [*RIGHT[:10], "expires_ms", "5", *RIGHT[12:], "event", CAUSE, "chain", "c"],
        ["type", "EntryExpired", *RIGHT[2:10], "request", "1-1", "reason", "", "event", CAUSE, "chain", "c"],
    ],
)
def test_an_answer_that_is_none_is_a_no(gates: Gates, live: Live, client: Any, garbage: list[str]) -> None:
    [no] = answers_of_a_mad_coordinator(gates(answer_seconds=0.3), live, client, garbage)
    assert (no.allowed, no.code) == (False, "no_answer")
    assert withdrawn(live) == ["no answer in time"]


def test_the_right_answer_would_have_been_a_yes(gates: Gates, live: Live, client: Any) -> None:
    [yes] = answers_of_a_mad_coordinator(gates(), live, client, [*RIGHT, "event", CAUSE, "chain", "c"])
    assert yes.allowed


def answers_of_a_mad_coordinator(
    gate: PortfolioGate, live: Live, client: Any, words: list[str]
) -> list[Decision]:
    """The answer to a request for which the test itself writes the decision."""
    answers: list[Decision] = []
    asking = threading.Thread(target=lambda: answers.append(gate.request_entry("ES")))
    asking.start()
    until(lambda: live.said("EntryRequested"), "the request")
    request = live.bus.last_event()
    decision = [word.replace(CAUSE, str(request)).encode("utf-8", "surrogateescape") for word in words]
    client.execute_command("XADD", live.keys.decisions, str(request.decision(0)), *decision)
    asking.join(10)
    return answers


MISTAKES: list[tuple[Callable[[Any], object], str]] = [
    (lambda gate: gate.request_entry("es"), "EntryRequested.symbol: expected a symbol of 1 to 12 capitals"),
    (lambda gate: gate.request_entry("ES", side="LONG"), "EntryRequested.side: expected long or short"),
    (lambda gate: gate.request_entry("ES", size=0), "EntryRequested.size: expected a whole number"),
    (lambda gate: gate.request_entry("ES", size=1.5), "EntryRequested.size: expected a whole number"),
    (lambda gate: gate.request_entry("ES", size="1"), "EntryRequested.size: expected a whole number"),
    (lambda gate: gate.request_entry("ES", strategy="x" * 501), "EntryRequested.strategy: expected at most"),
    (lambda gate: gate.position_opened("ES", price="cheap"), "price: expected a number, got 'cheap'"),
    (lambda gate: gate.position_opened("ES", price=float("nan")), "PositionOpened.price: expected a finite"),
    (lambda gate: gate.position_opened("ES", price=float("inf")), "PositionOpened.price: expected a finite"),
    (lambda gate: gate.position_opened("ES", price=1e20), "PositionOpened.price: expected a finite"),
    (lambda gate: gate.position_opened("ES", price=None), "price: expected a number, got 'None'"),
    (lambda gate: gate.position_closed("ES", price=1, pnl="-", commission=0), "pnl: expected a number"),
    (
        lambda gate: gate.position_marked("ES", price=1, unrealized=Decimal("1e10")),
        "PositionMarked.unrealized: expected a finite amount in dollars",
    ),
]


@pytest.mark.usefixtures("coordinator")
def test_what_is_no_request_or_report_is_refused_with_the_field_and_nothing_is_published(
    gates: Gates, live: Live
) -> None:
    gate = gates()
    for mistake, sentence in MISTAKES:
        with pytest.raises(RefusedField, match=sentence):
            mistake(gate)
    live.all_decided()
    assert live.events()[-1].fields[1] == "WorkerStarted"
    assert gate.request_entry("ES")


# --- facts ----------------------------------------------------------------------------------------------


PRICES: list[tuple[Amount, str]] = [
    ("71.25", "71.25"),
    (71.25, "71.25"),
    (Decimal("71.250"), "71.250"),
    (71, "71"),
    (-37.63, "-37.63"),
    (0.1 + 0.2, "0.3"),
    (1e-7, "0.0000001"),
    (5e8, "500000000"),
    (0.0, "0"),
]


def test_a_price_means_what_its_author_wrote(gates: Gates, live: Live) -> None:
    gate = gates()
    for price, _ in PRICES:
        assert gate.position_opened("ES", price=price)
    assert [opened["price"] for opened in live.said("PositionOpened")] == [written for _, written in PRICES]


@pytest.mark.usefixtures("coordinator")
def test_dollars_that_floats_added_up_are_a_report_like_any_other(gates: Gates, live: Live) -> None:
    gate = gates()
    gate.position_opened("ES", price=100)
    pnl = 1.1 * 3
    assert len(str(pnl)) > 15  # 3.3000000000000003, and no amount has so many decimals
    assert gate.position_closed("ES", price=100.166, pnl=pnl, commission=5.0)
    live.all_decided()
    assert live.said("PositionClosed")[0]["pnl"] == "3.3"
    assert live.status()["realized_pnl"] == "3.30"


@pytest.mark.usefixtures("coordinator")
@pytest.mark.parametrize("odd", ["Kurs\x00 \udce9 \u202e", "x" * 1000, "\x00" * 500, "a b/c"])
def test_no_fact_is_refused_for_its_words_and_a_fill_keeps_one_name(
    gates: Gates, live: Live, odd: str
) -> None:
    gate = gates()
    gate.position_opened("ES", price=100, fill=odd)
    for _ in range(2):
        gate.position_closed("ES", price=101, pnl=45, commission=5, reason=odd, fill=odd)
    live.all_decided()
    assert [type(read(entry)).__name__ for entry in live.decisions()].count("EventRejected") == 1
    assert live.status()["realized_pnl"] == "45.00"
    assert live.status()["open_positions"] == ""
    assert gate.withdraw("ES", odd)


@pytest.mark.usefixtures("coordinator")
def test_a_journal_that_could_not_note_a_report_is_told_again_and_holds_up_nothing(gates: Gates) -> None:
    gate = gates()
    tries: list[int] = []
    locked = threading.Event()

    def noted() -> None:
        tries.append(threading.get_ident())
        if len(tries) == 1:
            raise TimeoutError("the book is locked")
        locked.wait(PATIENCE_SECONDS)

    gate.position_opened("ES", price=100)
    gate.position_closed("ES", price=101, pnl=45, commission=5, recorded=noted)
    until(lambda: len(tries) == 2, "another attempt")
    assert gate.request_entry("ES")  # while the journal hangs
    assert gate.position_opened("ES", price=100)
    locked.set()
    assert len(set(tries)) == 2


def test_what_the_bus_took_late_is_noted_then(gates: Gates, server: EmbeddedServer, portfolio: str) -> None:
    with coordinating(server.url, portfolio), proxy_to(server.port) as network:
        gate = gates(url=network.url, answer_seconds=0.1)
        gate.position_opened("ES", price=100)
        network.redirect(1)
        noted = threading.Event()
        assert not gate.position_closed("ES", price=1, pnl=-5, commission=5, recorded=noted.set)
        assert not noted.is_set()
        network.redirect(server.port)
        assert noted.wait(PATIENCE_SECONDS)


@pytest.mark.usefixtures("coordinator")
def test_numbers_as_libraries_make_them_are_a_report_like_any_other(gates: Gates, live: Live) -> None:
    gate: Any = gates()
    assert gate.request_entry("ES", size=np.int64(2))
    gate.position_opened("ES", size=np.int64(2), price=Decimal(15001) / 3)
    assert gate.position_closed(
        "ES",
        size=np.int8(2),
        price=np.float32(4990.5),
        pnl=Decimal(-1000) / 3,
        commission=np.int64(5),
    )
    live.all_decided()
    (opened,), (closed,) = live.said("PositionOpened"), live.said("PositionClosed")
    assert (opened["size"], opened["price"]) == ("2", "5000.3333333333")
    assert (closed["price"], closed["pnl"], closed["commission"]) == ("4990.5", "-333.3333333333", "5")
    assert live.status()["open_positions"] == ""


def test_facts_wait_for_a_killed_server_and_are_told_in_order_and_once(
    portfolio: str, client: Any, tmp_path: Path
) -> None:
    with own_server(tmp_path, portfolio, client) as (server, gates, live):
        gate = gates(answer_seconds=0.1)
        server.kill()
        assert not gate.position_opened("ES", price="5000")
        assert not gate.position_closed("ES", price="5001", pnl="45", commission="5")
        assert not gate.position_opened("CL", side="short", price="-37.63")
        server.restart()
        until(lambda: len(live.events()) >= 4, "three facts")
        told = [flat(entry) for entry in live.events() if entry.fields[1] != "WorkerStarted"]
        assert [(fact["type"], fact["symbol"]) for fact in told] == [
            ("PositionOpened", "ES"),
            ("PositionClosed", "ES"),
            ("PositionOpened", "CL"),
        ]
        assert [int(fact["seq"]) for fact in told] == sorted({int(fact["seq"]) for fact in told})
        with coordinating(server.url, portfolio):
            live.all_decided()
            assert live.open == ["CL:short:1"]


@pytest.mark.usefixtures("coordinator")
def test_a_report_whose_answer_was_lost_is_published_again_and_folded_once(
    gates: Gates, live: Live, server: EmbeddedServer
) -> None:
    with proxy_to(server.port) as network:
        gate = gates(url=network.url)
        network.lose("answer", b"EntryRequested")
        assert gate.request_entry("ES")
        network.lose("answer", b"PositionOpened")
        assert gate.position_opened("ES", price="5000")
        live.all_decided()
        first, again = live.said("EntryRequested")
        assert first == again
        allowed = each(EntryAllowed, map(read, live.decisions()))
        assert [bool(answer.repeats) for answer in allowed] == [False, True]
        first, again = live.said("PositionOpened")
        assert first == again
        assert live.open == ["ES:long:1"]
        assert live.status()["limit_breaches"] == "0"
        gates.close(gate)


@pytest.mark.usefixtures("coordinator")
def test_a_report_that_got_lost_on_its_way_is_published_again(
    gates: Gates, live: Live, server: EmbeddedServer
) -> None:
    with proxy_to(server.port) as network:
        gate = gates(url=network.url)
        network.lose("command", b"PositionOpened", times=2)
        assert gate.position_opened("ES", price="5000")
        assert len(live.said("PositionOpened")) == 1
        assert network.lost == 2
        gates.close(gate)


def test_the_outbox_is_bounded_and_says_so_and_what_it_took_is_told(
    portfolio: str, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.client.publisher.OUTBOX", 3)
    with own_server(tmp_path, portfolio, client) as (server, gates, live):
        gate = gates(answer_seconds=0.02)
        server.kill()
        for price in (1, 2, 3):
            assert not gate.position_opened("ES", price=price)
        with pytest.raises(OutboxFull, match="3 facts already wait for the bus; this one is not recorded"):
            gate.position_opened("ES", price=4)
        assert gate.request_entry("ES").code == "bus_unreachable"
        server.restart()
        until(lambda: len(live.said("PositionOpened")) == 3, "three facts")
        assert [fact["price"] for fact in live.said("PositionOpened")] == ["1", "2", "3"]


def test_requests_while_the_bus_is_away_do_not_fill_the_outbox(
    portfolio: str, client: Any, tmp_path: Path
) -> None:
    with own_server(tmp_path, portfolio, client) as (server, gates, live):
        gate = gates(answer_seconds=0.02)
        server.kill()
        assert [gate.request_entry("ES").allowed for _ in range(20)] == [False] * 20
        server.restart()
        gate.position_opened("ES", price=1)
        until(lambda: live.said("PositionOpened"), "what waited before it, and the fact")
        assert len(withdrawn(live)) <= 1  # of the request that found out; the others were not even made


# --- orders to flatten ----------------------------------------------------------------------------------


class Strategy:
    """Remembers what it was told; with `closes` reports all of it closed, unless the broker fails."""

    def __init__(self, *, closes: bool = False, failing: int = 0) -> None:
        self.orders: list[FlattenOrder] = []
        self.threads: list[str] = []
        self.gate: PortfolioGate | None = None
        self._closes = closes
        self._failing = failing

    def __call__(self, order: FlattenOrder) -> None:
        self.threads.append(threading.current_thread().name)
        self.orders.append(order)
        if len(self.orders) <= self._failing:
            raise RuntimeError("the broker is closed")
        if not self._closes:
            return
        gate = until(lambda: self.gate, "the gate")  # an order may come before its start has returned
        for leg in order.positions:
            gate.position_closed(leg.symbol, leg.side, leg.size, price="100", pnl="-5", commission="5")


def stopped_out(live: Live) -> StopLossTriggered:
    """Another worker loses what may be lost in a day."""
    live.asks("CL")
    live.fills("CL")
    return only(StopLossTriggered, live.closes("CL", pnl="-2500", price="97.505", commission="5"))


@pytest.mark.usefixtures("coordinator")
def test_the_stop_comes_to_the_strategy_on_a_thread_of_its_own_with_what_it_holds(
    gates: Gates, live: Live
) -> None:
    strategy = Strategy(closes=True)
    strategy.gate = gates(callbacks=(strategy,))
    assert strategy.gate.request_entry("ES")
    strategy.gate.position_opened("ES", price="100")
    live.all_decided()
    stop = stopped_out(live)
    until(lambda: live.status()["flattening"] == "", "the last close")
    [order] = strategy.orders
    assert order.cause == "daily stop loss"
    assert order.everything
    assert order.positions == (Leg("ES", "long", 1, "ibs-ES"),)
    assert (order.episode, str(order.event)) == (stop.episode, stop.episode)
    assert strategy.threads == ["flatten"]
    assert live.status()["stopped_out"] == "true"


@pytest.mark.usefixtures("coordinator")
def test_a_stop_that_happened_while_the_worker_was_down_comes_when_it_is_back(
    gates: Gates, live: Live
) -> None:
    first = gates()
    first.request_entry("ES")
    first.position_opened("ES", price="100")
    gates.close(first, "crashed, say")
    stopped_out(live)
    strategy = Strategy(closes=True)
    strategy.gate = gates(callbacks=(strategy,), holdings=lambda: [Holding("ES", "long", 1, Decimal(100))])
    order = until(lambda: next(iter(strategy.orders), None), "the order")
    assert order.positions == (Leg("ES", "long", 1, "ibs-ES"),)
    until(lambda: live.status()["open_positions_count"] == "0", "a flat book")
    strategy(order)  # told twice: what is closed already is refused, and not counted again
    live.all_decided()
    assert live.status()["realized_pnl"] == "-2505.00"
    assert live.status()["events_rejected"] == "1"


def test_a_strategy_that_fails_is_told_again_when_it_is_overdue_and_others_are_told_all_the_same(
    gates: Gates,
    live: Live,
    server: EmbeddedServer,
    portfolio: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "portfold.workers.client.closing.carrier._RETRY_SECONDS", 30
    )  # so that only reminders tell it again
    soon = config_folder(tmp_path / "config", runtime={"flatten_seconds": 0.1})
    with coordinating(server.url, portfolio, config=soon):
        failing, fine = Strategy(closes=True, failing=2), Strategy()
        failing.gate = gates(callbacks=(failing, fine))
        failing.gate.request_entry("ES")
        failing.gate.position_opened("ES", price="100")
        live.all_decided()
        stopped_out(live)
        until(lambda: live.status()["flattening"] == "", "the last close")
        assert [order.cause for order in failing.orders] == [
            "daily stop loss",
            "flatten overdue",
            "flatten overdue",
        ]
        assert [order.cause for order in fine.orders] == ["daily stop loss"], "it has not failed"
        assert "the broker is closed" in gates.logged("FLATTEN FAILED in the strategy")["why"]


def test_a_strategy_that_closes_and_reports_nothing_is_asked_once_and_told(
    gates: Gates, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    soon = config_folder(tmp_path / "config", runtime={"flatten_seconds": 0.1})
    with coordinating(server.url, portfolio, config=soon):
        silent = Strategy()
        gate = gates(callbacks=(silent,))
        gate.request_entry("ES")
        gate.position_opened("ES", price="100")
        live.all_decided()
        stopped_out(live)
        until(
            lambda: sum(one.fields[1] == "FlattenOverdue" for one in live.decisions()) >= 2, "two reminders"
        )
        assert "position_closed" in gates.logged("The on_flatten callback has returned")["event"]
        gate.position_closed("ES", price="90", pnl="-10", commission=5)
        live.all_decided()
        assert [order.cause for order in silent.orders] == ["daily stop loss"]


@pytest.mark.usefixtures("coordinator")
def test_an_order_nobody_listens_for_is_shouted_about(gates: Gates, live: Live) -> None:
    gate = gates()
    gate.request_entry("ES")
    stopped_out(live)
    assert gates.logged("Ordered to flatten, and nobody here closes positions")["level"] == "critical"


@pytest.mark.usefixtures("coordinator")
def test_the_kill_switch_is_heard_and_outranks_a_yes(gates: Gates, live: Live) -> None:
    strategy = Strategy()
    gate = gates(callbacks=(strategy,))
    yes = gate.request_entry("ES")
    assert gate.standing(yes)
    live.bus.pull_killswitch(["by", "ann"])
    order = until(lambda: next(iter(strategy.orders), None), "the order")
    assert order.everything
    assert "ann" in order.cause
    assert not gate.standing(yes)


# --- a yes that no longer holds -------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinator")
def test_a_yes_holds_until_it_is_used_or_given_back(gates: Gates) -> None:
    gate = gates()
    yes = gate.request_entry("ES")
    assert gate.standing(yes)
    assert not gate.standing(gate.request_entry("ES"))
    gate.withdraw("ES")
    assert not gate.standing(yes)
    second = gate.request_entry("ES")
    gate.position_opened("ES", price="100")
    assert not gate.standing(second)


@pytest.mark.usefixtures("coordinator")
@pytest.mark.parametrize("order", ["flatten", "halt"])
def test_a_yes_does_not_outlive_an_order_that_comes_after_it(gates: Gates, live: Live, order: str) -> None:
    heard = Strategy()
    gate = gates(callbacks=(heard,))
    yes = gate.request_entry("ES")
    live.flatten() if order == "flatten" else live.halt()
    assert not gate.standing(yes)
    if order == "flatten":
        live.resume()
        assert until(lambda: heard.orders, "the order")[0].pending == (Leg("ES", "long", 1, "ibs-ES"),)
        assert not gate.standing(yes)  # resumed, but its slot is gone
        assert gate.request_entry("ES").code == "symbol_pending"  # it may have been filled, and not told yet
        gate.withdraw("ES")
        assert gate.standing(gate.request_entry("ES"))


def test_a_yes_does_not_outlive_its_slot(
    gates: Gates, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    short = config_folder(tmp_path / "config", runtime={"reservation_seconds": 0.2, "answer_seconds": 0.1})
    with coordinating(server.url, portfolio, config=short):
        gate = gates()
        yes = gate.request_entry("ES")
        assert yes
        until(lambda: not gate.standing(yes), "the slot to lapse")
        live.all_decided()
        until(lambda: gate.request_entry("ES"), "a slot again")


def test_a_yes_asked_with_hold_stands_until_its_fill_is_reported_or_its_slot_given_back(
    gates: Gates, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    short = config_folder(tmp_path / "config", runtime={"reservation_seconds": 0.5, "answer_seconds": 0.1})
    with coordinating(server.url, portfolio, config=short):
        gate = gates()
        yes = gate.request_entry("ES", hold=True)
        first = (yes.good_until, yes.expires_ms)
        until(lambda: len(live.said("EntryRenewed")) >= 5, "renewals")
        assert gate.standing(yes)
        live.all_decided()
        (reserved,) = live.state.reservations.values()
        assert reserved.request == str(yes.event)
        assert yes.expires_ms is not None
        assert (yes.good_until, yes.expires_ms) > first
        gate.position_opened("ES", price=100)
        assert not gate.standing(yes)
        assert not gate.renew(yes)
        renewed = len(live.said("EntryRenewed"))
        until(
            lambda: len(live.said("PositionMarked")) or gate.position_marked("ES", price=1, unrealized=0), ""
        )
        live.all_decided()
        assert len(live.said("EntryRenewed")) == renewed
        assert "EventRejected" not in [type(read(entry)).__name__ for entry in live.decisions()]


def test_a_yes_does_not_stand_while_the_bus_is_away(portfolio: str, client: Any, tmp_path: Path) -> None:
    with (
        own_server(tmp_path, portfolio, client) as (server, gates, _),
        coordinating(server.url, portfolio),
    ):
        gate = gates()
        yes = gate.request_entry("ES")
        assert gate.standing(yes)
        server.kill()
        assert not gate.standing(yes)
        server.restart()


# --- presence -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinator")
def test_a_starting_worker_says_what_its_broker_holds_and_is_told_what_that_means(
    gates: Gates, live: Live
) -> None:
    first = gates()
    first.request_entry("ES")
    first.position_opened("ES", price="100")
    gates.close(first)
    gates(
        holdings=lambda: [Holding("ES", "long", 1, Decimal(100)), Holding("CL", "short", 2, Decimal("-3.5"))]
    )
    live.all_decided()
    said = [fields.get("positions", "") for fields in live.said("WorkerStarted")]
    assert said == ["", "ES:long:1:100 CL:short:2:-3.5"]
    found = list(map(read, live.decisions()))
    assert only(PositionAdopted, found).symbol == "ES"
    assert only(PositionMismatch, found).kind == "unknown_to_us"


@pytest.mark.usefixtures("coordinator")
def test_what_was_filled_while_a_worker_announced_itself_is_announced_too(gates: Gates, live: Live) -> None:
    late = [Holding("ES", "short", 1, Decimal(100))]
    answers = [[], late, late]
    gates(holdings=lambda: answers.pop(0))
    live.all_decided()
    assert [fields.get("positions", "") for fields in live.said("WorkerStarted")] == ["", "ES:short:1:100"]
    assert only(PositionMismatch, map(read, live.decisions())).kind == "unknown_to_us"


@pytest.mark.usefixtures("coordinator")
def test_a_broker_that_never_says_the_same_twice_does_not_hold_a_worker_up(gates: Gates, live: Live) -> None:
    sizes = iter(range(1, 100))
    gates(holdings=lambda: [Holding("ES", "long", next(sizes), Decimal(100))])
    assert "changes faster than it can be announced" in gates.logged("What the broker holds")["event"]
    assert len(live.said("WorkerStarted")) == 5


@pytest.mark.usefixtures("coordinator")
def test_a_worker_that_ends_says_so_and_why(gates: Gates, live: Live) -> None:
    gate = gates()
    gates.close(gate, "no more bars")
    live.all_decided()
    assert live.said("WorkerStopped")[0]["reason"] == "no more bars"
    assert live.status()["workers"] == "ibs-ES stopped"


@pytest.mark.usefixtures("coordinator")
def test_a_gate_that_nobody_started_announces_itself_with_its_first_request(
    server: EmbeddedServer, portfolio: str, live: Live
) -> None:
    gate = PortfolioGate("ibs-ES", settings=GateSettings(url=server.url, portfolio=portfolio))
    assert gate.request_entry("ES")
    gate.close()
    assert [entry.fields[1] for entry in live.events()][-3:] == [
        "WorkerStarted",
        "EntryRequested",
        "WorkerStopped",
    ]


@pytest.mark.usefixtures("coordinator")
def test_a_process_that_was_replaced_by_another_of_its_name_is_denied(gates: Gates) -> None:
    old = gates()
    new = gates()
    assert old.request_entry("ES").code == "worker_superseded"
    assert new.request_entry("ES")
    old.withdraw("ES")
    assert new.request_entry("ES").code == "symbol_pending"


@pytest.mark.usefixtures("coordinator")
def test_a_broker_that_does_not_say_what_it_holds_is_asked_again(gates: Gates, live: Live) -> None:
    asked: list[str] = []

    def holdings() -> list[Holding]:
        asked.append("what do we hold?")
        if len(asked) in {3, 4}:
            raise ConnectionError("the broker is away")
        return [Holding("ES", "long", 1, Decimal(100))]

    gate = gates(holdings=holdings)
    live.loses_worker("ibs-ES", session=gate.session)
    assert gate.request_entry("CL").code == "worker_lost"
    until(lambda: len(live.said("WorkerStarted")) == 2, "another announcement")
    until(lambda: len(asked) == 6, "the broker asked whether that is still so")
    assert "the broker is away" in gates.logged("What a heartbeat does has failed")["why"]
    live.all_decided()
    assert live.status()["workers"] == "ibs-ES up"
    assert gate.request_entry("CL")


@pytest.mark.usefixtures("coordinator")
def test_nobody_announces_itself_anew_for_the_loss_of_another(gates: Gates, live: Live) -> None:
    live.starts("other-ES", symbols="ES")
    gate = gates()
    live.loses_worker("other-ES")
    for _ in range(20):
        assert gate.request_entry("ES").code == "worker_lost"
    assert [one["worker"] for one in live.said("WorkerStarted")] == ["other-ES", "ibs-ES"]
    live.publishes(WorkerRetired(by="ann", reason="its machine is gone", worker="other-ES"))
    assert gate.request_entry("ES")


@pytest.mark.usefixtures("coordinator")
def test_a_worker_that_was_retired_and_lives_announces_itself_at_its_next_request(
    gates: Gates, live: Live
) -> None:
    gate = gates()
    live.loses_worker("ibs-ES", session=gate.session)
    live.publishes(WorkerRetired(by="ann", reason="its machine is gone", worker="ibs-ES"))
    assert gate.request_entry("ES").code == "worker_lost"
    assert gate.request_entry("ES")


@pytest.mark.usefixtures("coordinator")
def test_a_broker_that_fails_at_the_start_fails_the_start(gates: Gates, live: Live) -> None:
    def holdings() -> list[Holding]:
        raise ConnectionError("the broker is away")

    with pytest.raises(ConnectionError):
        gates(holdings=holdings)
    assert live.said("WorkerStarted") == []


@pytest.mark.usefixtures("coordinator")
def test_a_broker_that_cannot_say_what_is_held_fails_no_start_and_opens_nothing(
    gates: Gates, live: Live
) -> None:
    silent = [True]

    def holdings() -> list[Holding]:
        if silent:
            raise BrokerError("the book is locked")
        return []

    gate = gates(holdings=holdings)
    denied = gate.request_entry("ES")
    assert (denied.code, denied.reason) == (
        "broker_silent",
        "The broker cannot say what is held: the book is locked",
    )
    assert live.said("WorkerStarted") == []
    silent.clear()
    assert gate.request_entry("ES")


def test_a_worker_that_was_paused_too_long_is_lost_and_announces_itself_when_it_wakes(
    coordinators: Coordinators, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    watchful = config_folder(
        tmp_path / "config", runtime={"worker_lost_seconds": 2, "heartbeat_seconds": 0.1}
    )
    coordinators.start(config=watchful)
    arguments = (server.url, portfolio, "ibs-ES", "2")
    worker = ChildProcess("tests.workers.client.idle_worker", *arguments, folder=tmp_path, name="worker")
    try:
        until(partial(said_of_worker, live, "ibs-ES up"), "the worker up")
        worker.pause()
        until(partial(said_of_worker, live, "ibs-ES lost"), "the worker lost")
        worker.wake()
        until(partial(said_of_worker, live, "ibs-ES up"), "the worker up again")
        announced = [event["session"] for event in live.said("WorkerStarted")]
        assert (len(announced) > 1, len(set(announced))) == (True, 1)
        live.flatten()
        assert worker.says("Ordered to flatten")["everything"] is True
        assert worker.stop() == 0
        assert said_of_worker(live, "ibs-ES stopped")
    finally:
        worker.end()


def said_of_worker(live: Live, text: str) -> bool:
    live.all_decided()
    return live.status().get("workers") == text


# --- looking --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinator")
def test_a_worker_can_read_the_portfolios_status(gates: Gates, live: Live) -> None:
    gate = gates()
    gate.request_entry("ES")
    gate.position_opened("ES", price="100")
    live.all_decided()
    status = gate.get_status()
    assert status["open_positions"] == ["ES"]
    assert status["open_positions_count"] == 1
    assert status["stopped_out"] is False
