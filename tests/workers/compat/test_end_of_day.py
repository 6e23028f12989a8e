"""The end of a day, and of patience: the drop-in's callbacks, each when it is due and no oftener."""

import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from portfold.events.decisions import StopLossTriggered
from portfold.events.incoming import ClockTicked
from portfold.events.legs import Leg as Held
from portfold.events.stream_id import StreamId
from portfold.workers.client.closing.flatten_order import FlattenOrder, pull_fields
from portfold.workers.compat import PortfolioCoordinator
from tests.coordinator.story import DAY, each
from tests.live import Live
from tests.processes import config_folder, coordinating
from tests.seen import spoilt
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.compat.office import Office, decided

pytestmark = pytest.mark.usefixtures("listen_briefly")


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
        ("stats", {"total_entries_requested": 1}),
        ("stats", "none"),
        ("day.pnl", "much"),
        ("limits", "max_positions=x"),
        ("positions", "ES long 1 @ . by old (+1)"),
        ("positions", [{"symbol": "ES"}]),
        ("limits.max_positions", "four"),
        ("limits.daily_stop_loss", "-"),
        ("last_event", 7),
    ],
)
def test_the_callback_closes_whatever_the_status_holds(
    office: Office, live: Live, field: str, value: object
) -> None:
    closed = threading.Event()

    def emergency(_: str, context: dict[str, Any]) -> None:
        assert context["open_positions"] == ["ES"]
        old.register_position_closed("ES", -12.5)
        closed.set()

    old = office(4, 2500.0, emergency)
    assert old.can_open_position("ES")
    old.register_position_opened("ES", 1, 5000)
    spoilt(live.client, live.keys.status, field, value)
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
    old.emergency.flatten(first)
    old.emergency.flatten(late)
    assert calls == ["daily_stop_loss"]


@pytest.mark.usefixtures("coordinator")
@pytest.mark.parametrize("kill_switch", [False, True])
def test_of_many_processes_those_that_have_something_to_close_are_called(
    office: Office, live: Live, *, kill_switch: bool
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
        ).emergency.flatten(stop)
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

    def knows_of_the_other() -> bool:
        return bool(mine.get_status()) and mine.portfolio.known()["held_by_others"] == ["CL"]

    until(knows_of_the_other, "what the other holds to be known here")
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
