"""The drop-in: the in-process interface over a real bus, in one process and in many."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.config import load
from portfold.coordinator.fold.limits import changed_limits
from portfold.dollars import CENT, gross_pnl
from portfold.events.codec import RefusedField
from portfold.events.decisions import (
    Decision,
    EntryExpired,
    LimitBreached,
    PnlDisputed,
    PositionAdopted,
    PositionMismatch,
    StopLossTriggered,
)
from portfold.events.incoming import ClockTicked
from portfold.events.legs import Leg as Held
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import EmbeddedServer
from portfold.log import open_log
from portfold.workers.client.closing.flatten_order import FlattenOrder, pull_fields
from portfold.workers.client.settings import GateSettings
from portfold.workers.compat import Permission, PortfolioCoordinator
from portfold.workers.compat.callbacks import call
from portfold.workers.compat.naming import name_of_this_process
from portfold.workers.compat.positions import Leg, implied_exit, side_and_size
from portfold.workers.compat.shown import NOBODY_LED
from tests.coordinator.story import DAY, each
from tests.live import Live, read
from tests.processes import ROOT, config_folder, coordinating
from tests.waiting import until

_COUNTED = (
    "total_entries_requested",
    "total_entries_allowed",
    "total_entries_blocked",
    "total_exits",
    "stop_loss_triggers",
    "block_rate",
)


class Office:
    """Makes drop-ins for a test, and closes them with it."""

    def __init__(self, url: str, portfolio: str, folder: Path) -> None:
        self.configuration = load(None, {}, folder)
        self._settings: dict[str, Any] = {
            "url": url,
            "portfolio": portfolio,
            "heartbeat_seconds": 0.05,
            "worker_lost_seconds": 60.0,
            "answer_seconds": 5.0,
        }
        self.said = io.StringIO()
        self._log, self._lines = open_log("worker", target=self.said)
        self._open: list[PortfolioCoordinator] = []

    def __call__(
        self, *arguments: Any, worker: str = "old", settings: Any = None, **more: Any
    ) -> PortfolioCoordinator:
        chosen = GateSettings(**(self._settings | (settings or {})))
        made = PortfolioCoordinator(
            *arguments,
            worker=worker,
            settings=chosen,
            configuration=self.configuration,
            log=self._log,
            **more,
        )
        self._open.append(made)
        return made

    def close(self, one: PortfolioCoordinator) -> None:
        self._open.remove(one)
        one.close()

    def logged(self) -> list[str]:
        self._lines.flush()
        return [json.loads(line)["event"] for line in self.said.getvalue().splitlines()]

    def logs(self, text: str) -> str:
        return until(
            lambda: next((line for line in self.logged() if text in line), None), f"{text!r} in a log"
        )

    def end(self) -> None:
        for one in list(self._open):
            self.close(one)
        self._lines.close()


@pytest.fixture(autouse=True)
def _listen_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)


@pytest.fixture
def office(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Iterator[Office]:
    made = Office(server.url, portfolio, tmp_path)
    yield made
    made.end()


@pytest.fixture
def coordinator(server: EmbeddedServer, portfolio: str) -> Iterator[None]:
    with coordinating(server.url, portfolio):
        yield


def decided(live: Live) -> list[Decision]:
    live.all_decided()
    return [read(entry) for entry in live.decisions()]


# --- the interface ---------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("slept", [False, True])
def test_a_fill_after_its_slot_expired_is_granted_anew(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path, *, slept: bool
) -> None:
    quick = config_folder(tmp_path / "quick", runtime={"reservation_seconds": 2, "answer_seconds": 0.1})
    with coordinating(server.url, portfolio, config=quick):
        old = office(4, settings={"heartbeat_seconds": 30.0})  # it gives no sign of life meanwhile
        assert old.can_open_position("ES")
        if slept:  # and so did its own clock
            old._held._granted["ES"].decision.good_until += 3600
        until(lambda: each(EntryExpired, decided(live)), "the slot to expire")
        old.register_position_opened("ES", 1, 5000)
        assert each(LimitBreached, decided(live)) == []
        assert old.open_positions["ES"].size == 1


@pytest.mark.usefixtures("coordinator")
def test_a_slot_that_covers_its_fill_is_never_given_back_first(office: Office, live: Live) -> None:
    """Not by who believes that its time is over, and not for a part of what was granted."""
    old = office(4)
    assert old.can_open_position("ES", size=2)
    old._held._granted["ES"].decision.good_until = 0.0
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


# --- whose limits ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinator")
def test_limits_in_force_hold_and_the_difference_is_loud(office: Office, live: Live) -> None:
    old = office(10, 9000.0)
    assert (old.max_positions, old.daily_stop_loss) == (4, 2500.0)
    assert office.logs("LIMITS DIFFER") == (
        "LIMITS DIFFER: this program asks for max_positions=10, daily_stop_loss=$9,000, and in force are "
        "max_positions=4, daily_stop_loss=$2,500, set by coordinator: those hold"
    )
    assert len(live.said("LimitsChanged")) == 1


@pytest.mark.usefixtures("coordinator")
@pytest.mark.parametrize("stop", [2500, 2500.0, -2500.0])
def test_equal_limits_are_no_difference(office: Office, stop: float) -> None:
    office(4, stop).get_status()
    assert not [line for line in office.logged() if "LIMITS" in line]


@pytest.mark.usefixtures("coordinator")
def test_limits_may_be_numpys_numbers(office: Office, live: Live) -> None:
    office(np.int64(2), np.float32(800.5))
    assert _in_force(live) == ("2", "800.5", "program old")


def _in_force(live: Live) -> tuple[str, str, str]:
    live.all_decided()
    status = live.status()
    return status["max_positions"], status["daily_stop_loss"], status["limits_by"]


def _becomes(live: Live, positions: str, stop: str) -> None:
    until(lambda: _in_force(live)[:2] == (positions, stop), f"limits of {positions} and {stop}")


def test_where_no_limits_are_in_force_the_arguments_are_put_in_force(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str
) -> None:
    first = office(2, 800, worker="first")
    second = office(3, 900, worker="second")
    assert (first.max_positions, first.daily_stop_loss) == (2, 800.0)
    with coordinating(server.url, portfolio):  # with the packaged default, which changes nobody's limits
        assert _in_force(live) == ("2", "800", "program first")
        assert first.can_open_position("ES")
        assert second.max_positions == 2
        office.logs(
            "LIMITS DIFFER: this program asks for max_positions=3, daily_stop_loss=$900, and in force"
        )


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_programs_the_tighter_limits_hold_whoever_starts_first(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str, order: tuple[int, int]
) -> None:
    asked = [(2, 900), (3, 800)]
    for number in order:
        office(*asked[number], worker=f"program-{number}")
    with coordinating(server.url, portfolio):
        _becomes(live, "2", "800")


def test_programs_that_start_at_once_come_to_the_tightest(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str
) -> None:
    with coordinating(server.url, portfolio):
        asked = [(4, 500), (3, 900), (2, 1200), (1, 2000)]
        threads = [
            threading.Thread(target=partial(office, *one, worker=f"at-once-{one[0]}")) for one in asked
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        _becomes(live, "1", "500")


@pytest.mark.parametrize("first", ["program", "coordinator"])
def test_of_a_program_and_a_configuration_the_tighter_limits_hold_whoever_starts_first(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path, first: str
) -> None:
    folder = config_folder(tmp_path / "asked", limits={"max_positions": 3, "daily_stop_loss": 1500})
    if first == "program":
        office(2, 4000.0)
    with coordinating(server.url, portfolio, config=folder):
        if first == "coordinator":
            office(2, 4000.0)
        _becomes(live, "2", "1500")


@pytest.mark.usefixtures("coordinator")
def test_what_a_person_ordered_is_not_undone(office: Office, live: Live) -> None:
    old = office(2, 400.0)
    _becomes(live, "2", "400")
    text = live.status()["limits"]
    live.hears(
        changed_limits(text, {"max_positions": "6", "daily_stop_loss": "5000"}, by="ann", reason="room")
    )
    old._portfolio.look_at_limits()
    office(1, 100.0, worker="later")
    assert _in_force(live)[:2] == ("6", "5000")
    office.logs("set by ann: those hold")


# --- the end of a day, and of patience --------------------------------------------------------------------


@pytest.mark.usefixtures("coordinator")
def test_the_stop_calls_back_once_with_what_is_open_here(office: Office, live: Live) -> None:
    calls: list[tuple[str, dict[str, Any], str]] = []
    done = threading.Event()

    def emergency(reason: str, context: dict[str, Any]) -> None:
        calls.append((reason, context, threading.current_thread().name))
        old.register_position_closed("CL", -12.5)
        done.set()

    old = office(4, 2500.0, emergency, worker="mine")
    other = office(4, 2500.0, worker="other")
    for one, symbol in ((old, "ES"), (old, "CL"), (other, "SI")):
        assert one.can_open_position(symbol)
        one.register_position_opened(symbol, 1, 100)
    old.register_position_closed("ES", -2500.0)
    assert old.stopped_out
    assert done.wait(10)
    until(lambda: "CL" not in old.open_positions, "CL to be closed")
    ((reason, context, thread),) = calls
    assert (reason, thread) == ("daily_stop_loss", "flatten")
    assert (context["open_positions"], context["stop_loss_limit"]) == (["CL"], 2500.0)
    assert context["daily_pnl"] == -2500.0
    assert context["held_by_others"] == ["SI"]
    assert set(context) == {
        "daily_pnl",
        "stop_loss_limit",
        "open_positions",
        "held_by_others",
        "trigger_time",
        "trading_day",
    }
    assert old.can_open_position("6A").code == "stopped_out"
    office.logs("there is no emergency_exit_callback")  # of the other
    assert len(each(StopLossTriggered, decided(live))) == 1


@pytest.mark.usefixtures("coordinator")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stats", "total_entries_requested=1"),
        ("daily_pnl", "much"),
        ("limits", "max_positions=x"),
        ("positions", "ES long 1 @ . by old (+1)"),
        ("opened_ms", "x"),
        ("max_positions", "four"),
        ("daily_stop_loss", "-"),
    ],
)
def test_the_callback_closes_whatever_the_status_holds(
    office: Office, live: Live, field: str, value: str
) -> None:
    closed = threading.Event()

    def emergency(_: str, context: dict[str, Any]) -> None:
        assert context["open_positions"] == ["ES"]
        old.register_position_closed("ES", -12.5)
        closed.set()

    old = office(4, 2500.0, emergency)
    assert old.can_open_position("ES")
    old.register_position_opened("ES", 1, 5000)
    live.client.hset(live.keys.status, field, value)
    stats: Any = old.get_status()["stats"]
    assert stats["block_rate"] == 0.0
    live.bus.pull_killswitch(pull_fields("ann", "panic", live.bus.last_event()))
    assert closed.wait(10)


@pytest.mark.usefixtures("coordinator")
def test_a_fill_that_is_closed_again_calls_nobody_back(office: Office) -> None:
    calls: list[str] = []
    old = office(4, 2500.0, lambda reason, _: calls.append(reason))
    first = FlattenOrder("1-0", StreamId(1, 0), "daily stop loss", everything=True)
    late = first._replace(positions=(Held("CL", "long", 1, "old"),))
    old._emergency.flatten(first)
    old._emergency.flatten(late)
    assert calls == ["daily_stop_loss"]


@pytest.mark.usefixtures("coordinator")
@pytest.mark.parametrize("kill_switch", [False, True])
def test_of_many_processes_those_that_have_something_to_close_are_called(
    office: Office, live: Live, kill_switch: bool
) -> None:
    calls: list[tuple[str, list[str], list[str]]] = []

    def of(name: str) -> PortfolioCoordinator:
        def emergency(_: str, context: dict[str, Any]) -> None:
            calls.append((name, context["open_positions"], context["held_by_others"]))

        return office(4, 2500.0, emergency, worker=name)

    holds, ordered, idle = of("holds"), of("ordered"), of("idle")
    assert holds.can_open_position("ES")
    holds.register_position_opened("ES", 1, 5000)
    assert ordered.can_open_position("CL")  # and its order is at the broker
    for process in (ordered, idle):
        process.get_status()  # as each sign of life does
    if kill_switch:
        live.bus.pull_killswitch(pull_fields("ann", "panic", None))
    else:
        live.flatten()
    until(lambda: len(calls) == 2, "the callbacks")
    office.logs("Ordered to flatten: nothing is open here")
    assert sorted(calls) == [("holds", ["ES"], []), ("ordered", [], ["ES"])]


@pytest.mark.usefixtures("coordinator")
def test_where_nobody_has_anything_one_is_called(office: Office, live: Live) -> None:
    calls: list[str] = []
    for name in ("one", "other", "third"):
        office(4, 2500.0, partial(lambda name, _: calls.append(name), name), worker=name)
    live.flatten()
    until(lambda: office.logged().count("Another process tells of it") == 2, "the others")
    until(lambda: len(calls) == 1, "a callback")
    live.flatten()  # is another order
    until(lambda: office.logged().count("Another process tells of it") == 4, "the others again")
    until(lambda: len(calls) == 2, "a callback again")


def test_where_nobody_knows_of_the_others_each_is_called(office: Office) -> None:
    calls: list[str] = []
    away = {"url": "redis://127.0.0.1:1/0", "answer_seconds": 0.05}
    stop = FlattenOrder("1-0", StreamId(1, 0), "daily stop loss", everything=True)
    for name in ("one", "other"):
        office(
            4, 2500.0, partial(lambda name, _: calls.append(name), name), worker=name, settings=away
        )._emergency.flatten(stop)
    assert calls == ["one", "other"]


@pytest.mark.usefixtures("coordinator")
def test_a_late_fill_leaves_what_the_others_hold_as_it_was(office: Office, live: Live) -> None:
    """Its order names the fill alone."""
    told: list[tuple[list[str], list[str]]] = []
    mine = office(
        4, 2500.0, lambda _, context: told.append((context["open_positions"], context["held_by_others"]))
    )
    other = office(4, 2500.0, worker="other")
    for one, symbol in ((other, "CL"), (mine, "ES")):
        assert one.can_open_position(symbol)
        one.register_position_opened(symbol, 1, 100)
    assert mine.can_open_position("SI")
    live.flatten()
    until(lambda: told == [(["ES"], ["CL"])], "the order")
    mine.register_position_opened("SI", 1, 100)
    until(lambda: len(told) == 2, "the order for the fill")
    assert told[1] == (["SI"], ["CL"])


def test_it_is_called_once_for_an_episode_however_often_the_log_reminds(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    quick = config_folder(tmp_path / "quick", runtime={"flatten_seconds": 0.05})
    calls: list[str] = []
    with coordinating(server.url, portfolio, config=quick) as log:
        old = office(4, 2500.0, lambda reason, _: calls.append(reason))
        assert old.can_open_position("ES")
        old.register_position_opened("ES", 1, 100)
        live.flatten()
        log.says("FLATTEN OVERDUE", times=3)
        until(lambda: calls, "the callback")
        assert calls == ["ordered_by_ann"]
        old.register_position_opened("CL", 1, 70)  # a fill that comes after the order
        until(lambda: len(calls) == 2, "the callback for what was filled late")
        old.register_position_closed("ES", 0)
        old.register_position_closed("CL", 0)
        log.says("Flat after")
        live.resume()
        live.flatten()
        until(lambda: len(calls) == 3, "the callback for another episode")


@pytest.mark.usefixtures("coordinator")
def test_a_callback_that_fails_is_tried_again(office: Office, live: Live) -> None:
    tries: list[str] = []

    def emergency(reason: str) -> None:
        tries.append(reason)
        if len(tries) < 2:
            raise OSError("broker down")
        old.register_position_closed("ES", -1.0)

    old = office(4, 2500.0, emergency)
    assert old.can_open_position("ES")
    old.register_position_opened("ES", 1, 100)
    live.flatten()
    until(lambda: not old.open_positions, "the second try to close it")
    assert len(tries) == 2


def test_the_daily_summary_comes_when_the_day_has_ended_and_still_sees_it(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str
) -> None:
    seen: list[tuple[dict[str, Any], float, object]] = []

    def of(name: str) -> PortfolioCoordinator:
        def summary(told: dict[str, Any]) -> None:
            seen.append((told, mine.daily_pnl, mine.get_status()["current_day"]))

        mine = office(4, 2500.0, None, summary, worker=name)
        return mine

    live.publishes(ClockTicked())
    with coordinating(server.url, portfolio, clock="driven"):
        old, _another = of("old"), of("another")
        assert old.can_open_position("ES")
        old.register_position_opened("ES", 1, 100)
        old.register_position_closed("ES", -321.0)
        day = old.get_status()["current_day"]
        live.publishes(ClockTicked(), live.bus.last_event().ms + 4 * DAY)
        office.logs("Another process tells of it")
        ((told, pnl, then),) = until(lambda: seen, "the daily summary of one of them")
        assert (pnl, then) == (-321.0, day)
        assert (told["trading_day"], told["daily_pnl"], told["exits"]) == (day, -321.0, 1)
        assert old.daily_pnl == 0.0
        assert old.get_status()["current_day"] != day


# --- one bus, many lives ----------------------------------------------------------------------------------


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
    until(lambda: "ES" in opener._held._shown, "the log to show it to its owner")
    monkeypatch.setattr(opener._held, "look", lambda *_: None)
    closer.register_position_closed("ES", -62.5)
    assert opener._gate.announce_again()
    assert office.logs("ES is no longer open here") == "ES is no longer open here: closed by closer"
    assert each(PositionMismatch, decided(live)) == []
    assert closer.open_positions == {}


@pytest.mark.usefixtures("coordinator")
def test_a_name_that_a_live_process_has_gets_a_number(office: Office, live: Live) -> None:
    office(4)
    second = office(4, settings={"worker_lost_seconds": 0.2})
    assert second.can_open_position("ES")
    names = [fields["worker"] for fields in live.said("WorkerStarted")]
    assert list(dict.fromkeys(names)) == ["old", "old-2"]
    office.logs("Another live process has this name")


@pytest.mark.usefixtures("coordinator")
def test_of_four_that_start_at_once_under_one_name_each_has_its_own_and_trades(
    office: Office, live: Live
) -> None:
    symbols = ("6A", "CL", "ES", "SI")
    at_once = threading.Barrier(len(symbols))
    codes: dict[str, str] = {}

    def strategy(symbol: str) -> None:
        at_once.wait(20)
        codes[symbol] = office(4).can_open_position(symbol).code

    threads = [threading.Thread(target=partial(strategy, symbol)) for symbol in symbols]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert codes == dict.fromkeys(symbols, "")
    names = sorted({fields["worker"] for fields in live.said("WorkerStarted")})
    assert names == ["old", "old-2", "old-3", "old-4"]


@pytest.mark.usefixtures("coordinator")
def test_who_was_taken_over_opens_nothing_announces_nothing_and_still_reports(
    office: Office, live: Live
) -> None:
    old = office(4)
    assert old.can_open_position("ES")
    old.register_position_opened("ES", 1, 5000)
    live.bus.claim("old", "there 77 b", 60_000, "*")
    office.logs("SUPERSEDED: another process trades as old now; this one stops")
    assert old.can_open_position("CL") == (False, "old was taken over by process 77 on there")
    until(lambda: not _gives_signs_of_life(old), "the signs of life to end")
    live.bus.beat("old", "the other's", 60_000)
    announced = len(live.said("WorkerStarted"))
    old.register_position_closed("ES", -50.0)
    live.all_decided()
    assert live.said("PositionClosed")[0]["pnl"] == "-50"
    assert (len(live.said("WorkerStarted")), live.bus.beats(["old"])) == (announced, ["the other's"])


def _gives_signs_of_life(old: PortfolioCoordinator) -> bool:
    return old._gate._presence._heartbeat._thread.is_alive()


@pytest.mark.usefixtures("coordinator")
def test_an_announcement_never_falls_between_a_report_and_what_is_held(
    office: Office, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the bus comes back while another thread reports: it would announce what no report has said."""
    old = office(4)
    assert old.can_open_position("ES")
    announcements: list[threading.Thread] = []

    def announced_first(step: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        announcement = threading.Thread(target=old._gate.announce_again)
        announcements.append(announcement)
        announcement.start()
        announcement.join(0.3)
        return step(*arguments, **named)

    for at, name in ((old._held, "add"), (old._gate, "position_closed")):
        monkeypatch.setattr(at, name, partial(announced_first, getattr(at, name)))
    old.register_position_opened("ES", 1, 5000)
    old.register_position_closed("ES", -50.0)
    for announcement in announcements:
        announcement.join(20)
    assert len(announcements) == 2
    assert each(PositionMismatch, decided(live)) == []


@pytest.mark.usefixtures("coordinator")
def test_many_threads_share_one(office: Office, live: Live) -> None:
    old = office(4)
    symbols = ("6A", "6B", "6C", "6N", "CL", "ES", "PL", "SI")
    opened: list[str] = []

    def strategy(symbol: str) -> None:
        if old.can_open_position(symbol):
            old.register_position_opened(symbol, 1, 100)
            opened.append(symbol)

    threads = [threading.Thread(target=partial(strategy, symbol)) for symbol in symbols]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(opened) == 4
    assert sorted(old.open_positions) == sorted(opened)
    assert each(LimitBreached, decided(live)) == []


def _not_portfolds() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PORTFOLD_")}


class OldProcess:
    """The old code in a process of its own."""

    def __init__(self, url: str, folder: Path, *symbols: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.workers.compat.old_code", *symbols],
            cwd=folder,
            env={**_not_portfolds(), "PYTHONPATH": str(ROOT), "PORTFOLD_URL": url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.strip())

    def says(self, words: str) -> None:
        """Waits for a line that begins so."""
        until(lambda: any(line.startswith(words) for line in self.said), f"{words!r} from the old code")

    def closes(self, symbol: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{symbol}\n")
        self.process.stdin.flush()

    def end(self) -> str:
        """Ends it in good order, and returns what it said on standard error."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.stderr is not None
        complaints = self.process.stderr.read()
        assert self.process.wait(20) == 0
        self._reader.join(5)
        self.process.stderr.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return complaints


def test_code_written_for_one_process_runs_in_many_unchanged(tmp_path: Path) -> None:
    """Three processes ask for six symbols at once: four are opened in all, and the stop reaches everybody."""
    with EmbeddedServer(tmp_path / "server") as own:
        bus = Bus(connect(own.url), "main")
        with coordinating(own.url, "main"):
            olds = [
                OldProcess(own.url, tmp_path, *pair) for pair in (("ES", "CL"), ("6A", "6B"), ("SI", "PL"))
            ]
            for old in olds:
                old.says("ready")
            said = [line for old in olds for line in old.said]
            opened = [line.split()[1] for line in said if line.startswith("opened")]
            assert len(opened) == 4
            assert len([line for line in said if line.startswith("denied")]) == 2
            where = {symbol: old for old in olds for symbol in opened if f"opened {symbol}" in old.said}
            first, second = opened[:2]
            for symbol, stopped in ((first, False), (second, True)):
                where[symbol].closes(symbol)
                where[symbol].says(f"closed {symbol} {stopped}")
            until(lambda: bus.status()["open_positions"] == "", "everything to be closed")
            closing = {where[symbol] for symbol in opened[2:]}
            for old in closing:
                old.says("emergency")
            complaints = "".join(old.end() for old in olds)
        status = bus.status()
        bus.close()
    assert status["daily_pnl"] == "-2620.00"
    assert (status["limit_breaches"], status["most_positions"]) == ("0", "4")
    assert "Traceback" not in complaints
    assert sum(line.startswith("emergency") for old in olds for line in old.said) == len(closing)


# --- leaves ----------------------------------------------------------------------------------------------


@given(
    side=st.sampled_from(["long", "short"]),
    size=st.integers(1, 50),
    entry=st.decimals(-100_000, 100_000, places=7),
    pnl=st.decimals(-1_000_000, 1_000_000, places=2),
    point_value=st.sampled_from([Decimal(value) for value in ("5", "50", "1000", "12500000", "62500")]),
)
def test_the_exit_price_that_is_made_up_gives_the_pnl_that_was_told(
    side: Any, size: int, entry: Decimal, pnl: Decimal, point_value: Decimal
) -> None:
    leg = Leg("ES", side, size, entry, "old", datetime.now(UTC))
    price, told = implied_exit(leg, pnl, point_value)
    assert abs(gross_pnl(side, entry, price, size, point_value) - told) <= CENT
    assert abs(told - pnl) <= CENT + point_value * size * Decimal("1e-10")


@given(size=st.integers(-10_000, 10_000).filter(bool))
def test_a_signed_size_is_a_side_and_contracts(size: int) -> None:
    assert side_and_size("ES", float(size)) == ("long" if size > 0 else "short", abs(size))


@pytest.mark.parametrize("size", [0, 0.0, 1.5, float("inf"), float("nan"), None, "x"])
def test_a_size_that_means_none_is_refused(size: Any) -> None:
    with pytest.raises(RefusedField, match="size: expected whole contracts of ES"):
        side_and_size("ES", size)


@pytest.mark.parametrize(
    ("callback", "given_to_it"),
    [
        (lambda: (), ()),
        (lambda reason: (reason,), ("stop",)),
        (lambda reason, context: (reason, context), ("stop", {})),
        (lambda *everything: everything, ("stop", {})),
        (lambda reason, context=None, more=1: (reason, context, more), ("stop", {}, 1)),
    ],
)
def test_a_callback_gets_as_many_arguments_as_it_takes(
    callback: Any, given_to_it: tuple[object, ...]
) -> None:
    assert call(callback, "stop", {}) == given_to_it


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["strategy.py", "ES"], "strategy-ES"),
        (["old system/live_worker.py"], "live_worker"),
        (["-c"], "python"),
        ([""], "python"),
        (["x.py", "--symbols", "ES,CL"], "x---symbols-ES-CL"),
    ],
)
def test_a_process_is_named_by_its_command_line(words: list[str], name: str) -> None:
    assert name_of_this_process(words) == name


def test_long_command_lines_that_differ_get_names_that_differ() -> None:
    one, other = (name_of_this_process(["x.py", "s" * 100 + end]) for end in "ab")
    assert len(one) == len(other) == 64
    assert one != other
