"""SIGSTOP of a worker through the stop, for longer than it takes to be counted as lost; then SIGCONT.

It wakes into a world that has moved on: it opens nothing, closes nothing a second time, and where it could
not know better, broker and log refuse what it tries.
"""

import signal

from tests.coordinator.story import code
from tests.stop.floor import QUICK, Floor, Role, ToldWorker
from tests.stop.told_worker import Moment
from tests.waiting import until

LOSER = "6A:by-hand by by-hand"


def worker_in_es(floor: Floor, pauses_at: Moment | None = None, *, flattener: bool = False) -> ToldWorker:
    """Flat so far; somebody in 6A is about to lose too much."""
    floor.configure(**QUICK)
    [worker] = floor.opens(Role("ES", pauses_at, signal.SIGSTOP), flattener=flattener)
    floor.opens_a_loser()
    return worker


def sleeps_through_the_stop(floor: Floor, paused: ToldWorker) -> None:
    """Fires the stop, waits until the worker is lost and all is flat without it, and wakes it."""
    floor.loses_too_much()
    floor.decides("StopLossTriggered")
    until(lambda: floor.live.said("WorkerLost"), f"the loss of ibs-{paused.symbol}")
    floor.is_flat()
    paused.wake()
    until(lambda: len(floor.announcements(f"ibs-{paused.symbol}")) > 1, "its second announcement")


def is_told_no(floor: Floor, worker: ToldWorker) -> None:
    worker.does("enter", 5000)
    floor.live.all_decided()
    assert floor.decided("EntryDenied")[-1].code == "stopped_out"
    assert floor.held() == []
    assert floor.live.state.positions == {}


def closed_by_the_flattener_alone(floor: Floor) -> None:
    floor.live.all_decided()
    assert floor.closed_by() == [LOSER, "ES:ibs-ES by flattener"]
    assert floor.live.state.stats.total_exits == 2


def test_paused_with_a_position(floor: Floor) -> None:
    worker = worker_in_es(floor, flattener=True)
    worker.enters(5000)
    worker.pause()
    sleeps_through_the_stop(floor, worker)
    is_told_no(floor, worker)
    closed_by_the_flattener_alone(floor)
    assert floor.decided("EventRejected") == []


def test_paused_on_its_way_to_close_the_broker_refuses_the_second_close(floor: Floor) -> None:
    worker = worker_in_es(floor, "exiting", flattener=True)
    worker.enters(5000)
    worker.told("exit", 4999)
    worker.lies_still()
    sleeps_through_the_stop(floor, worker)
    refused = worker.says("Already closed by somebody else")["why"]
    assert refused == "ibs-ES has none, so long 1 ES cannot be closed"
    is_told_no(floor, worker)
    closed_by_the_flattener_alone(floor)


def test_paused_between_fill_and_report_the_log_refuses_the_second_report(floor: Floor) -> None:
    worker = worker_in_es(floor, "exited", flattener=True)
    worker.enters(5000)
    worker.told("exit", 4999)
    worker.lies_still()
    sleeps_through_the_stop(floor, worker)
    worker.says("Done", times=2)
    floor.live.all_decided()
    [refused] = floor.decided("EventRejected")
    assert "was already reported" in refused.reason
    first, second = (event["fill"] for event in floor.live.said("PositionClosed")[1:])
    assert first == second, "the worker's own fill, reported by the flattener and then by itself"
    is_told_no(floor, worker)
    assert floor.live.state.stats.total_exits == 2


def test_paused_with_a_yes_in_its_hand_it_does_not_use_it(floor: Floor) -> None:
    worker = worker_in_es(floor, "allowed")
    worker.told("enter", 5000)
    worker.lies_still()
    sleeps_through_the_stop(floor, worker)
    worker.says("Entry dropped")
    assert floor.live.said("PositionOpened") == floor.by("PositionOpened", "by-hand")
    assert floor.held() == []


def test_paused_with_its_order_on_the_way_the_late_fill_is_closed_at_once(floor: Floor) -> None:
    """Nothing can call such an order back; so the fill is a fact, a breach on record, and gone again."""
    worker = worker_in_es(floor, "entering")
    worker.told("enter", 5000)
    worker.lies_still()
    sleeps_through_the_stop(floor, worker)
    floor.decides("PortfolioFlat", times=2)
    floor.is_flat()
    assert [breach.code for breach in floor.decided("LimitBreached")] == ["ungranted"]
    assert floor.closed_by() == [LOSER, "ES:ibs-ES by ibs-ES"]


def test_paused_without_any_stop_its_slot_is_nobodys_until_it_says_that_it_was_not_used(floor: Floor) -> None:
    worker = worker_in_es(floor, "allowed")
    floor.live.change_limits(max_positions=2)
    worker.told("enter", 5000)
    worker.lies_still()
    until(lambda: floor.live.said("WorkerLost"), "the loss of ibs-ES")
    assert code(floor.live.asks("CL", worker="by-hand")) == "max_positions"
    worker.wake()
    worker.says("Entry dropped")
    until(lambda: len(floor.announcements("ibs-ES")) > 1, "its second announcement")
    assert code(floor.live.asks("CL", worker="by-hand")) == "allowed"
    floor.live.all_decided()
    assert floor.decided("LimitBreached") == []
    assert floor.held() == []


def test_paused_between_an_entrys_fill_and_its_report_it_is_counted_once(floor: Floor) -> None:
    """Waking it both reports the fill and says what the broker holds: in this order, whoever is faster."""
    worker = worker_in_es(floor, "entered")
    worker.told("enter", 5000)
    worker.lies_still()
    until(lambda: floor.live.said("WorkerLost"), "the loss of ibs-ES")
    worker.wake()
    until(lambda: len(floor.announcements("ibs-ES")) > 1, "its second announcement")
    floor.live.all_decided()
    assert "ES:long:1" in floor.live.open
    assert floor.decided("PositionMismatch") == []
    assert {adopted.size for adopted in floor.decided("PositionAdopted")} == {1}
