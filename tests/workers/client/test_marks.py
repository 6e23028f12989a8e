"""Marks at a pace: on change, at most every so often, the latest never lost for good."""

from decimal import Decimal

import pytest

from portfold.workers.client.marks import Mark, Marks
from tests.set_clock import SetClock


class Bus:
    """Takes marks, while it is there."""

    def __init__(self) -> None:
        self.away = False
        self.taken: list[int] = []

    def publish(self, mark: Mark) -> bool:
        if not self.away:
            self.taken.append(int(mark.unrealized))
        return not self.away


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def marks(clock: SetClock, bus: Bus) -> Marks:
    return Marks(bus.publish, every_seconds=5, repeat_seconds=60, clock=clock)


def mark(unrealized: int, symbol: str = "ES") -> Mark:
    return Mark(symbol, "long", Decimal(100 + unrealized), Decimal(unrealized))


def test_the_first_goes_out_at_once_and_the_next_when_its_time_has_come(
    marks: Marks, clock: SetClock, bus: Bus
) -> None:
    assert marks.offer(mark(1))
    clock.now = 4.999
    assert not marks.offer(mark(2))
    clock.now = 5
    assert marks.offer(mark(3))
    assert bus.taken == [1, 3]


def test_of_those_that_come_too_soon_the_latest_waits_its_time(
    marks: Marks, clock: SetClock, bus: Bus
) -> None:
    for unrealized in (1, 2, 3):
        marks.offer(mark(unrealized))
    clock.now = 4.999
    marks.publish_due()
    assert bus.taken == [1]
    clock.now = 5
    marks.publish_due()
    marks.publish_due()
    assert bus.taken == [1, 3]


def test_one_that_the_bus_does_not_take_waits_until_it_does(marks: Marks, bus: Bus) -> None:
    bus.away = True
    assert not marks.offer(mark(1))
    marks.publish_due()
    bus.away = False
    marks.publish_due()
    assert bus.taken == [1]


def test_the_same_again_is_repeated_seldom(marks: Marks, clock: SetClock, bus: Bus) -> None:
    for second in range(0, 121, 5):
        clock.now = second
        marks.offer(mark(1))
    assert bus.taken == [1, 1, 1], "at 0, 60 and 120"


def test_a_repeat_is_no_more_frequent_than_a_change(clock: SetClock, bus: Bus) -> None:
    marks = Marks(bus.publish, every_seconds=5, repeat_seconds=3, clock=clock)
    for second in range(11):
        clock.now = second
        marks.offer(mark(1))
    assert bus.taken == [1, 1, 1], "at 0, 5 and 10"


def test_what_nobody_offers_again_is_not_repeated(marks: Marks, clock: SetClock, bus: Bus) -> None:
    """A feed that died must show as a mark that grows old."""
    marks.offer(mark(1))
    for second in range(1, 300):
        clock.now = second
        marks.publish_due()
    assert bus.taken == [1]


def test_symbols_do_not_wait_for_each_other(marks: Marks, bus: Bus) -> None:
    marks.offer(mark(1, "ES"))
    marks.offer(mark(2, "CL"))
    assert bus.taken == [1, 2]


def test_a_closed_position_is_not_marked_any_more(marks: Marks, clock: SetClock, bus: Bus) -> None:
    marks.offer(mark(1))
    marks.offer(mark(2))
    marks.forget("ES")
    clock.now = 100
    marks.publish_due()
    assert bus.taken == [1]
    assert marks.offer(mark(3)), "of the next position the first goes out at once"


def test_a_driven_clock_has_no_pace(clock: SetClock, bus: Bus) -> None:
    marks = Marks(bus.publish, every_seconds=0, repeat_seconds=60, clock=clock)
    for unrealized in (1, 2, 2):
        marks.offer(mark(unrealized))
    assert bus.taken == [1, 2, 2]
