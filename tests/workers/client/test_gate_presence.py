"""A worker is there as long as its gate says so, and its session is its own."""

from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from portfold.events.decisions import PositionAdopted, PositionMismatch
from portfold.events.incoming import WorkerRetired
from portfold.events.legs import Holding
from portfold.workers.brokers.protocol import BrokerError
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from tests.coordinator.story import only
from tests.live import Live, read
from tests.processes import ChildProcess, Coordinators, config_folder
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.client.gates import Gates

pytestmark = pytest.mark.usefixtures("listen_briefly")


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
