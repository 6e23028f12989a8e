"""One bus under many drop-ins: without it, after a restart, and under names that others have."""

from pathlib import Path

import pytest

from portfold.events.decisions import (
    LimitBreached,
    PnlDisputed,
    PositionAdopted,
    PositionMismatch,
)
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.workers.compat.shown import NOBODY_LED
from tests.coordinator.story import each
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.compat.office import Office, decided

pytestmark = pytest.mark.usefixtures("listen_briefly")


_COUNTED = (
    "total_entries_requested",
    "total_entries_allowed",
    "total_entries_blocked",
    "total_exits",
    "stop_loss_triggers",
    "block_rate",
)


def test_without_a_bus_nothing_may_be_opened_and_exits_are_kept(office: Office) -> None:
    away = {"url": "redis://127.0.0.1:1/0", "answer_seconds": 0.05}
    old = office(4, 2500.0, settings=away)
    allowed, reason = old.can_open_position("ES")
    assert not allowed
    assert reason.startswith("The bus is unreachable")
    old.register_position_opened("ES", 1, 100)
    old.register_position_closed("ES", -50.0)
    assert (old.stopped_out, old.daily_pnl, old.open_positions, old.max_positions) == (False, 0.0, {}, 4)
    status = old.get_status()
    assert status["stats"] == dict.fromkeys(_COUNTED, 0)
    assert (status["daily_pnl"], status["open_positions"], status["current_day"]) == (0.0, [], "")
    assert (status["max_positions"], status["stopped_out"]) == (4, False)
    assert status["unknown"] == [NOBODY_LED]


def test_what_was_reported_without_a_bus_is_told_when_it_is_back(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "server") as own:
        office = Office(own.url, "main", tmp_path)
        bus = Bus(connect(own.url), "main")
        with coordinating(own.url, "main"):
            old = office(4, settings={"answer_seconds": 1.0})
            assert old.can_open_position("ES")
            old.register_position_opened("ES", 1, 5000)
        own.kill()
        old.register_position_closed("ES", -50.0)
        assert old.can_open_position("CL").code == "bus_unreachable"
        own.restart()
        with coordinating(own.url, "main"):
            until(lambda: bus.status().get("realized_pnl") == "-50.00", "the close")
            assert bus.status()["open_positions"] == ""
        office.end()
        bus.close()


def test_without_a_coordinator_nothing_may_be_opened(office: Office) -> None:
    old = office(4, 2500.0, settings={"answer_seconds": 0.1})
    assert old.can_open_position("ES") == (False, "No answer within 0.1 s")
    old.register_position_closed("ES", -50.0)


@pytest.mark.usefixtures("coordinator")
def test_after_a_restart_what_the_log_holds_is_taken_over_and_can_be_closed(
    office: Office, live: Live
) -> None:
    before = office(4)
    assert before.can_open_position("CL", side="short", size=2)
    before.register_position_opened("CL", -2, 70.5)
    office.close(before)
    after = office(4)
    assert [one.size for one in each(PositionAdopted, decided(live))] == [2]
    after.register_position_closed("CL", 250.0)
    assert (after.daily_pnl, after.open_positions) == (250.0, {})
    assert each(PnlDisputed, decided(live)) == []
    assert each(PositionMismatch, decided(live)) == []


@pytest.mark.usefixtures("coordinator")
def test_it_announces_the_symbols_that_it_is_told_of(
    office: Office, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    office(4, worker="named", symbols=["ES", "GC"])
    monkeypatch.setenv("PORTFOLD_SYMBOLS", "CL, SI")
    office(4, worker="by-environment")
    announced = {fields["worker"]: fields["symbols"] for fields in live.said("WorkerStarted")}
    assert announced == {"named": "ES GC", "by-environment": "CL SI"}


@pytest.mark.usefixtures("coordinator")
def test_it_announces_what_it_asks_for_and_after_a_restart_at_once(office: Office, live: Live) -> None:
    old = office(4)
    assert old.can_open_position("no symbol").code == "refused"
    assert old.can_open_position("GC").code == "symbol_not_allowed"
    assert old.can_open_position("CL")
    until(lambda: "CL" in _announced_by(live), "CL to be announced")
    old.register_position_opened("CL", 1, 70)  # its slot was kept
    assert old.can_open_position("ES")
    old.register_position_opened("ES", 1, 5000)
    old.register_position_closed("CL", 100.0)
    assert _announced_by(live) == ["", "CL"]
    old.register_position_closed("ES", 100.0)
    until(lambda: "CL ES" in _announced_by(live), "ES to be announced")
    live.all_decided()
    assert live.status()["worker_symbols"] == "old CL ES"
    office.close(old)
    office(4)
    assert _announced_by(live) == ["", "CL", "CL ES", "CL ES"]
    assert each(LimitBreached, decided(live)) == []
    assert each(PositionMismatch, decided(live)) == []


def _announced_by(live: Live) -> list[str]:
    return [fields.get("symbols", "") for fields in live.said("WorkerStarted")]


@pytest.mark.usefixtures("coordinator")
def test_what_another_process_opened_is_closed_for_it(office: Office, live: Live) -> None:
    opener, closer = office(4, worker="opener"), office(4, worker="closer")
    assert opener.can_open_position("ES")
    opener.register_position_opened("ES", 1, 5000)
    closer.register_position_closed("ES", -62.5)
    assert (closer.daily_pnl, closer.open_positions) == (-62.5, {})
    assert [fields["owner"] for fields in live.said("PositionClosed")] == ["opener"]


@pytest.mark.usefixtures("coordinator")
def test_what_another_process_has_closed_is_not_announced_as_open(
    office: Office, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a while without the bus, before the first look at who closed what."""
    opener, closer = office(4, worker="opener"), office(4, worker="closer")
    assert opener.can_open_position("ES")
    opener.register_position_opened("ES", 1, 5000)
    until(lambda: opener.held.is_shown("ES"), "the log to show it to its owner")
    monkeypatch.setattr(opener.held, "look", lambda *_: None)
    closer.register_position_closed("ES", -62.5)
    assert opener.gate.announce_again()
    assert office.logs("ES is no longer open here") == "ES is no longer open here: closed by closer"
    assert each(PositionMismatch, decided(live)) == []
    assert closer.open_positions == {}
