"""kill -9 of the owner of a position, before, at and after the stop: the book gets flat all the same.

The flattener closes what is left, and the log tells who closed what. Nothing is closed or counted twice.
"""

from decimal import Decimal

import pytest

from portfold.events.incoming import FlattenRequested
from tests.coordinator.story import code
from tests.stop.floor import QUICK, Floor, Role, ToldWorker
from tests.stop.told_worker import Moment
from tests.waiting import until

BY_FLATTENER = "ES:ibs-ES by flattener"
BY_OWNER = "ES:ibs-ES by ibs-ES"


def with_a_flattener_and_a_survivor(floor: Floor, dies_at: Moment | None = None) -> ToldWorker:
    """The owner, flat so far; the survivor holds CL, and somebody in 6A is about to lose too much."""
    floor.configure(**QUICK)
    dying, survivor = floor.opens(Role("ES", dies_at), Role("CL"), flattener=True)
    floor.opens_a_loser()
    survivor.enters(70)
    return dying


def owner(floor: Floor, dies_at: Moment | None = None) -> ToldWorker:
    """The same, now with a position in ES."""
    dying = with_a_flattener_and_a_survivor(floor, dies_at)
    dying.enters(5000)
    return dying


def test_killed_before_the_stop(floor: Floor) -> None:
    owner(floor).kill()
    until(lambda: "ibs-ES lost" in floor.live.status()["workers"], "the loss of ibs-ES")
    floor.loses_too_much()
    floor.is_flat()
    closed_once_each(floor, BY_FLATTENER)
    assert "ES:long:1:ibs-ES" in floor.decided("FlattenHandedOver")[0].positions


def test_killed_so_shortly_before_the_stop_that_it_still_seems_alive(floor: Floor) -> None:
    owner(floor).kill()
    floor.loses_too_much()
    floor.is_flat()
    closed_once_each(floor, BY_FLATTENER)


@pytest.mark.parametrize("moment", ["exiting", "exited"])
def test_killed_by_the_stop_before_or_after_the_brokers_fill(floor: Floor, moment: Moment) -> None:
    """After the fill only the report is missing, and that very fill is reported."""
    dying = owner(floor, moment)
    floor.loses_too_much()
    floor.is_flat()
    assert not dying.running
    closed_once_each(floor, BY_FLATTENER)


def test_killed_after_its_report_and_before_it_was_noted(floor: Floor) -> None:
    """The broker still keeps the exit for somebody to report; that second report is refused by its name."""
    dying = owner(floor, "reported")
    floor.loses_too_much()
    floor.is_flat()
    until(lambda: floor.unreported() == [], "the exit to be noted")
    assert not dying.running
    floor.live.all_decided()
    [refused] = floor.decided("EventRejected")
    assert "was already reported" in refused.reason
    assert sorted(floor.closed_by()) == sorted([LOSER, "CL:ibs-CL by ibs-CL", BY_OWNER, BY_FLATTENER])
    assert_counted_once(floor)


def test_killed_after_the_stop_before_it_heard_of_it(floor: Floor) -> None:
    deaf = owner(floor)
    deaf.pause()
    floor.loses_too_much()
    floor.decides("StopLossTriggered")
    deaf.kill()
    floor.is_flat()
    closed_once_each(floor, BY_FLATTENER)


def test_killed_with_an_entry_filled_that_nobody_ever_heard_of(floor: Floor) -> None:
    """No report, so the log knows nothing; the stop closes it all the same, and shouts about it."""
    dying = with_a_flattener_and_a_survivor(floor, "entered")
    dying.told("enter", 5000)
    until(lambda: not dying.running, "its death")
    assert "ES:ibs-ES" in floor.held()
    floor.loses_too_much()
    until(lambda: floor.held() == [], "the broker to be flat")
    until(lambda: BY_FLATTENER in floor.closed_by(), "the report")
    floor.live.all_decided()
    assert [odd.kind for odd in floor.decided("PositionMismatch")] == ["close_unmatched"]
    assert floor.live.status()["unsettled"] == "ES of ibs-ES: close_unmatched"


