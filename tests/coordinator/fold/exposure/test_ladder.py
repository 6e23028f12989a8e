"""The ladder: how many contracts there may be by the equity of the day before, from one roll to the next."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.events.account import CashMoved
from portfold.events.decisions import EntryDenied
from tests.coordinator.story import Story, chicago, code, limits

LADDER = "50000=1 50500=2 51000=3"
RULES: dict[str, Any] = {"max_positions": 10, "max_contracts": 10, "daily_stop_loss": Decimal(9000)}
ROLL = chicago(2025, 1, 15, 17)


def climbing(balance: int = 50_000, **rules: Any) -> Story:
    return Story(**(RULES | {"start_balance": Decimal(balance), "contracts_ladder": LADDER} | rules))


def most(story: Story) -> int:
    """How many contracts an entry may ask for at most."""
    for size in range(6, 0, -1):
        if code(story.asks("SI", size)) == "allowed":
            story.withdraws("SI", request=str(getattr(story.last, "seq", "")))
            return size
    return 0


@pytest.mark.parametrize(
    ("balance", "contracts"), [(49_999, 0), (50_000, 1), (50_499, 1), (50_500, 2), (51_000, 3), (99_000, 3)]
)
def test_from_a_step_on_there_may_be_so_many_and_below_the_lowest_none(balance: int, contracts: int) -> None:
    assert most(climbing(balance)) == contracts


def test_what_the_day_makes_counts_from_the_roll_on_and_not_before() -> None:
    story = climbing()
    story.enters("ES")
    story.closes("ES", "1000")
    assert most(story) == 1
    story.at(ROLL - 1000)
    assert most(story) == 1
    story.at(ROLL)
    assert most(story) == 3


def test_what_the_day_loses_too() -> None:
    story = climbing(51_000)
    story.enters("ES")
    story.closes("ES", "-1")
    assert most(story) == 3
    story.at(ROLL)
    assert most(story) == 2


def test_what_is_open_at_the_roll_counts_by_its_mark() -> None:
    story = climbing()
    story.enters("ES")
    story.marks("ES", "500")
    story.at(ROLL)
    story.closes("ES", "-200")
    assert most(story) == 2


def test_what_is_paid_in_waits_for_the_roll() -> None:
    story = climbing()
    story.hears(CashMoved("ann", "wire", Decimal(1000)))
    assert most(story) == 1
    story.at(ROLL)
    assert most(story) == 3


def test_the_smaller_of_the_ladder_and_the_limit_holds_and_the_sentence_says_which() -> None:
    answer = climbing(51_000).asks("SI", 4)
    assert isinstance(answer, EntryDenied)
    assert (answer.code, answer.reason) == (
        "contracts_ladder",
        "Max contracts (3) of the ladder at $51,000.00 of equity at the day's beginning reached: "
        "0 used, 4 more asked.",
    )
    assert code(climbing(51_000, max_contracts=2).asks("SI", 4)) == "max_contracts"
    assert code(climbing(51_000, max_contracts=3).asks("SI", 4)) == "contracts_ladder"


def test_contracts_count_by_weight_on_it() -> None:
    story = climbing(contract_weights="SI=0.5")
    assert code(story.asks("SI", 3)) == "contracts_ladder"
    assert code(story.asks("SI", 2)) == "allowed"


def test_one_that_is_ordered_in_the_middle_of_a_day_leaves_out_what_the_day_made() -> None:
    story = Story(**RULES, start_balance=Decimal(50_000))
    story.enters("ES")
    story.closes("ES", "1000")
    story.hears(limits(**RULES, start_balance=Decimal(50_000), contracts_ladder=LADDER))
    assert most(story) == 1


def test_and_counts_what_the_day_lost() -> None:
    story = Story(**RULES, start_balance=Decimal(51_000))
    story.enters("ES")
    story.closes("ES", "-600")
    story.hears(limits(**RULES, start_balance=Decimal(51_000), contracts_ladder=LADDER))
    assert most(story) == 1


def test_the_same_ladder_named_again_changes_nothing_before_the_roll() -> None:
    story = climbing()
    story.enters("ES")
    story.closes("ES", "-1000")
    story.hears(limits(**RULES, start_balance=Decimal(50_000), contracts_ladder=LADDER))
    assert most(story) == 1
