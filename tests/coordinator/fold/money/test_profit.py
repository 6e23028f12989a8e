"""Targets, locks and consistency: each ends a day that has made enough, at its figure, no cent before."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.events.decisions import EventRejected, FlattenOrdered, LimitReached
from tests.coordinator.story import DAY, Story, code, each, kinds, only


def trading(**rules: Any) -> Story:
    story = Story(**rules)
    story.enters("ES")
    return story


def dollars(amount: str) -> Decimal:
    return Decimal(amount)


# --- the target -------------------------------------------------------------------------------------------


def test_at_the_target_all_is_closed_and_a_cent_below_it_nothing_happens() -> None:
    story = trading(profit_target=dollars("800"))
    assert story.marks("ES", "799.99") == []
    reached = only(LimitReached, story.marks("ES", "800"))
    assert (reached.rule, reached.action, reached.until) == ("profit_target", "flatten", "2025-01-16")
    assert reached.reason == "Day's profit $800.00 reached the target $800.00"
    assert code(story.asks("CL")) == "profit_target"
    story.closes("ES", "790")
    story.at(story.ms + DAY)
    assert story.latched == {}
    assert code(story.asks("CL")) == "allowed"


def test_deny_only_closes_nothing_and_stands_though_the_profit_goes() -> None:
    story = trading(profit_target=dollars("800"), profit_denies_only=True)
    assert each(FlattenOrdered, story.marks("ES", "800")) == []
    story.marks("ES", "-100")
    assert code(story.asks("CL")) == "profit_target"
    assert story.open == ["ES:long:1"]


def test_a_forced_resume_counts_from_what_the_day_really_came_to() -> None:
    story = trading(profit_target=dollars("800"))
    story.marks("ES", "1000")
    story.closes("ES", "700")  # the target was touched, and less was made
    assert "force=true" in only(EventRejected, story.resume()).reason
    assert story.resume(force=True) == []
    story.enters("ES")
    assert story.marks("ES", "799.99") == []
    reached = only(LimitReached, story.marks("ES", "800"))
    assert "counted from $700.00" in reached.reason


def test_put_in_force_in_the_middle_of_the_day_it_counts_from_where_it_is_told_to() -> None:
    whole, story = trading(), trading()
    for one, from_now in ((whole, False), (story, True)):
        one.marks("ES", "900")
        one.change_limits(profit_target=dollars("800"), profit_from_now=from_now)
    assert (list(whole.latched), list(story.latched)) == (["profit_target"], [])
    assert story.marks("ES", "1699.99") == []
    assert kinds(story.marks("ES", "1700"))[0] == "LimitReached"


@pytest.mark.parametrize(("config", "at"), [("", "1399.99"), ("a" * 64, "700")])
def test_a_person_may_have_the_day_counted_anew_and_no_file(config: str, at: str) -> None:
    story = trading(profit_target=dollars("800"), profit_from_now=True)
    story.marks("ES", "699.99")
    assert story.change_limits(profit_target=dollars("700"), profit_from_now=True, config=config) == []
    assert story.marks("ES", str(dollars(at) - dollars("0.01"))) == []
    assert only(LimitReached, story.marks("ES", at)).rule == "profit_target"


def test_a_new_file_disarms_no_lock() -> None:
    story = trading(profit_lock_at=dollars("500"), profit_lock_floor=dollars("200"))
    story.marks("ES", "500")
    rules: dict[str, Any] = {"profit_lock_at": dollars("500"), "profit_lock_floor": dollars("200")}
    story.change_limits(**rules, profit_target=dollars("800"), profit_from_now=True, config="a" * 64)
    assert only(LimitReached, story.marks("ES", "200")).rule == "profit_lock_at"


# --- the lock ---------------------------------------------------------------------------------------------


def test_before_it_is_armed_the_lock_asks_for_nothing() -> None:
    story = trading(profit_lock_at=dollars("500"), profit_lock_floor=dollars("200"))
    story.marks("ES", "499.99")
    assert story.marks("ES", "-100") == []


def test_armed_the_profit_may_not_fall_to_the_floor() -> None:
    story = trading(profit_lock_at=dollars("500"), profit_lock_floor=dollars("200"))
    story.marks("ES", "500")
    assert story.marks("ES", "200.01") == []
    reached = only(LimitReached, story.marks("ES", "200"))
    assert (reached.rule, reached.limit) == ("profit_lock_at", dollars("200"))
    assert "its best was $500.00" in reached.reason


def test_a_trailing_lock_follows_the_days_best_and_never_falls_below_its_floor() -> None:
    story = trading(
        profit_lock_at=dollars("500"), profit_lock_floor=dollars("200"), profit_lock_trail=dollars("250")
    )
    story.marks("ES", "500")
    story.marks("ES", "1000")
    assert story.marks("ES", "750.01") == []
    assert only(LimitReached, story.marks("ES", "750")).limit == dollars("750")


def test_a_new_day_is_not_armed() -> None:
    story = trading(profit_lock_at=dollars("500"), profit_lock_floor=dollars("200"))
    story.marks("ES", "600")
    story.at(story.ms + DAY)
    assert story.state.day.best is None
    assert story.marks("ES", "500") == []  # 100 less than where the day began


# --- consistency ------------------------------------------------------------------------------------------


def test_a_day_ends_once_it_has_made_its_share_of_the_total() -> None:
    story = trading(consistency_percent=30, consistency_total=dollars("3000"))
    assert story.marks("ES", "899.99") == []
    reached = only(LimitReached, story.marks("ES", "900"))
    assert reached.rule == "consistency_percent"
    assert "30 % of the total $3,000.00" in reached.reason


def test_what_was_made_already_counts_where_it_is_more_than_the_plan() -> None:
    story = trading(
        consistency_percent=30,
        consistency_total=dollars("3000"),
        start_balance=dollars("50000"),
        daily_stop_loss=dollars("100000"),
    )
    for _ in range(5):
        story.closes("ES", "899")
        story.at(story.ms + 7 * DAY)
        story.enters("ES")
    assert story.marks("ES", "1900") == []  # of 6,395 made in all, 30 % are 1,918.50
    assert kinds(story.marks("ES", "1930"))[0] == "LimitReached"
