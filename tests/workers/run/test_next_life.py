"""What one life of a worker leaves to the next, and entries that are filled at the next bar."""

from decimal import Decimal

import pytest

from portfold.events.stream_id import ORIGIN
from portfold.workers.brokers.protocol import FillAt
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.strategies.intent import Enter, Exit
from tests.live import Live
from tests.workers.run.entry_floor import Floor, bar

# --- a life after another ---------------------------------------------------------------------------------


def test_a_new_life_knows_how_long_its_position_is_open(floor: Floor) -> None:
    floor.bar(0)
    floor.bar(1, Enter("long", 1))
    floor.bar(2)
    floor.begin()
    assert floor.trader.resumes_after == bar(2).time
    for number in range(3):
        floor.trader.warm_up(bar(number))
    floor.bar(3)
    assert floor.strategy.shown == [None, None, 1, 2]
    assert floor.steps.count("order") == 1


def test_a_new_life_sees_the_position_of_the_last_one_go(floor: Floor) -> None:
    for number, intent in enumerate((Enter("long", 1), Exit("ibs"), None)):
        floor.bar(number, intent)
    floor.begin()
    for number in range(3):
        floor.trader.warm_up(bar(number))
    assert floor.strategy.shown == [None, 0, None]


def test_a_new_life_leaves_what_the_last_one_wanted_to_leave(floor: Floor) -> None:
    floor.bar(0, Enter("long", 1))
    floor.bar(1)
    floor.begin()
    floor.strategy.next = [None, Exit("max_bars")]  # at bar 1, as the last life would have, had it lived on
    for number in range(2):
        floor.trader.warm_up(bar(number))
    assert len(floor.broker.positions()) == 1
    floor.bar(2)
    assert floor.broker.positions() == []


# --- filled at the next bar -------------------------------------------------------------------------------


def numbers(live: Live, kind: str, field: str) -> list[Decimal]:
    return [Decimal(event[field]) for event in live.said(kind)]


def test_at_the_next_bar_an_entry_that_passed_the_filter_is_asked_for_and_filled_at_the_open(
    floor: Floor, live: Live
) -> None:
    floor.begin(fill_at="next_bar")
    floor.bar(0, Enter("long", 1))
    assert floor.steps == ["signal", "filter long"]
    floor.bar(1, opens=4990)
    assert floor.steps == ["signal", "filter long", "gate", "order", "fill reported", "bar"]
    live.all_decided()
    assert numbers(live, "PositionOpened", "price") == [4990]
    assert numbers(live, "PositionMarked", "unrealized") == [500]  # at the close


def test_at_the_next_bar_an_exit_is_filled_at_the_open(floor: Floor, live: Live) -> None:
    floor.begin(fill_at="next_bar")
    floor.bar(0, Enter("long", 1))
    floor.bar(1, opens=4990)
    floor.bar(2, Exit("ibs"))
    assert len(floor.broker.positions()) == 1
    floor.bar(3, opens=5004)
    assert floor.broker.positions() == []
    live.all_decided()
    assert numbers(live, "PositionClosed", "price") == [5004]
    assert numbers(live, "PositionClosed", "pnl") == [700]


def test_at_the_next_bar_the_bar_of_the_fill_is_the_bar_of_the_entry(floor: Floor) -> None:
    floor.begin(fill_at="next_bar")
    floor.bar(0, Enter("long", 1))
    floor.bar(1)
    floor.bar(2)
    assert floor.strategy.shown == [None, 0, 1]


def test_an_order_to_flatten_does_not_wait_for_the_next_bar(floor: Floor, live: Live) -> None:
    floor.begin(fill_at="next_bar")
    floor.bar(0, Enter("long", 1))
    floor.bar(1, opens=4990)
    floor.trader.flatten(FlattenOrder("1", ORIGIN, "stop loss", everything=True))
    assert floor.broker.positions() == []
    live.all_decided()
    assert numbers(live, "PositionClosed", "price") == [5000]


def test_an_entry_that_waited_when_a_life_ended_is_not_made(floor: Floor) -> None:
    floor.begin(fill_at="next_bar")
    floor.bar(0, Enter("long", 1))
    floor.begin(fill_at="next_bar")
    floor.strategy.next = [Enter("long", 1)]
    floor.trader.warm_up(bar(0))
    floor.bar(1)
    assert "gate" not in floor.steps


def test_at_the_next_bar_a_new_life_knows_how_long_its_position_is_open(floor: Floor) -> None:
    floor.begin(fill_at="next_bar")
    floor.bar(0, Enter("long", 1))
    floor.bar(1)
    floor.begin(fill_at="next_bar")
    floor.strategy.next = [None, Exit("max_bars")]
    floor.trader.warm_up(bar(0))
    floor.trader.warm_up(bar(1))
    assert floor.strategy.shown == [None, 0]
    floor.bar(2, opens=5002)
    assert floor.broker.positions() == []


@pytest.mark.parametrize("fill_at", ["mark", "next_bar"])
def test_a_bar_that_is_not_of_now_opens_nothing_and_closes_all_the_same(
    floor: Floor, fill_at: FillAt
) -> None:
    floor.begin(fill_at=fill_at, of_now=False)
    floor.bar(0, Enter("long", 1))
    floor.bar(1)
    floor.of_now = True
    floor.bar(2, Enter("long", 1))
    floor.of_now = fill_at == "next_bar"
    floor.bar(3)
    assert [held.symbol for held in floor.broker.positions("ibs-ES")] == ["ES"]
    assert floor.steps.count("gate") == 1
    floor.of_now = False
    floor.bar(4, Exit("ibs"))
    floor.bar(5)
    assert floor.broker.positions("ibs-ES") == []
