"""What if a limit of money had been in force: what it closes, what it denies, and what it needs beside it."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.coordinator.audit.what_if.findings import StopComes, StopGoes
from portfold.coordinator.audit.what_if.overrides import Overrides
from portfold.coordinator.audit.what_if.sweep import read_range
from portfold.events.codec import RefusedField
from tests.audit.supposing import WrittenDown

FAR = Decimal(100_000)


def a_day_that_falls(**rules: Any) -> WrittenDown:
    """An account of 50,000: ES makes 500 and falls to -1,500, then CL is entered and makes 100."""
    story = WrittenDown(start_balance=Decimal(50_000), daily_stop_loss=FAR, **rules)
    story.enters("ES")
    story.marks("ES", "500")
    story.marks("ES", "-1500")
    story.closes("ES", "-1400")
    if "trailing_drawdown" not in rules:
        story.enters("CL")
        story.closes("CL", "100")
    return story


def test_a_floor_that_comes_closes_at_the_mark_and_denies_from_there_on() -> None:
    supposed = a_day_that_falls().what_if(trailing_drawdown=2000)
    came = supposed.one(StopComes)
    assert (came.rule, came.daily_pnl, came.limit) == (
        "trailing_drawdown",
        Decimal(48_500),
        Decimal(48_500),
    )
    assert supposed.turns == [("CL", "allowed", "trailing_drawdown")]
    assert supposed.recorded.locks == {}


def test_a_dollar_more_and_it_does_not_come() -> None:
    supposed = a_day_that_falls().what_if(trailing_drawdown=2001)
    assert (supposed.each(StopComes), supposed.turns) == ([], [])


def test_a_floor_on_the_log_that_goes_is_named() -> None:
    gone = a_day_that_falls(trailing_drawdown=Decimal(2000)).what_if(trailing_drawdown=0).one(StopGoes)
    assert gone.rule == "trailing_drawdown"


def test_a_floor_where_the_log_names_no_balance_is_half_a_question() -> None:
    story = WrittenDown()
    with pytest.raises(RefusedField, match="start_balance: expected more than 0 dollars"):
        story.what_if(equity_floor=48_000)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trailing_drawdown", "-1"),
        ("loss_tiers", "half=tell"),
        ("trailing_at", "3pm"),
        ("rolling_days", "31"),
    ],
)
def test_what_is_no_such_limit_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(RefusedField, match=f"{name}: expected"):
        Overrides.of({name: value})


def test_a_number_of_a_rule_is_swept() -> None:
    assert read_range("trailing_drawdown=1000..2000:500").values == (
        Decimal(1000),
        Decimal(1500),
        Decimal(2000),
    )
