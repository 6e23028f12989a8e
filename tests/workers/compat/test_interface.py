"""The drop-in's interface: what a program for one process calls and is told, over a real bus."""

from datetime import UTC, datetime
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import pytest

from portfold.events.decisions import (
    EntryExpired,
    LimitBreached,
    PnlDisputed,
    PositionMismatch,
)
from portfold.workers.client.decision import Decision
from portfold.workers.compat import Permission, PortfolioCoordinator
from tests.coordinator.story import each
from tests.live import Live
from tests.processes import config_folder, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.compat.office import Office, decided

pytestmark = pytest.mark.usefixtures("listen_briefly")


@pytest.mark.usefixtures("coordinator")
def test_the_answer_is_a_tuple_and_falsy_when_denied(office: Office) -> None:
    old = office(4, 2500.0)
    allowed, reason = old.can_open_position("ES")
    assert (allowed, reason) == (True, "Allowed, slot 1 of 4")
    denied = old.can_open_position("ES")
    assert not denied
    assert denied == (False, "ES is already reserved by old")
    assert (denied[0], denied.code) == (False, "symbol_pending")
    assert isinstance(denied, tuple)
    assert isinstance(denied, Permission)


@pytest.mark.usefixtures("coordinator")
def test_answers_and_what_is_shown_cross_to_another_process_unchanged(office: Office) -> None:
    old = office(4, 2500.0)
    allowed, denied = old.can_open_position("ES"), old.can_open_position("ES")
    old.register_position_opened("ES", 1, 5000.0)
    there = ForkingPickler.loads(
        ForkingPickler.dumps([allowed, denied, old.open_positions, old.get_status()])
    )
    assert there == [allowed, denied, old.open_positions, old.get_status()]
    assert [(type(one), bool(one), one.code) for one in there[:2]] == [
        (Permission, True, ""),
        (Permission, False, "symbol_pending"),
    ]


@pytest.mark.usefixtures("coordinator")
def test_a_day_as_the_old_code_lives_it(office: Office, live: Live) -> None:
    old = office(max_positions=4, daily_stop_loss=2500.0)
    assert (old.max_positions, old.daily_stop_loss, old.daily_pnl, old.stopped_out) == (4, 2500.0, 0.0, False)
    for symbol in ("ES", "CL"):
        assert old.can_open_position(symbol)
        old.register_position_opened(symbol, 1, 100.25, datetime(2025, 1, 15, tzinfo=UTC))
    assert sorted(old.open_positions) == ["CL", "ES"]
    assert len(old.open_positions) == 2
    assert old.open_positions["ES"].entry_price == 100.25
    old.register_position_closed("ES", 125.0, exit_time=datetime(2025, 1, 15, 14, tzinfo=UTC))
    assert (old.daily_pnl, list(old.open_positions)) == (125.0, ["CL"])
    status = old.get_status()
    day = status["current_day"]
    stats = {
        "total_entries_requested": 2,
        "total_entries_allowed": 2,
        "total_entries_blocked": 0,
        "total_exits": 1,
        "stop_loss_triggers": 0,
        "block_rate": 0.0,
    }
    familiar = {
        "max_positions": 4,
        "open_positions_count": 1,
        "open_positions": ["CL"],
        "daily_pnl": 125.0,
        "stopped_out": False,
        "current_day": day,
        "stats": stats,
    }
    assert {name: status[name] for name in familiar} == familiar
    assert each(LimitBreached, decided(live)) == []
    assert each(PnlDisputed, decided(live)) == []


@pytest.mark.usefixtures("coordinator")
def test_a_released_slot_is_free_at_once(office: Office, live: Live) -> None:
    old = office(4)
    assert old.can_open_position("ES")
    old.release_pending_position("ES")
    assert live.status()["slots_used"] == "0"
    old.release_pending_position("CL")  # which was never pending: as ever, nothing happens
    assert old.can_open_position("ES")


@pytest.mark.usefixtures("coordinator")
@pytest.mark.parametrize("size", [-1, 2, -2, 1.0])
def test_shorts_and_several_contracts_break_no_limit(office: Office, live: Live, size: float) -> None:
    old = office(4)
    assert old.can_open_position("CL")
    old.register_position_opened("CL", size, 70)
    assert old.open_positions["CL"].size == size
    assert live.status()["reserved"] == ""
    old.register_position_closed("CL", -123.45)
    assert old.daily_pnl == -123.45
    assert each(LimitBreached, decided(live)) == []
    assert each(PnlDisputed, decided(live)) == []


@pytest.mark.usefixtures("coordinator")
def test_side_and_size_can_be_named_when_asking(office: Office, live: Live) -> None:
    old = office(4)
    assert old.can_open_position("CL", side="short", size=2)
    old.register_position_opened("CL", -2, 70)
    live.all_decided()
    assert live.status()["stats"].startswith("total_entries_requested=1 ")


def granted(old: PortfolioCoordinator, symbol: str) -> Decision:
    slot = old.held.slot(symbol)
    assert slot is not None
    return slot.decision


@pytest.mark.parametrize("slept", [False, True])
def test_a_fill_after_its_slot_expired_is_granted_anew(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path, *, slept: bool
) -> None:
    quick = config_folder(tmp_path / "quick", runtime={"reservation_seconds": 2, "answer_seconds": 0.1})
    with coordinating(server.url, portfolio, config=quick):
        old = office(4, settings={"heartbeat_seconds": 30.0})  # it gives no sign of life meanwhile
        assert old.can_open_position("ES")
        if slept:  # and so did its own clock
            granted(old, "ES").good_until += 3600
        until(lambda: each(EntryExpired, decided(live)), "the slot to expire")
        old.register_position_opened("ES", 1, 5000)
        assert each(LimitBreached, decided(live)) == []
        assert old.open_positions["ES"].size == 1


