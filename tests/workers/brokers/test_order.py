"""What an order came to, as every broker answers."""

from decimal import Decimal

import pytest

from portfold.workers.brokers.order import ExitFill, Fill, OrderOutcome, State, average_price
from portfold.workers.brokers.protocol import BrokerError, OrderUnknown, refuse_a_rest


def fill(size: int, price: str, commission: str = "2.50") -> Fill:
    return Fill("ibs-ES", "ES", "long", size, Decimal(price), Decimal(commission), f"e.{price}")


def exit_of(size: int, ordered: int, state: State) -> OrderOutcome[ExitFill]:
    nothing = Decimal(0)
    out = ExitFill("ibs-ES", "ES", "long", size, Decimal(5000), nothing, "e.1", Decimal(4990), nothing)
    return OrderOutcome(ordered, state, (out,))


def test_an_order_has_the_size_price_and_commission_of_all_its_fills() -> None:
    outcome = OrderOutcome(5, "cancelled", (fill(2, "5000", "4.50"), fill(1, "5000.75", "2.25")))
    assert (outcome.size, outcome.rest, outcome.price, outcome.commission) == (
        3,
        2,
        Decimal("5000.25"),
        Decimal("6.75"),
    )


def test_more_than_was_ordered_leaves_no_rest() -> None:
    assert OrderOutcome(1, "filled", (fill(2, "5000"),)).rest == 0


def test_an_average_that_has_no_end_is_to_the_finest_price_of_the_bus() -> None:
    assert average_price([fill(2, "0"), fill(1, "1")]) == Decimal("0.3333333333")


def test_nothing_filled_has_no_price() -> None:
    with pytest.raises(ValueError, match="no price"):
        average_price([])


@pytest.mark.parametrize(
    ("state", "size", "said"),
    [
        ("filled", 3, "3, filled"),
        ("cancelled", 1, "1 of 3, cancelled"),
        ("partly_filled", 1, "1 of 3, partly filled"),
        ("accepted", 3, "3, believed filled"),
    ],
)
def test_what_is_said_of_it_names_the_rest_and_what_is_only_believed(
    state: State, size: int, said: str
) -> None:
    outcome = OrderOutcome(3, state, (fill(size, "5000"),))
    assert (str(outcome), outcome.is_believed) == (said, state == "accepted")


@pytest.mark.parametrize(
    ("state", "size", "raised"),
    [("cancelled", 2, BrokerError), ("partly_filled", 2, OrderUnknown), ("filled", 3, None)],
)
def test_an_exit_that_leaves_contracts_open_is_not_done(
    state: State, size: int, raised: type[BrokerError] | None
) -> None:
    outcome = exit_of(size, 3, state)
    if raised is None:
        refuse_a_rest(outcome)
        return
    with pytest.raises(raised, match="1 of 3 are") as error:
        refuse_a_rest(outcome)
    assert type(error.value) is raised
