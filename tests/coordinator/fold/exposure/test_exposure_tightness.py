"""What a file may do to limits of exposure that are in force: the tighter of each name holds."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.by_name import heavier, no_looser, wider_groups
from portfold.coordinator.configured import how_to_order
from portfold.coordinator.configured import no_looser as configured_no_looser
from portfold.coordinator.fold.limits import limits_of
from tests.coordinator.story import limits


def after_a_file(in_force: dict[str, Any], file: dict[str, Any]) -> Any:
    return configured_no_looser(limits_of(limits(**in_force)), limits(**file))


@pytest.mark.parametrize(
    ("here", "there", "holds"),
    [
        ("2", "3", "2"),
        ("3", "2", "2"),
        ("2", "", "2"),
        ("", "2", "2"),
        ("2 ES=4", "3 ES=1", "2 ES=1"),
        ("2 ES=4", "1", "1"),
        ("ES=4", "2", "2"),
        ("ES=0", "CL=1", "CL=1"),
        ("2 ES=0", "", "2 ES=0"),
        ("1.5", "1.25 bob=1", "1.25 bob=1"),
    ],
)
def test_of_numbers_by_name_the_smaller_of_each_name_holds(here: str, there: str, holds: str) -> None:
    assert no_looser(here, there) == holds


def test_more_names_than_a_limit_may_have_leave_it_as_it_is() -> None:
    here, there = (" ".join(f"{side}{one}=1" for one in range(40)) for side in "ab")
    assert no_looser(here, there) == here


@pytest.mark.parametrize(
    ("here", "there", "holds"),
    [
        ("MES=0.1", "MES=0.2", "MES=0.2"),
        ("MES=0.5", "MES=0.1", "MES=0.5"),
        ("", "MES=0.1", ""),
        ("MES=0.1", "", ""),
        ("", "CL=2.5", "CL=2.5"),
    ],
)
def test_of_two_weights_the_heavier_holds_so_no_file_lowers_one(here: str, there: str, holds: str) -> None:
    assert heavier(here, there) == holds


def test_a_group_only_grows_and_a_new_one_comes() -> None:
    assert wider_groups("a=ES,NQ", "a=ES,MES b=CL") == "a=ES,NQ,MES b=CL"
    sixteen = " ".join(f"g{one}=ES" for one in range(16))
    assert wider_groups(sixteen, "more=CL") == sixteen


def test_numbers_for_groups_that_find_no_room_stay_out() -> None:
    sixteen = " ".join(f"g{one}=ES" for one in range(16))
    found = after_a_file({"groups": sixteen}, {"groups": "more=CL", "group_positions": "more=1"})
    assert (found.groups, found.group_positions) == (sixteen, "")


@pytest.mark.parametrize(("here", "there", "holds"), [(3, 2, 2), (2, 3, 2), (0, 2, 2), (2, 0, 2)])
def test_the_smaller_request_holds(here: int, there: int, holds: int) -> None:
    found = after_a_file({"max_request_contracts": here}, {"max_request_contracts": there})
    assert found.max_request_contracts == holds


def test_a_ladder_in_force_stays_and_the_order_for_another_can_be_typed() -> None:
    money: dict[str, Any] = {"start_balance": Decimal(50_000)}
    wanted = limits(**money, contracts_ladder="50000=3")
    found = after_a_file(
        money | {"contracts_ladder": "50000=2 60000=4"}, money | {"contracts_ladder": "50000=3"}
    )
    assert found.contracts_ladder == "50000=2 60000=4"
    assert "--contracts-ladder 50000=3 --by NAME" in how_to_order(wanted, ["contracts_ladder"])
