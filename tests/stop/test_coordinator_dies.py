"""kill -9 of the coordinator before, at and after the stop: whoever leads next brings the book to flat.

What workers do and report meanwhile stands on the log, and is accounted for by the successor.
"""

import pytest

from tests.stop.floor import QUICK, Floor, Role, ToldWorker
from tests.waiting import until

CLOSES = ["6A:by-hand by by-hand", "CL:ibs-CL by ibs-CL", "ES:ibs-ES by ibs-ES"]


@pytest.fixture
def workers(floor: Floor) -> list[ToldWorker]:
    """Two, in ES and in CL, with a position each; somebody in 6A is about to lose too much."""
    started = floor.opens(Role("ES"), Role("CL"))
    floor.opens_a_loser()
    for worker, price in zip(started, (5000, 70), strict=True):
        worker.enters(price)
    return started


def all_is_accounted_for(floor: Floor) -> None:
    floor.is_flat()
    assert sorted(floor.closed_by()) == CLOSES
    assert floor.decided("EventRejected") == []
    assert len(floor.decided("StopLossTriggered")) == 1
    until(lambda: floor.unreported() == [], "the exits to be noted as reported")
    assert floor.live.status()["stopped_out"] == "true"


def test_killed_before_it_has_decided_the_stop(floor: Floor, workers: list[ToldWorker]) -> None:
    floor.leader.kill()
    stop = floor.loses_too_much()
    assert not floor.live.has_decided(stop)
    assert len(floor.held()) == len(workers)
    floor.coordinator()
    all_is_accounted_for(floor)


def test_killed_at_the_stop_with_nothing_closed_yet(floor: Floor, workers: list[ToldWorker]) -> None:
    for worker in workers:
        worker.pause()
    floor.loses_too_much()
    floor.decides("StopLossTriggered")
    floor.leader.kill()
    for worker in workers:
        worker.wake()
    until(lambda: floor.held() == [], "exits without a coordinator")
    assert floor.decided("PortfolioFlat") == [], "nobody is there to say so"
    floor.coordinator()
    all_is_accounted_for(floor)


def test_killed_after_the_stop_with_one_of_two_closed(floor: Floor, workers: list[ToldWorker]) -> None:
    late, _ = workers
    late.pause()
    floor.loses_too_much()
    until(lambda: "CL:ibs-CL by ibs-CL" in floor.closed_by(), "the first close")
    floor.live.all_decided()
    floor.leader.kill()
    late.wake()
    floor.coordinator()
    all_is_accounted_for(floor)
    [end] = floor.decided("PortfolioFlat")
    [stop] = floor.entries("StopLossTriggered")
    assert end.episode == str(stop.id.event()), "the same episode, though another ended it"


def test_killed_with_the_owner_of_a_position(floor: Floor) -> None:
    """The successor finds out by itself that the owner is gone too."""
    floor.configure(**QUICK)
    [owner] = floor.opens(Role("ES"))
    floor.opens_a_loser()
    owner.enters(5000)
    owner.pause()
    floor.loses_too_much()
    floor.decides("StopLossTriggered")
    floor.leader.kill()
    owner.kill()
    floor.opens(flattener=True)
    floor.is_flat()
    assert floor.closed_by() == [CLOSES[0], "ES:ibs-ES by flattener"]
