"""The week, the last days together, and the tiers before the day's stop."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.events.decisions import EventRejected, LimitReached
from tests.coordinator.story import DAY, MINUTE, Story, chicago, code, each, kinds, only

MONDAY = chicago(2025, 1, 13, 10)
FAR = Decimal(100_000)


def lost(story: Story, symbol: str, pnl: str) -> list[str]:
    """A trade, closed at this profit or loss; the rules whose limits that reached."""
    story.enters(symbol)
    return [one.rule for one in each(LimitReached, story.closes(symbol, pnl))]


def trading(start_ms: int = MONDAY, **rules: Any) -> Story:
    return Story(start_ms, **({"daily_stop_loss": FAR} | rules))


# --- the week ---------------------------------------------------------------------------------------------


def test_the_weeks_loss_adds_up_from_monday_and_locks_until_the_next_one() -> None:
    story = trading(weekly_loss=Decimal(3_000))
    assert lost(story, "ES", "-2000") == []
    story.at(MONDAY + DAY)
    assert lost(story, "ES", "-999.99") == []
    assert lost(story, "CL", "-0.01") == ["weekly_loss"]
    assert story.latched == {"weekly_loss": "2025-01-20"}
    story.at(MONDAY + 3 * DAY)
    assert code(story.asks("SI")) == "weekly_loss"
    story.at(chicago(2025, 1, 19, 18))  # Sunday evening: Monday's trading day
    assert code(story.asks("SI")) == "allowed"


def test_a_forced_resume_never_resets_the_week() -> None:
    story = trading(weekly_loss=Decimal(3_000))
    lost(story, "ES", "-3000")
    assert "no resume lifts it" in only(EventRejected, story.resume(force=True)).reason
    story.halt()
    assert story.resume() == []  # the halt is lifted, the week is not
    assert (story.halted, story.latched) == (False, {"weekly_loss": "2025-01-20"})


def test_friday_of_the_week_before_does_not_count() -> None:
    story = trading(MONDAY - 3 * DAY, weekly_loss=Decimal(3_000))
    lost(story, "ES", "-2999")
    story.at(MONDAY)
    assert lost(story, "ES", "-2999") == []


@pytest.mark.parametrize("rule", ["weekly_loss", "rolling_loss"])
def test_what_was_open_when_a_day_ended_counts_with_that_day(rule: str) -> None:
    rules: dict[str, Any] = {rule: Decimal(1_000), "rolling_days": 5}
    story = trading(**rules)
    story.enters("ES")
    story.marks("ES", "-900")
    story.at(MONDAY + DAY)
    assert story.marks("ES", "-999.99") == []
    assert story.pnl == Decimal("-99.99")
    assert only(LimitReached, story.closes("ES", "-1000")).rule == rule


def test_an_open_profit_of_an_earlier_day_that_goes_again_is_a_loss_of_its_own_day_alone() -> None:
    story = trading(weekly_loss=Decimal(1_000))
    story.enters("ES")
    story.marks("ES", "900")
    story.at(MONDAY + DAY)
    assert each(LimitReached, story.closes("ES", "-999.99")) == []
    assert story.pnl == Decimal("-1899.99")
    assert lost(story, "CL", "-0.01") == ["weekly_loss"]


def test_the_weeks_profit_ends_the_week() -> None:
    story = trading(weekly_profit=Decimal(1_000), profit_denies_only=True)
    assert lost(story, "ES", "999.99") == []
    assert lost(story, "ES", "0.01") == ["weekly_profit"]
    story.at(MONDAY + DAY)
    assert code(story.asks("CL")) == "weekly_profit"


# --- the last days ----------------------------------------------------------------------------------------


def test_a_loss_a_minute_before_the_roll_denies_all_of_the_next_day() -> None:
    rules: dict[str, Any] = {"rolling_loss": Decimal(1_000), "rolling_days": 2, "rolling_pause_days": 1}
    story = trading(chicago(2025, 1, 15, 16, 59), **rules)
    assert lost(story, "ES", "-1000") == ["rolling_loss"]
    story.at(chicago(2025, 1, 15, 17, 1))
    assert code(story.asks("CL")) == "rolling_loss"
    story.at(chicago(2025, 1, 16, 16, 59))
    assert code(story.asks("CL")) == "rolling_loss"
    story.at(chicago(2025, 1, 16, 17))
    assert code(story.asks("CL")) == "allowed"


def test_a_day_that_has_left_the_window_counts_no_more_and_one_in_it_does() -> None:
    rules: dict[str, Any] = {"rolling_loss": Decimal(1_000), "rolling_days": 2, "rolling_pause_days": 1}
    story = trading(**rules)
    lost(story, "ES", "-600")
    story.at(MONDAY + DAY)
    assert lost(story, "ES", "-399.99") == []
    story.at(MONDAY + 2 * DAY)
    assert lost(story, "ES", "-600") == []
    assert lost(story, "ES", "-0.01") == ["rolling_loss"]


def test_what_was_lost_before_a_pause_does_not_begin_another() -> None:
    rules: dict[str, Any] = {"rolling_loss": Decimal(1_000), "rolling_days": 5, "rolling_pause_days": 1}
    story = trading(**rules)
    lost(story, "ES", "-1000")
    story.at(MONDAY + 2 * DAY)
    assert lost(story, "ES", "-999") == []


# --- tiers ------------------------------------------------------------------------------------------------


def tiered(tiers: str) -> Story:
    story = Story(daily_stop_loss=Decimal(2_000), loss_tiers=tiers)
    story.enters("ES")
    return story


def test_each_tier_is_told_once_and_a_worse_one_again() -> None:
    story = tiered("50%=tell 70%=tell")
    assert each(LimitReached, story.marks("ES", "-999.99")) == []
    assert only(LimitReached, story.marks("ES", "-1000")).action == "tell"
    story.marks("ES", "0")
    assert each(LimitReached, story.marks("ES", "-1000")) == []
    assert only(LimitReached, story.marks("ES", "-1400")).limit == Decimal(-1400)
    assert code(story.asks("CL")) == "allowed"


def test_a_tier_denies_larger_entries_the_next_all_of_them_and_the_last_closes() -> None:
    story = tiered("1000=above:1 60%=deny 90%=flatten")
    story.marks("ES", "-1000")
    assert code(story.asks("CL", 2)) == "loss_tiers"
    assert code(story.asks("CL", 1)) == "allowed"
    story.marks("ES", "-1200")
    assert code(story.asks("SI", 1)) == "loss_tiers"
    assert "FlattenOrdered" in kinds(story.marks("ES", "-1800"))


def test_a_tier_latches_for_the_day_alone() -> None:
    story = tiered("50%=deny")
    story.marks("ES", "-1000")
    story.marks("ES", "500")
    assert code(story.asks("CL")) == "loss_tiers"
    story.closes("ES", "500")
    story.after(DAY)
    assert code(story.asks("CL")) == "allowed"


def test_several_tiers_at_one_mark_are_told_as_the_worst() -> None:
    story = tiered("50%=tell 60%=above:2 70%=deny")
    reached = only(LimitReached, story.marks("ES", "-1500"))
    assert (reached.action, reached.limit) == ("deny", Decimal(-1400))


@pytest.mark.parametrize("minutes", [0, 5])
def test_a_forced_resume_lifts_the_tiers_for_the_day(minutes: int) -> None:
    story = tiered("50%=deny")
    story.marks("ES", "-1000")
    story.after(minutes * MINUTE)
    assert "force=true" in only(EventRejected, story.resume()).reason
    assert story.resume(force=True) == []
    assert code(story.asks("CL")) == "allowed"


def test_a_tier_that_only_tells_holds_up_no_resume_and_goes_on() -> None:
    story = tiered("50%=tell 60%=deny")
    story.marks("ES", "-1000")
    story.halt()
    assert story.resume() == []
    assert (story.halted, code(story.asks("CL"))) == (False, "allowed")
    assert only(LimitReached, story.marks("ES", "-1200")).action == "deny"


def test_milder_tiers_ordered_in_the_day_are_told_and_lift_nothing_that_is_latched() -> None:
    story = tiered("50%=flatten")
    story.marks("ES", "-1000")
    ordered = story.change_limits(daily_stop_loss=Decimal(2_000), loss_tiers="40%=tell 50%=tell")
    assert only(LimitReached, ordered).action == "tell"
    assert code(story.asks("CL")) == "loss_tiers"
    assert "FlattenOrdered" in kinds(story.fills("CL"))


def test_stricter_tiers_ordered_in_the_day_hold_at_once() -> None:
    story = tiered("30%=tell 50%=tell")
    story.marks("ES", "-1000")
    ordered = story.change_limits(daily_stop_loss=Decimal(2_000), loss_tiers="50%=flatten")
    assert only(LimitReached, ordered).action == "flatten"


def test_a_tier_of_yesterday_that_waits_for_a_flat_book_gives_way_to_none_of_today() -> None:
    story = tiered("50%=tell 90%=flatten")
    story.marks("ES", "-1800")
    story.after(DAY)
    story.marks("ES", "-2800")
    assert "FlattenOrdered" in kinds(story.fills("CL"))
    story.closes("CL")
    assert only(LimitReached, story.closes("ES", "-2800")).action == "tell"
    assert story.latched == {"loss_tiers": "2025-01-17"}
