"""What is made of a broker's messages about one order."""

from decimal import Decimal
from functools import reduce

import pytest

from portfold.workers.brokers.ibkr.order_life import (
    BrokerMessage,
    Commission,
    Execution,
    Lost,
    NotThere,
    OrderLife,
    Status,
    begin,
    hear,
)
from portfold.workers.brokers.order import State

COST = Decimal("2.25")


def execution(number: int, size: int, price: str = "5000", correction: int = 1) -> Execution:
    return Execution(f"0000e0d5.57.{number:02}.{correction:02}", size, Decimal(price))


def commission(number: int, dollars: str | None) -> Commission:
    return Commission(f"0000e0d5.57.{number:02}.01", None if dollars is None else Decimal(dollars))


def life_of(size: int, *messages: BrokerMessage) -> OrderLife:
    return reduce(hear, messages, begin(size))


@pytest.mark.parametrize(
    ("messages", "state"),
    [
        ([], "sending"),
        ([Status("accepted")], "accepted"),
        ([Status("accepted"), Status("working")], "working"),
        ([Status("working"), Status("accepted")], "working"),
        ([Status("working"), execution(1, 2)], "partly_filled"),
        ([Status("working"), execution(1, 2), execution(2, 1)], "filled"),
        ([execution(1, 3)], "filled"),
        ([Status("working"), Status("cancelled")], "cancelled"),
        ([Status("working"), execution(1, 2), Status("cancelled", 2)], "cancelled"),
        ([Status("rejected", 0, "201: no")], "rejected"),
        ([Lost("silence")], "unknown"),
        ([Status("working"), Lost("silence")], "unknown"),
        ([Lost("silence"), Status("working")], "working"),
        ([execution(1, 3), Lost("silence")], "filled"),
        ([NotThere("no such order")], "rejected"),
        ([execution(1, 1), NotThere("no such order")], "partly_filled"),
        ([NotThere("no such order"), execution(1, 3)], "filled"),
    ],
)
def test_the_state_is_what_the_messages_say(messages: list[BrokerMessage], state: State) -> None:
    assert life_of(3, *messages).state == state


def test_what_was_filled_before_a_cancellation_is_kept_and_the_rest_is_given_back() -> None:
    life = life_of(5, execution(1, 2, "5000"), execution(2, 1, "5000.75"), Status("cancelled", 3))
    assert (life.state, life.filled, life.remaining) == ("cancelled", 3, 0)


def test_an_order_is_over_only_when_the_executions_are_in_for_all_that_is_said_to_be_filled() -> None:
    waiting = life_of(5, execution(1, 2), Status("cancelled", 3))
    assert (waiting.is_over, waiting.state) == (False, "partly_filled")
    assert hear(waiting, execution(2, 1)).state == "cancelled"
    assert not life_of(1, Status("filled")).is_over


def test_a_fill_that_overtakes_a_cancellation_counts() -> None:
    assert life_of(1, Status("cancelled"), execution(1, 1)).state == "filled"


def test_an_execution_counts_once_however_often_it_comes_and_a_correction_replaces_it() -> None:
    life = life_of(
        3, execution(1, 2), execution(1, 2), execution(1, 1, "5001", correction=2), execution(1, 2)
    )
    assert (life.filled, [each.price for each in life.executions.values()]) == (1, [Decimal(5001)])


def test_each_execution_has_its_own_commission_and_one_that_is_missing_is_estimated() -> None:
    life = life_of(3, execution(1, 2), execution(2, 1), commission(1, "4.50"))
    assert life.lacks_commissions
    assert [life.commission(name, per_contract=COST) for name in life.executions] == [Decimal("4.50"), COST]
    assert not hear(life, commission(2, "1.99")).lacks_commissions


def test_the_number_for_no_commission_is_none_and_takes_none_back() -> None:
    assert life_of(1, execution(1, 1), commission(1, None)).lacks_commissions
    known = life_of(1, execution(1, 1), commission(1, "2.25"), commission(1, None))
    assert [known.commission(name, Decimal(9)) for name in known.executions] == [COST]


def test_a_refusal_that_may_be_of_something_else_counts_only_for_an_order_not_heard_of() -> None:
    doubtful = Status("rejected", 0, "110: price", certain=False)
    assert life_of(1, doubtful).state == "rejected"
    assert life_of(1, Status("working"), doubtful).state == "working"


def test_more_than_was_ordered_counts_whole() -> None:
    assert life_of(1, execution(1, 2)).filled == 2
