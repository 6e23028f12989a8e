"""Marks of one moment count together, so that a hedged book is not stopped on half of itself."""

from decimal import Decimal

import pytest

from portfold.coordinator.fold.effects.time_passing import next_deadline
from portfold.coordinator.fold.state import daily_pnl
from portfold.events.decisions import EventRejected, LimitReached, StopLossTriggered, TradingDayStarted
from tests.coordinator.story import MINUTE, SECOND, WEDNESDAY, Story, chicago, each, only

BAR = WEDNESDAY + MINUTE
"""The end of a bar, by the market's clock."""


def hedged(seconds: int = 2) -> Story:
    """Long ES and short NQ, under a daily stop of 2,500 dollars."""
    story = Story(symbols="ES NQ CL", marks_together_seconds=seconds)
    story.enters("ES")
    story.enters("NQ", side="short")
    return story


def test_a_hedged_book_is_not_stopped_on_half_of_it() -> None:
    story = hedged()
    assert story.marks("ES", "-3000", moment_ms=BAR) == []
    assert daily_pnl(story.state) == 0
    assert story.marks("NQ", "3100", side="short", moment_ms=BAR) == []
    assert daily_pnl(story.state) == 100


@pytest.mark.parametrize(("made", "stops"), [("500.01", 0), ("500", 1)])
def test_together_they_count_as_ever_at_the_limit_and_a_cent_from_it(made: str, stops: int) -> None:
    story = hedged()
    story.marks("ES", "-3000", moment_ms=BAR)
    decisions = story.marks("NQ", made, side="short", moment_ms=BAR)
    assert len(each(StopLossTriggered, decisions)) == stops


@pytest.mark.parametrize("first", ["ES", "NQ"])
def test_no_order_of_them_raises_a_profit_that_there_is_not(first: str) -> None:
    story = Story(symbols="ES NQ", marks_together_seconds=2, profit_target=Decimal(800))
    story.enters("ES", "NQ")
    marks = {"ES": "900", "NQ": "-200"}
    second = "NQ" if first == "ES" else "ES"
    decisions = story.marks(first, marks[first], moment_ms=BAR)
    decisions += story.marks(second, marks[second], moment_ms=BAR)
    assert each(LimitReached, decisions) == []


def test_half_of_them_counts_after_the_bound_and_not_before() -> None:
    story = hedged(seconds=2)
    story.marks("ES", "-3000", moment_ms=BAR)
    assert next_deadline(story.state) == story.ms + 2 * SECOND
    assert story.at(story.ms + 2 * SECOND - 1) == []
    assert only(StopLossTriggered, story.after(1)).daily_pnl == -3000


def test_marks_without_end_put_nothing_off() -> None:
    story = hedged(seconds=2)
    story.marks("ES", "-2000", moment_ms=BAR)
    story.ms += 1500
    story.marks("ES", "-3000", moment_ms=BAR + 1000)
    assert each(StopLossTriggered, story.after(498)) == []
    assert each(StopLossTriggered, story.after(1))


def test_what_is_realized_is_not_delayed_and_is_judged_with_what_counts_already() -> None:
    story = hedged()
    story.marks("NQ", "1000", side="short", moment_ms=BAR)
    assert each(StopLossTriggered, story.closes("ES", pnl="-2500"))


def test_a_mark_that_names_no_moment_counts_at_once() -> None:
    assert each(StopLossTriggered, hedged().marks("ES", "-2500"))


def test_a_single_position_waits_for_nothing() -> None:
    story = Story(marks_together_seconds=2)
    story.enters("ES")
    assert each(StopLossTriggered, story.marks("ES", "-2500", moment_ms=BAR))


def test_a_later_mark_of_the_others_is_enough() -> None:
    story = hedged()
    story.marks("NQ", "0", side="short", moment_ms=BAR + 1000)
    assert each(StopLossTriggered, story.marks("ES", "-2500", moment_ms=BAR))


def test_what_nobody_marks_any_more_is_not_waited_for() -> None:
    story = Story(symbols="ES NQ", marks_together_seconds=2, mark_stale_ms=MINUTE)
    story.enters("ES", "NQ")
    story.after(MINUTE)
    assert each(StopLossTriggered, story.marks("ES", "-2500", moment_ms=BAR))


def test_what_waits_at_the_roll_belongs_to_the_day_that_ends() -> None:
    story = hedged(seconds=60)
    roll = chicago(2025, 1, 15, 17)
    story.at(roll - SECOND)
    story.marks("ES", "-2000", moment_ms=BAR)
    assert only(TradingDayStarted, story.at(roll)).daily_pnl == -2000
    assert daily_pnl(story.state) == 0


def test_contracts_that_are_closed_take_their_part_of_what_waits() -> None:
    story = Story(symbols="ES NQ", marks_together_seconds=2)
    story.enters("ES", size=2)
    story.enters("NQ")
    story.marks("ES", "-2000", moment_ms=BAR)
    story.closes("ES", pnl="-1000", size=1)
    story.marks("NQ", "0", moment_ms=BAR)
    assert daily_pnl(story.state) == -2000


def test_with_the_limit_gone_what_waits_counts() -> None:
    story = hedged()
    story.marks("ES", "-2500", moment_ms=BAR)
    assert each(StopLossTriggered, story.change_limits(symbols="ES NQ CL"))


@pytest.mark.parametrize(("version", "fields"), [(6, ""), (7, ", owner"), (8, ", owner")])
def test_earlier_versions_knew_no_moment(version: int, fields: str) -> None:
    story = hedged()
    story.state.fold_version = version
    refused = only(EventRejected, story.marks("ES", "-1", moment_ms=BAR))
    assert refused.reason == (
        "PositionMarked.moment_ms: not a field of PositionMarked; its fields are worker, session, seq, "
        f"symbol, side, price, unrealized{fields}"
    )
