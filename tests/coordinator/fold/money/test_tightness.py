"""What a file may do to rules of money that are in force: tighten a number, and change nothing else."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.coordinator.configured import how_to_order, no_looser
from portfold.coordinator.fold.limits import limits_of
from tests.coordinator.story import limits


def after_a_file(in_force: dict[str, Any], file: dict[str, Any]) -> Any:
    return no_looser(limits_of(limits(**in_force)), limits(**file))


START = {"start_balance": Decimal(50_000)}


@pytest.mark.parametrize(
    ("number", "in_force", "file", "holds"),
    [
        ("trailing_drawdown", 2000, 1500, 1500),
        ("trailing_drawdown", 2000, 2500, 2000),
        ("trailing_drawdown", 2000, 0, 2000),
        ("equity_floor", 48_000, 48_500, 48_500),
        ("equity_floor", 48_000, 47_000, 48_000),
        ("weekly_loss", 3000, 0, 3000),
        ("weekly_loss", 0, 3000, 3000),
    ],
)
def test_the_tighter_number_holds(number: str, in_force: int, file: int, holds: int) -> None:
    found = after_a_file(START | {number: Decimal(in_force)}, START | {number: Decimal(file)})
    assert getattr(found, number) == Decimal(holds)


def test_another_balance_or_peak_in_a_file_begins_nothing_anew() -> None:
    found = after_a_file(START, {"start_balance": Decimal(40_000), "start_peak": Decimal(40_000)})
    assert (found.start_balance, found.start_peak) == (Decimal(50_000), Decimal(0))


def test_how_a_rule_in_force_is_reckoned_stays() -> None:
    trail = START | {"trailing_drawdown": Decimal(2000)}
    found = after_a_file(trail, trail | {"trailing_at": "16:00", "trailing_zone": "UTC"})
    assert (found.trailing_at, found.trailing_zone) == ("", "")


@pytest.mark.parametrize(
    ("in_force", "file", "holds"), [("1", "3", "1"), ("", "3", "3"), ("2", "", "2"), ("0", "1", "0")]
)
def test_fewer_forced_resumes_are_tighter(in_force: str, file: str, holds: str) -> None:
    found = after_a_file({"max_forced_resumes": in_force}, {"max_forced_resumes": file})
    assert found.max_forced_resumes == holds


def test_the_order_that_has_the_rest_in_force_is_one_to_type() -> None:
    wanted = limits(**START, loss_tiers="50%=tell 80%=deny", profit_denies_only=True)
    order = how_to_order(wanted, ["start_balance", "loss_tiers", "profit_denies_only"])
    assert order == (
        "portfold limits --start-balance 50000 --profit-denies-only true "
        "--loss-tiers '50%=tell 80%=deny' --by NAME --reason TEXT"
    )


BUDGET = {"loss_budget": "default", "default_risk": "ES=500", "stop_costs": "ES=17.50"}


@pytest.mark.parametrize(
    ("file", "holds"),
    [
        ({}, BUDGET),
        (BUDGET | {"default_risk": "ES=100"}, BUDGET),
        (BUDGET | {"stop_costs": ""}, BUDGET),
        (BUDGET | {"loss_budget": "deny"}, BUDGET | {"loss_budget": "deny"}),
    ],
)
def test_a_file_neither_ends_nor_widens_a_loss_budget(file: dict[str, Any], holds: dict[str, Any]) -> None:
    found = after_a_file(BUDGET, file)
    assert {name: getattr(found, name) for name in BUDGET} == holds
