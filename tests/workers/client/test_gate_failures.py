"""Every failure on the way of a request is a no, and whatever it may have taken is given back."""

import os
import signal
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfold.events.codec import RefusedField
from portfold.events.decisions import EntryAllowed
from portfold.workers.client.decision import Decision
from portfold.workers.client.gate import PortfolioGate
from tests.coordinator.story import only
from tests.live import Live, read
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.client.gates import Gates, own_server, withdrawn

pytestmark = pytest.mark.usefixtures("listen_briefly")


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