def test_a_flattener_that_starts_after_the_order_closes_a_fill_that_nobody_ever_heard_of(
    floor: Floor,
) -> None:
    """The log hands over what it knows; this it does not."""
    floor.configure(**QUICK)
    [dying] = floor.opens(Role("ES", "entered"))
    dying.told("enter", 5000)
    until(lambda: not dying.running, "its death")
    floor.live.hears(FlattenRequested(by="ann", reason="panic"))
    assert floor.held() == ["ES:ibs-ES"]
    floor.flattener()
    until(lambda: BY_FLATTENER in floor.closed_by(), "the report of the close")
    assert floor.held() == []


@pytest.mark.parametrize("on_worker_lost", ["hold", "flatten"])
def test_killed_without_any_stop_its_position_is_held_or_closed_as_the_limits_say(
    floor: Floor, on_worker_lost: str
) -> None:
    floor.configure(**QUICK, on_worker_lost=on_worker_lost)
    [dying] = floor.opens(Role("ES"), flattener=True)
    dying.enters(5000)
    dying.kill()
    assert floor.leader.says("Worker lost: ibs-ES")["level"] == "error"
    assert code(floor.live.asks("ES", worker="by-hand")) == "worker_lost"
    if on_worker_lost == "flatten":
        floor.is_flat()
        assert floor.closed_by() == [BY_FLATTENER]
    assert code(floor.live.asks("CL", worker="by-hand")) == "allowed", "nobody else is concerned"
    assert floor.held() == ([] if on_worker_lost == "flatten" else ["ES:ibs-ES"])


LOSER = "6A:by-hand by by-hand"


def closed_once_each(floor: Floor, how: str) -> None:
    assert sorted(floor.closed_by()) == sorted([LOSER, "CL:ibs-CL by ibs-CL", how])
    assert floor.decided("EventRejected") == []
    until(lambda: floor.unreported() == [], "the exits to be noted as reported")
    assert_counted_once(floor)


def assert_counted_once(floor: Floor) -> None:
    assert floor.live.state.stats.total_exits == 3
    slippage_and_commission = Decimal(2 * 10 + 5) + Decimal("2") * Decimal("12.5") + 5
    assert floor.live.pnl == -2600 - slippage_and_commission, "a tick each way in CL and in ES, and $5 each"


def test_killed_with_an_unreported_fill_it_keeps_a_slot_whose_time_is_over_before_it_is_counted_lost(
    floor: Floor,
) -> None:
    floor.configure(
        heartbeat_seconds=0.1,
        worker_lost_seconds=4,
        answer_seconds=1.5,
        reservation_seconds=2,
        flatten_seconds=9,
    )
    [dying] = floor.opens(Role("ES", "entered"))
    dying.told("enter", 5000)
    until(lambda: not dying.running, "its death")
    floor.leader.says("Worker lost: ibs-ES")
    floor.live.all_decided()
    assert floor.decided("EntryExpired") == []
    assert "ES of ibs-ES: maybe_filled" in floor.live.status()["unsettled"]
    assert floor.live.status()["slots_used"] == "1"


def test_where_lost_workers_are_flattened_so_is_what_one_filled_and_did_not_live_to_report(
    floor: Floor,
) -> None:
    floor.configure(**QUICK)
    [dying] = floor.opens(Role("ES", "entered"), flattener=True)
    floor.live.change_limits(on_worker_lost="flatten")
    dying.told("enter", 5000)
    until(lambda: floor.closed_by() == ["ES:ibs-ES by flattener"], "its close by the flattener")
    floor.live.all_decided()
    assert floor.held() == []
    assert floor.live.status()["slots_used"] == "0"
    assert "ES of ibs-ES: close_unmatched" in floor.live.status()["unsettled"], "a person looks at it"


def test_where_they_are_held_it_is_left_and_the_doctor_fails(floor: Floor) -> None:
    floor.configure(**QUICK)
    [dying] = floor.opens(Role("ES", "entered"), flattener=True)
    dying.told("enter", 5000)
    until(lambda: floor.live.bus.book_exceeds() == "ES long of ibs-ES", "what the log has not")
    examined = " ".join(floor.portfold("doctor").out.split())
    assert "its broker's book holds ES long of ibs-ES, and the log does not" in examined
    assert floor.held() == ["ES:ibs-ES"]