@pytest.mark.usefixtures("coordinator")
def test_a_slot_that_covers_its_fill_is_never_given_back_first(office: Office, live: Live) -> None:
    """Not by who believes that its time is over, and not for a part of what was granted."""
    old = office(4)
    assert old.can_open_position("ES", size=2)
    granted(old, "ES").good_until = 0.0
    for _ in range(2):
        old.register_position_opened("ES", 1, 5000)
    assert live.said("EntryWithdrawn") == []
    assert len(live.said("EntryRequested")) == 1
    assert each(LimitBreached, decided(live)) == []


def test_a_fill_may_come_at_a_later_bar_and_nobody_takes_the_slot_meanwhile(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    quick = config_folder(tmp_path / "quick", runtime={"reservation_seconds": 0.5, "answer_seconds": 0.1})
    with coordinating(server.url, portfolio, config=quick):
        old, another = office(2, worker="old"), office(2, worker="another")
        assert old.can_open_position("ES")
        assert old.can_open_position("CL")
        until(lambda: len(live.said("EntryRenewed")) >= 8, "several times what a slot lasts")
        assert another.can_open_position("SI").code == "max_positions"
        old.register_position_opened("ES", 1, 5000)
        old.release_pending_position("CL")
        until(lambda: another.can_open_position("SI"), "the slot that was given back")
        live.all_decided()
        assert {"LimitBreached", "EntryExpired", "EventRejected"}.isdisjoint(
            type(one).__name__ for one in decided(live)
        )


def test_a_fill_that_is_never_registered_is_asked_about_where_it_was_granted(
    office: Office, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    quick = config_folder(tmp_path / "quick", runtime={"reservation_seconds": 0.2, "answer_seconds": 0.1})
    with coordinating(server.url, portfolio, config=quick):
        old = office(4)
        assert old.can_open_position("ES")
        asked = "ES: granted, never registered: was it filled?"
        until(lambda: sum(asked in line for line in office.logged()) >= 2, "to be asked twice")
        old.register_position_opened("ES", 1, 5000)
        assert len([line for line in office.logged() if asked in line]) < 10


@pytest.mark.usefixtures("coordinator")
def test_a_position_without_a_price_is_said_and_its_pnl_counts_as_told(office: Office, live: Live) -> None:
    old = office(4)
    assert old.can_open_position("ES")
    old.register_position_opened("ES", 1)
    office.logs("ES was opened without a price; it stands on the log at 0")
    old.register_position_closed("ES", 87.5)
    assert old.daily_pnl == 87.5
    assert each(PnlDisputed, decided(live)) == []
    (close,) = live.said("PositionClosed")
    assert (close["price"], close["reason"]) == ("1.75", "no exit price told")


@pytest.mark.usefixtures("coordinator")
@pytest.mark.parametrize(
    ("say", "sentence"),
    [
        (lambda old: old.register_position_opened("ES", 0), "size: expected whole contracts of ES"),
        (lambda old: old.register_position_opened("ES", 0.5), "size: expected whole contracts of ES"),
        (lambda old: old.register_position_opened("ES", float("nan")), "size: expected whole contracts"),
        (lambda old: old.register_position_opened("ES", 1, float("nan")), "price: expected a finite price"),
        (lambda old: old.register_position_closed("ES", float("nan")), "pnl: expected an amount in dollars"),
        (lambda old: old.register_position_closed("ES", "much"), "pnl: expected a number"),
    ],
)
def test_garbage_is_refused_at_the_door(office: Office, live: Live, say: Any, sentence: str) -> None:
    old = office(4)
    with pytest.raises(ValueError, match=sentence):
        say(old)
    assert live.said("PositionOpened") == live.said("PositionClosed") == []
    assert old.can_open_position("no symbol")[0] is False


@pytest.mark.usefixtures("coordinator")
def test_what_is_left_of_a_slot_after_a_part_can_be_released(office: Office, live: Live) -> None:
    old = office(4)
    assert old.can_open_position("ES", size=2)
    old.register_position_opened("ES", 1, 5000)
    assert live.status()["reserved"] != ""
    old.release_pending_position("ES")
    assert live.status()["reserved"] == ""
    old.release_pending_position("ES")
    assert len(live.said("EntryWithdrawn")) == 1


@pytest.mark.usefixtures("coordinator")
def test_nothing_is_left_of_a_slot_that_was_filled_otherwise(office: Office, live: Live) -> None:
    old = office(4)
    assert old.can_open_position("ES", size=2)
    old.register_position_opened("ES", -1, 5000)
    assert live.status()["reserved"] == ""
    old.release_pending_position("ES")
    assert [one["reason"] for one in live.said("EntryWithdrawn")] == ["filled otherwise"]


@pytest.mark.usefixtures("coordinator")
def test_a_close_that_is_refused_leaves_the_position_to_be_closed(office: Office, live: Live) -> None:
    old = office(4)
    assert old.can_open_position("ES", size=2)
    old.register_position_opened("ES", 2, 5000)
    with pytest.raises(ValueError, match="price: expected a finite price"):
        old.register_position_closed("ES", 1e15)
    old.register_position_closed("ES", 100)
    assert [(close["size"], close["pnl"]) for close in live.said("PositionClosed")] == [("2", "100")]


@pytest.mark.usefixtures("coordinator")
def test_a_close_of_something_nobody_knows_of_is_on_record(office: Office, live: Live) -> None:
    old = office(4)
    old.register_position_closed("ES", -400.0)
    assert old.daily_pnl == -400.0
    assert [one.kind for one in each(PositionMismatch, decided(live))] == ["close_unmatched"]
