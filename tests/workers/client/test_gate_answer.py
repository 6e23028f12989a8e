"""The gate's answer on a real server: a yes only when the coordinator said so."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import pytest

from portfold.events.decisions import EntryAllowed
from portfold.workers.client.decision import Decision
from portfold.workers.client.gate import PortfolioGate
from tests.coordinator.story import each
from tests.live import Live, read
from tests.processes import Coordinators, config_folder, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.client.gates import Gates, withdrawn

pytestmark = pytest.mark.usefixtures("listen_briefly")


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


def test_of_two_threads_the_one_that_hears_no_answer_frees_nothing_of_the_other(
    gates: Gates, live: Live, coordinators: Coordinators
) -> None:
    coordinator = coordinators.start()
    gate = gates(answer_seconds=2.0)
    mine = gate.request_entry("ES", hold=True)
    assert mine
    coordinator.pause()
    other = _in_a_thread(lambda: gate.request_entry("ES"))
    assert other.code == "no_answer"
    coordinator.wake()
    live.all_decided()
    assert withdrawn(live) == ["no answer in time"]
    assert live.status()["reserved"] == "ES long 1 by ibs-ES"
    assert until(lambda: gate.standing(mine), "the grant stands")
    gate.withdraw("ES", "not sent", decision=mine)
    live.all_decided()
    assert live.status()["reserved"] == ""


@pytest.mark.usefixtures("coordinator")
def test_of_two_threads_each_block_gives_back_what_was_granted_to_it(gates: Gates, live: Live) -> None:
    gate = gates()
    with gate.request_entry("ES") as mine:
        assert mine
        assert _in_a_thread(lambda: _asks_in_a_block(gate)).code == "symbol_pending"
        assert gate.standing(mine)
    assert withdrawn(live) == ["not entered"]
    assert gate.request_entry("ES")


def _asks_in_a_block(gate: PortfolioGate) -> Decision:
    with gate.request_entry("ES") as entry:
        return entry


def _in_a_thread(act: Callable[[], Decision]) -> Decision:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(act).result(timeout=20)


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
