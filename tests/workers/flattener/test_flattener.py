"""The flattener by itself: whose positions it closes, and whose not, and what it does when closing fails."""

import pytest

from portfold.events.codec import encode
from portfold.events.decisions import FlattenOverdue
from portfold.events.incoming import FlattenRequested
from portfold.events.legs import Leg, legs_text
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from portfold.workers.brokers.protocol import BrokerError
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.flattener.book_watch import BookWatch
from portfold.workers.flattener.flattener import NAME, hears
from portfold.workers.flattener.side_by_side import NotDone
from tests.live import Live
from tests.processes import Coordinators
from tests.waiting import until
from tests.workers.flattener.flattener_desk import EVERYTHING, LAPSE_SECONDS, Desk, handed_over


def closed(live: Live) -> list[str]:
    """Whose positions were closed; side by side, so in no order."""
    return sorted(close["owner"] for close in live.said("PositionClosed"))


def test_what_is_handed_over_is_closed_and_nothing_else(desk: Desk, live: Live) -> None:
    desk.flattener.flatten(handed_over("CL", "SI"))
    assert desk.held() == ["ES"]
    assert closed(live) == ["ibs-CL", "ibs-SI"]
    desk.flattener.flatten(handed_over("CL", "SI"))
    assert closed(live) == ["ibs-CL", "ibs-SI"], "told twice, closed and reported once"


def test_another_side_than_the_one_handed_over_is_not_closed(desk: Desk, live: Live) -> None:
    short = handed_over("CL")._replace(positions=(Leg("CL", "short", 1, "ibs-CL"),))
    desk.flattener.flatten(short)
    assert desk.held() == ["CL", "ES", "SI"]
    assert closed(live) == []


def test_one_that_cannot_be_closed_holds_up_no_other_and_is_closed_when_it_can(
    desk: Desk, live: Live
) -> None:
    desk.broker.refuses = frozenset({"CL"})
    with pytest.raises(BrokerError, match="CL is limit down"):
        desk.flattener.flatten(handed_over("CL", "ES", "SI"))
    assert desk.held() == ["CL"]
    assert closed(live) == ["ibs-ES", "ibs-SI"]
    desk.broker.refuses = frozenset()
    desk.flattener.flatten(handed_over("CL", "ES", "SI"))
    assert desk.held() == []


def test_what_an_exit_left_open_is_not_closed_yet_and_is_closed_the_next_time(desk: Desk, live: Live) -> None:
    desk.enters("CL")
    desk.broker.closes_one_of = frozenset({"CL"})
    with pytest.raises(BrokerError, match="1 of 2 are open still: the exit was cancelled"):
        desk.flattener.flatten(handed_over("CL", "ES"))
    assert [(held.symbol, held.size) for held in desk.broker.positions()] == [("CL", 1), ("SI", 1)]
    desk.flattener.flatten(handed_over("CL", "ES"))
    assert desk.held() == ["SI"]
    assert closed(live) == ["ibs-CL", "ibs-CL", "ibs-ES"]


def test_when_everything_must_go_it_closes_for_the_silent_and_leaves_the_living_to_themselves(
    desk: Desk, live: Live
) -> None:
    desk.bus.beat("ibs-ES", "s1", 60_000)
    desk.flattener.flatten(EVERYTHING)
    assert desk.held() == ["ES"]
    assert closed(live) == ["ibs-CL", "ibs-SI"]


def test_who_falls_silent_soon_after_the_order_had_died_before_it(desk: Desk) -> None:
    for worker in ("ibs-CL", "ibs-ES", "ibs-SI"):
        desk.bus.beat(worker, "s1", 60_000)
    desk.flattener.flatten(EVERYTHING)
    desk.flattener.look_again()
    assert desk.held() == ["CL", "ES", "SI"]
    desk.bus.beat("ibs-CL", "s1", 1)
    wait_for_silence(desk, "ibs-CL")
    desk.flattener.look_again()
    assert desk.held() == ["ES", "SI"]
    desk.clock.now = LAPSE_SECONDS
    desk.bus.beat("ibs-SI", "s1", 60_000)
    desk.bus.beat("ibs-ES", "s1", 1)
    wait_for_silence(desk, "ibs-ES")
    desk.flattener.look_again()
    assert desk.held() == ["SI"], "the last look, when every sign of life from before the order has lapsed"
    desk.bus.beat("ibs-SI", "s1", 1)
    wait_for_silence(desk, "ibs-SI")
    desk.flattener.look_again()
    assert desk.held() == ["SI"], "it lived to hear the order, and whatever it holds now is another story"


def test_a_dead_workers_sign_of_life_that_a_clock_put_back_keeps_alive_is_none_for_longer_than_one_lasts(
    desk: Desk,
) -> None:
    desk.bus.beat("ibs-CL", "s1", 3_600_000)
    desk.bus.beat("ibs-ES", "s1", 3_600_000)
    desk.bus.beat("ibs-SI", "s1", 3_600_000)
    desk.flattener.flatten(EVERYTHING)
    desk.clock.now = LAPSE_SECONDS - 1
    desk.bus.beat("ibs-SI", "s1", int(1000 * LAPSE_SECONDS))
    desk.flattener.look_again()
    assert desk.held() == ["CL", "ES", "SI"]
    desk.clock.now = LAPSE_SECONDS
    desk.flattener.look_again()
    assert desk.held() == ["SI"], "whoever lives has renewed it"


