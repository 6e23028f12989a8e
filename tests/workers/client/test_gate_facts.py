"""The facts a worker reports reach the log: none is lost, none is there twice."""

import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from portfold.events.codec import RefusedField
from portfold.events.decisions import EntryAllowed
from portfold.workers.client.amount import Amount
from portfold.workers.client.publisher import OutboxFull
from tests.coordinator.story import each
from tests.live import Live, flat, read
from tests.processes import coordinating
from tests.proxy import proxy_to
from tests.server import EmbeddedServer
from tests.waiting import PATIENCE_SECONDS, until
from tests.workers.client.gates import Gates, own_server, withdrawn

pytestmark = pytest.mark.usefixtures("listen_briefly")


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
def test_what_an_entry_may_lose_and_where_its_stop_goes_are_on_the_log(gates: Gates, live: Live) -> None:
    gate = gates()
    with gate.request_entry("ES", stop_price=4990.25, price=5000):
        gate.position_opened("ES", price=5000)
        assert gate.stop_moved("ES", price=np.float64(4995.5))
    live.all_decided()
    (asked,), (moved,) = live.said("EntryRequested"), live.said("StopMoved")
    assert (asked["stop_price"], asked["price"], moved["stop_price"]) == ("4990.25", "5000", "4995.5")
    assert live.status()["events_rejected"] == "0"
    for plan in ({"risk": 0}, {"risk": float("nan")}, {"stop_price": 5001, "price": 5000}):
        with pytest.raises(RefusedField):
            gate.request_entry("CL", **plan)


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
