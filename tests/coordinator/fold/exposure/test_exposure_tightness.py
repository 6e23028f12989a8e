"""Which limits of exposure loosen: what waits for the next trading day, and what no file brings."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.by_name import no_higher, no_larger, no_lighter, no_narrower
from portfold.coordinator.configured import how_to_order, no_looser
from portfold.coordinator.fold.limits import limits_of
from portfold.coordinator.fold.tightness import at_once
from tests.coordinator.story import limits


def counting(in_force: dict[str, Any], ordered: dict[str, Any]) -> Any:
    return at_once(limits_of(limits(**in_force)), limits_of(limits(**ordered)))


@pytest.mark.parametrize(
    ("here", "there", "tighter"),
    [
        ("2", "2", True),
        ("2", "3", False),
        ("3", "2", True),
        ("2", "", False),
        ("2", "0", False),
        ("", "2", True),
        ("2 ES=4", "2 ES=1", True),
        ("2 ES=4", "2", True),
        ("2", "2 ES=4", False),
        ("2", "2 ES=0", False),
        ("ES=4", "2", True),
        ("ES=4", "CL=2", False),
        ("1.5", "1.25 bob=1.5", True),
    ],
)
def test_numbers_by_name_are_tighter_where_no_name_may_have_more(
    here: str, there: str, *, tighter: bool
) -> None:
    assert no_larger(here, there) is tighter


@pytest.mark.parametrize(
    ("here", "there", "tighter"),
    [
        ("MES=0.1", "MES=0.2", True),
        ("MES=0.5", "MES=0.1", False),
        ("", "MES=0.1", False),
        ("MES=0.1", "", True),
        ("", "CL=2.5", True),
        ("CL=2.5", "", False),
    ],
)
def test_what_counts_more_is_tighter(here: str, there: str, *, tighter: bool) -> None:
    assert no_lighter(here, there) is tighter


@pytest.mark.parametrize(
    ("here", "there", "tighter"),
    [
        ("a=ES", "a=NQ,ES b=CL", True),
        ("a=ES,NQ", "a=ES", False),
        ("a=ES", "b=ES", False),
        ("a=ES", "", False),
    ],
)
def test_a_group_that_grows_is_tighter(here: str, there: str, *, tighter: bool) -> None:
    assert no_narrower(here, there) is tighter


@pytest.mark.parametrize(
    ("here", "there", "tighter"),
    [
        ("50000=2", "50000=1", True),
        ("50000=2", "50001=2", True),
        ("50000=2", "49999=1", False),
        ("50000=2 55000=3", "50000=2", True),
        ("50000=2", "50000=2 55000=3", False),
        ("50000=2", "", False),
        ("", "50000=2", True),
    ],
)
def test_a_ladder_is_tighter_where_no_equity_may_have_more(here: str, there: str, *, tighter: bool) -> None:
    assert no_higher(here, there) is tighter


def test_groups_and_their_numbers_count_or_wait_together() -> None:
    in_force = {"groups": "a=ES,NQ", "group_positions": "a=1"}
    ordered = {"groups": "b=ES", "group_positions": "b=1"}
    found = counting(in_force, ordered)
    assert (found.groups, found.group_positions) == ("a=ES,NQ", "a=1")
    wider = {"groups": "a=ES,NQ,CL b=CL", "group_positions": "1"}
    found = counting(in_force, wider)
    assert (found.groups, found.group_positions) == ("a=ES,NQ,CL b=CL", "1")


def test_a_file_with_other_groups_and_weights_loosens_nothing() -> None:
    in_force = limits_of(limits(groups="a=ES", max_contracts=2))
    file = limits(groups="b=ES", group_positions="b=1", contract_weights="ES=0.1", max_request_contracts=1)
    found = no_looser(in_force, file)
    assert (found.groups, found.group_positions, found.contract_weights) == ("a=ES", "", "")
    assert found.max_request_contracts == 1


def test_the_order_for_the_rest_can_be_typed() -> None:
    wanted = limits(
        start_balance=Decimal(50_000), contracts_ladder="50000=2 55000=3", worker_entries="2 bob=1"
    )
    assert how_to_order(wanted, ["contracts_ladder", "worker_entries"]) == (
        "portfold limits --worker-entries '2 bob=1' --contracts-ladder '50000=2 55000=3' "
        "--by NAME --reason TEXT"
    )
