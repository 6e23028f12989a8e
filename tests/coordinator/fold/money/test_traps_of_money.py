"""Traps of limits of money that others fell into, each as it would come about here."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.events.calendar import SessionsPublished
from portfold.events.decisions import EventRejected, LimitReached
from tests.coordinator.story import DAY, MINUTE, Story, chicago, code, each, kinds, only

FAR = Decimal(100_000)
LOCK: dict[str, Any] = {"profit_lock_at": Decimal(500), "profit_lock_floor": Decimal(200)}


# --- switched on in the middle of a day: judged on all of it, or from then on ------------------------------


def test_a_lock_that_comes_in_the_middle_of_the_day_is_armed_by_what_the_day_has_made() -> None:
    story = Story()
    story.enters("ES")
    story.marks("ES", "900")
    assert story.change_limits(**LOCK) == []
    assert story.marks("ES", "200.01") == []
    assert only(LimitReached, story.marks("ES", "200")).limit == Decimal(200)


def test_from_now_it_is_armed_by_what_is_made_from_then_on_alone() -> None:
    story = Story()
    story.enters("ES")
    story.marks("ES", "900")
    story.change_limits(**LOCK, profit_from_now=True)
    story.marks("ES", "1399.99")
    assert story.marks("ES", "0") == []
    story.marks("ES", "1400")
    assert story.marks("ES", "1100.01") == []
    assert "counted from $900.00" in only(LimitReached, story.marks("ES", "1100")).reason


# --- lifted by force ----------------------------------------------------------------------------------------


def test_a_share_of_the_total_that_was_lifted_by_force_ends_no_other_trade_of_that_day_but_of_the_next() -> (
    None
):
    story = Story(consistency_percent=30, consistency_total=Decimal(3_000))
    story.enters("ES")
    story.closes("ES", "900")
    assert "force=true" in only(EventRejected, story.resume()).reason
    assert story.resume(force=True) == []
    story.enters("CL")
    assert story.marks("CL", "500") == []
    story.closes("CL", "500")
    story.after(DAY)
    story.enters("SI")
    assert story.marks("SI", "899.99") == []
    assert only(LimitReached, story.marks("SI", "900")).rule == "consistency_percent"


def test_none_may_be_forced_where_none_may() -> None:
    story = Story(max_forced_resumes="0", daily_stop_loss=Decimal(500))
    story.enters("ES")
    story.closes("ES", "-500")
    assert "max_forced_resumes is 0" in only(EventRejected, story.resume(force=True)).reason
    assert story.stopped_out


# --- weeks, days, the firm's hour ---------------------------------------------------------------------------


def test_where_monday_has_no_session_the_week_is_unlocked_with_tuesday_and_counts_anew() -> None:
    story = Story(chicago(2025, 1, 17, 10), weekly_loss=Decimal(1_000), daily_stop_loss=FAR)
    sessions = (
        "2025-01-17=2025-01-16T23:00Z..2025-01-17T22:00Z 2025-01-21=2025-01-20T23:00Z..2025-01-21T22:00Z"
    )
    story.hears(SessionsPublished("ann", "holidays", "by hand", "2025-01-17", "2025-01-21", sessions))
    story.enters("ES")
    story.closes("ES", "-1000")
    story.at(chicago(2025, 1, 17, 17) - 1)
    assert code(story.asks("CL")) == "allowed", "which is a millisecond later: Tuesday's trading day"
    story.fills("CL")
    assert story.state.day.date == "2025-01-21"
    assert each(LimitReached, story.closes("CL", "-999.99")) == []
    story.enters("CL")
    assert only(LimitReached, story.closes("CL", "-0.01")).rule == "weekly_loss"


def test_a_millisecond_before_the_next_week_begins_the_week_is_locked_still() -> None:
    story = Story(chicago(2025, 1, 17, 10), weekly_loss=Decimal(1_000), daily_stop_loss=FAR)
    story.enters("ES")
    story.closes("ES", "-1000")
    story.at(chicago(2025, 1, 17, 17) - 2)
    assert code(story.asks("CL")) == "weekly_loss"
    assert code(story.asks("CL")) == "allowed"


def test_where_nobody_led_at_the_firms_hour_the_peak_is_the_equity_of_then_and_not_what_came_after() -> None:
    story = Story(
        chicago(2025, 1, 15, 14),
        start_balance=Decimal(50_000),
        daily_stop_loss=FAR,
        trailing_drawdown=Decimal(2_000),
        trailing_at="15:10",
        trailing_zone="America/Chicago",
    )
    story.enters("ES")
    story.marks("ES", "800")
    story.ms = chicago(2025, 1, 15, 16)  # the next that is heard of is a mark, much later
    story.marks("ES", "3000")
    assert story.state.capital is not None
    assert story.state.capital.peak == Decimal(50_800)


# --- tiers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["tell", "above:2", "deny", "flatten"])
def test_every_tier_begins_at_its_figure_and_no_cent_before(action: str) -> None:
    story = Story(daily_stop_loss=Decimal(2_000), loss_tiers=f"50%={action}")
    story.enters("ES")
    assert story.marks("ES", "-999.99") == []
    reached = only(LimitReached, story.marks("ES", "-1000"))
    assert reached.action == action.partition(":")[0]
    answer = code(story.asks("CL", 3))
    assert answer == ("allowed" if action == "tell" else "loss_tiers")


# --- what is not known is not fresh ------------------------------------------------------------------------


def test_a_position_that_was_found_at_the_broker_and_never_marked_is_stale_to_the_millisecond() -> None:
    story = Story(mark_stale_denies=True, mark_stale_ms=MINUTE)
    story.starts("ibs-CL")
    story.starts("ibs-ES", positions="ES:long:1:5000")
    known = story.ms
    story.settle("ES", 1, worker="ibs-ES")  # so that nothing but the mark is unknown
    story.at(known + MINUTE - 2)
    assert code(story.asks("CL")) == "allowed"
    story.withdraws("CL")
    assert code(story.asks("CL")) == "mark_stale"
    assert "StopLossTriggered" not in kinds(story.marks("ES", "0"))
    assert code(story.asks("CL")) == "allowed"