def test_nor_does_the_order_end_before_that_is_known(desk: Desk) -> None:
    desk.enters("RTY")
    for owner in ("ibs-CL", "ibs-ES", "ibs-SI"):
        desk.bus.beat(owner, "s1", 3_600_000)
    desk.flattener.flatten(EVERYTHING)
    desk.bus.beat("ibs-RTY", "s1", 3_600_000)
    desk.enters("RTY", 110)  # seen first, with its sign of life, when the others' time is over
    desk.clock.now = LAPSE_SECONDS
    desk.flattener.look_again()
    assert desk.held() == ["RTY"]
    desk.clock.now = 2 * LAPSE_SECONDS
    desk.flattener.look_again()
    assert desk.held() == []


def test_an_order_to_close_everything_stands_for_as_long_as_it_fails(desk: Desk) -> None:
    desk.broker.refuses = frozenset({"CL"})
    with pytest.raises(BrokerError):
        desk.flattener.flatten(EVERYTHING)
    assert desk.held() == ["CL"]
    desk.clock.now = 100 * LAPSE_SECONDS
    desk.flattener.look_again()
    assert desk.held() == ["CL"]
    desk.broker.refuses = frozenset()
    desk.flattener.look_again()
    assert desk.held() == ["CL"], "not at each beat: what is refused again and again is tried less often"
    desk.clock.now += 1
    desk.flattener.look_again()
    assert desk.held() == []


def test_one_that_is_refused_delays_no_other_that_becomes_an_orphan(desk: Desk) -> None:
    desk.bus.beat("ibs-ES", "s1", 60_000)
    desk.bus.beat("ibs-SI", "s1", 60_000)
    desk.broker.refuses = frozenset({"CL"})
    with pytest.raises(BrokerError):
        desk.flattener.flatten(EVERYTHING)
    for desk.clock.now in range(20):
        for living in ("ibs-ES", "ibs-SI"):
            desk.bus.beat(living, "s1", 60_000)
        desk.flattener.look_again()
    desk.bus.beat("ibs-ES", "s1", 1)
    wait_for_silence(desk, "ibs-ES")
    desk.flattener.look_again()
    assert desk.held() == ["CL", "SI"]
    assert desk.logged.getvalue().count("NOT CLOSED") == 1 + 5, "at once, then at 0, 1, 3, 7 and 15 seconds"


def test_nor_does_one_that_hangs(desk: Desk) -> None:
    desk.bus.beat("ibs-ES", "s1", 60_000)
    desk.bus.beat("ibs-SI", "s1", 60_000)
    desk.broker.hangs = frozenset({"CL"})
    with pytest.raises(NotDone, match="CL"):
        desk.flattener.flatten(EVERYTHING)
    desk.flattener.look_again()
    desk.bus.beat("ibs-ES", "s1", 1)
    wait_for_silence(desk, "ibs-ES")
    desk.flattener.look_again()
    assert desk.held() == ["CL", "SI"]
    desk.broker.answers.set()
    until(lambda: desk.held() == ["SI"], "what hung to be closed")


def test_one_that_hangs_holds_up_no_other_and_no_later_order(desk: Desk, live: Live) -> None:
    desk.broker.hangs = frozenset({"CL"})
    with pytest.raises(NotDone, match="CL"):
        desk.flattener.flatten(handed_over("CL", "ES"))
    assert desk.held() == ["CL", "SI"]
    with pytest.raises(NotDone, match="CL"):
        desk.flattener.flatten(EVERYTHING)
    assert desk.held() == ["CL"]
    desk.broker.answers.set()
    until(lambda: closed(live) == ["ibs-CL", "ibs-ES", "ibs-SI"], "what hung to be closed and reported, once")


def test_what_a_living_owner_leaves_open_is_taken_over_at_the_third_reminder(desk: Desk, live: Live) -> None:
    desk.bus.beat("ibs-CL", "s1", 60_000)

    def overdue(reminder: int) -> FlattenOrder | None:
        said = FlattenOverdue("5-0", reminder, 10_000, 99_000, legs_text([Leg("CL", "long", 1, "ibs-CL")]))
        return hears(Entry(StreamId(9, 0), [*encode(said), "event", "0-9", "chain", "c"]))

    assert [overdue(1), overdue(2)] == [None, None]
    order = overdue(3)
    assert order is not None
    desk.flattener.flatten(order)
    assert desk.held() == ["ES", "SI"]
    assert closed(live) == ["ibs-CL"]


def test_what_its_book_does_not_hold_is_said_with_what_to_do(desk: Desk) -> None:
    desk.flattener.flatten(handed_over("CL", "RTY"))
    desk.flattener.flatten(handed_over("CL"))  # closed here, and its report may be on its way
    until(lambda: "does not hold" in desk.logged.getvalue(), "the word")
    [said] = [line for line in desk.logged.getvalue().splitlines() if "does not hold" in line]
    assert "RTY of ibs-RTY" in said
    assert "CL of" not in said
    assert "--book" in said


def test_whatever_a_users_own_broker_raises_it_goes_on(
    desk: Desk, live: Live, coordinators: Coordinators, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinators.start()
    live.hears(FlattenRequested(by="jane", reason="panic"))
    desk.bus.beat(NAME, desk.gate.session, 60_000)
    watch = BookWatch(desk.bus, desk.broker, log=desk.log, clock=desk.clock)
    with monkeypatch.context() as broken:
        accounts = dict[str, list[object]]()
        broken.setattr(desk.broker, "positions", lambda *_: accounts["no such account"])
        desk.flattener.look_again()
        watch.look()
        desk.flattener.close_for_the_lost([("ibs-CL", "CL", "long")])
    until(lambda: desk.logged.getvalue().count("KeyError('no such account')") == 3, "each to be said")
    desk.clock.now = 1
    desk.flattener.look_again()
    assert desk.held() == []


def wait_for_silence(desk: Desk, worker: str) -> None:
    until(lambda: desk.bus.beats([worker]) == [None], f"{worker} to fall silent")
