"""Open losses: marks at a pace and never lost, their age in sight, the stop and its warning made of them."""

from decimal import Decimal
from itertools import pairwise

from tests.live import flat
from tests.stop.floor import Floor, Role, ToldWorker
from tests.waiting import until

PACE_MS = 300


def marking(floor: Floor, stale_seconds: float = 60) -> ToldWorker:
    """A worker with a position in ES that reports what it would make, at the pace."""
    floor.configure(mark_seconds=PACE_MS / 1000, mark_stale_seconds=stale_seconds, heartbeat_seconds=0.05)
    [worker] = floor.opens(Role("ES"))
    worker.enters(5000)
    return worker


def last_mark(floor: Floor, worker: ToldWorker) -> str:
    """The price it was last marked at, on the log."""
    return "".join(mark["price"] for mark in floor.by("PositionMarked", worker)[-1:])


def test_marks_come_at_most_every_mark_seconds_and_the_latest_is_not_lost(floor: Floor) -> None:
    worker = marking(floor)
    for quarter_points in range(1, 200):
        worker.told("mark", 5000 + Decimal(quarter_points) / 4)
    last = "5049.75"
    until(lambda: last_mark(floor, worker) == last, "the latest mark")
    stamps = [entry.id.ms for entry in floor.live.events() if flat(entry)["type"] == "PositionMarked"]
    assert len(stamps) >= 2
    assert all(later - earlier >= PACE_MS - 1 for earlier, later in pairwise(stamps)), "1 ms for rounding"
    floor.live.all_decided()
    assert floor.live.pnl == Decimal("49.5") * 50, "a tick of slippage at the entry"


def test_an_open_loss_warns_once_and_triggers_the_stop(floor: Floor) -> None:
    worker = marking(floor)
    for price in (
        "4970",
        "4961",
        "4959",
        "4958",
    ):  # $50 a point; the limit is 2500, a tick was lost at the entry
        worker.told("mark", price)
        until(lambda at=price: last_mark(floor, worker) == at, "the mark")  # type: ignore[misc]
    floor.live.all_decided()
    [warned] = floor.decided("StopLossApproaching")
    assert (warned.percent, warned.daily_pnl, warned.limit) == (80, Decimal("-2062.50"), 2500)
    assert not floor.live.stopped_out
    worker.told("mark", 4950)
    floor.is_flat()
    assert floor.decided("StopLossTriggered")[0].daily_pnl == Decimal("-2512.50")
    assert floor.live.said("PositionClosed")[0]["reason"] == "daily stop loss"


def test_a_mark_that_grows_old_is_said_and_shown_until_the_next(floor: Floor) -> None:
    worker = marking(floor, stale_seconds=0.5)
    worker.does("mark", 5001)
    floor.live.all_decided()
    stale = floor.decides("MarkStale")
    assert (stale.worker, stale.symbol) == ("ibs-ES", "ES")
    assert stale.age_ms >= 500
    assert floor.leader.says("Mark of ES is")["level"] == "warning"
    until(lambda: floor.live.status()["stale_marks"] == "ES", "the status to show it")
    assert "$37.50  stale\n" in floor.portfold("status").out
    floor.live.change_limits(mark_stale_ms=600_000)  # so that the next one stays fresh
    worker.told("mark", 5002)
    until(lambda: floor.live.status()["stale_marks"] == "", "the status to show it no more")
