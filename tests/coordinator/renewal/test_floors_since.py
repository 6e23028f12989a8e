"""A limit of money that a renewal left standing, and that closes nothing then, closes what is lost since."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.events.decisions import FlattenOrdered
from tests.coordinator.renewal.test_decided_before import closed, closing, opened, renewed
from tests.coordinator.story import Story

START = Decimal(50_000)
LIMITS: list[dict[str, Any]] = [
    {"start_balance": START, "equity_floor": Decimal(48_500)},
    {"start_balance": START, "trailing_drawdown": Decimal(1500)},
    {"weekly_loss": Decimal(1500)},
]
"""Each is reached where 1,500 dollars are lost, of a daily limit of 2,500."""


def reached(limits: dict[str, Any]) -> Story:
    """ES has lost 1,500, which closed it."""
    story = Story(daily_stop_loss=Decimal(2500), **limits)
    story.enters("ES")
    assert closing(story.marks("ES", "-1500"))
    return story


@pytest.mark.parametrize("limits", LIMITS, ids=lambda one: list(one)[-1])
@pytest.mark.parametrize(("marked", "closes"), [("-1399.99", False), ("-1400.00", True)])
def test_one_that_is_no_longer_reached_closes_at_once_where_it_is_again(
    limits: dict[str, Any], marked: str, *, closes: bool
) -> None:
    story = reached(limits)
    story.closes("ES", "-100")
    assert closing(renewed(story, opened(story, "SI"))) == []
    told = closing(story.marks("SI", marked))
    assert [one.everything for one in told if isinstance(one, FlattenOrdered)] == ([True] if closes else [])


@pytest.mark.parametrize("limits", LIMITS, ids=lambda one: list(one)[-1])
def test_one_that_is_still_reached_counts_from_there_until_it_once_is_not(limits: dict[str, Any]) -> None:
    story = reached(limits)
    assert closing(renewed(story, closed(story, "ES", "-1600"), opened(story, "SI"))) == []
    assert closing(story.marks("SI", "0")) == closing(story.marks("SI", "-400")) == []
    assert closing(story.marks("SI", "100.00")) == [], "a cent more, and it is not reached"
    assert closing(story.marks("SI", "100.01")) == []
    assert closing(story.marks("SI", "100.00"))


def test_one_that_was_reached_by_what_is_put_on_again_is_looked_at_alike() -> None:
    story = Story(daily_stop_loss=Decimal(2500), start_balance=START, equity_floor=Decimal(48_500))
    story.enters("ES", "CL")
    facts = closed(story, "ES", "-1600"), closed(story, "CL", "300"), opened(story, "SI")
    assert closing(renewed(story, *facts)) == []
    assert closing(story.marks("SI", "-199.99")) == []
    assert closing(story.marks("SI", "-200"))
    assert closing(story.marks("SI", "-300")) == [], "it is ordered once"


def test_one_that_is_still_reached_closes_one_daily_limit_further() -> None:
    story = Story(daily_stop_loss=Decimal(500), start_balance=START, equity_floor=Decimal(49_600))
    story.enters("ES")
    assert closing(story.marks("ES", "-400"))
    renewed(story, closed(story, "ES", "-450"), opened(story, "SI"))
    story.state.day.stop_from = Decimal(-1000)  # the daily stop is further away, as on another day
    assert closing(story.marks("SI", "-499.99")) == []
    assert closing(story.marks("SI", "-500"))
