"""The account's floors: static, and trailing the peak; reached, only a resume lifts them."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.events.decisions import EventRejected, FlattenOrdered, LimitReached
from tests.coordinator.story import DAY, HOUR, MINUTE, Story, chicago, code, each, kinds, only

START = {"start_balance": Decimal(50_000), "daily_stop_loss": Decimal(100_000)}


def account(**rules: Any) -> Story:
    """An account of 50,000 with one position, so far away from the daily stop that this says nothing."""
    story = Story(**(START | rules))
    story.enters("ES")
    return story


def floor_of(**more: Any) -> dict[str, Any]:
    return {"equity_floor": Decimal(48_000)} | more


TRAIL = {"trailing_drawdown": Decimal(2_000)}


# --- the static floor -------------------------------------------------------------------------------------


def test_at_the_floor_all_is_closed_and_a_cent_above_it_nothing_happens() -> None:
    story = account(**floor_of())
    assert story.marks("ES", "-1999.99") == []
    reached, ordered = story.marks("ES", "-2000")
    assert isinstance(reached, LimitReached)
    assert (reached.rule, reached.action, reached.until) == ("equity_floor", "flatten", "")
    assert reached.reason == "Equity $48,000.00 reached the floor $48,000.00; only a resume lifts it"
    assert isinstance(ordered, FlattenOrdered)
    assert ordered.everything
    answer = story.asks("CL")
    assert (code(answer), getattr(answer, "reason", "")) == ("equity_floor", reached.reason)


def test_what_still_fills_after_the_breach_is_closed_at_once() -> None:
    story = account(**floor_of())
    story.starts("ibs-CL")
    story.asks("CL")
    story.marks("ES", "-2000")
    assert "FlattenOrdered" in kinds(story.fills("CL"))


def test_no_new_day_lifts_it_and_a_resume_above_it_needs_no_force() -> None:
    story = account(**floor_of())
    story.marks("ES", "-2000")
    story.closes("ES", "-1500")  # it came to less than was feared
    story.at(story.ms + 3 * DAY)
    assert story.latched == {"equity_floor": ""}
    assert story.resume() == []
    assert story.latched == {}


def test_a_resume_below_it_has_to_be_forced_and_then_one_daily_limit_is_left() -> None:
    story = account(**floor_of(daily_stop_loss=Decimal(2_500)))
    story.marks("ES", "-2000")
    story.closes("ES", "-2000")
    refused = only(EventRejected, story.resume())
    assert "Equity $48,000.00 reached the floor $48,000.00" in refused.reason
    assert "force=true" in refused.reason
    assert story.resume(force=True) == []
    story.at(story.ms + DAY)  # so that the day's stop does not answer first
    story.enters("ES")
    assert story.marks("ES", "-499.99") == []
    story.change_limits(**(START | floor_of(daily_stop_loss=Decimal(2_500))))
    assert story.latched == {}
    story.closes("ES", "-499.99")
    story.at(story.ms + DAY)
    story.enters("CL")
    assert each(LimitReached, story.marks("CL", "-2000")) == []
    reached = only(LimitReached, story.marks("CL", "-2000.01"))
    assert reached.limit == Decimal(45_500)


def test_after_a_forced_resume_the_real_floor_holds_again_once_the_equity_was_above_it() -> None:
    story = account(**floor_of())
    story.marks("ES", "-2000")
    story.closes("ES", "-2000")
    story.resume(force=True)
    story.enters("ES")
    story.marks("ES", "0.01")
    reached = only(LimitReached, story.marks("ES", "0"))
    assert reached.limit == Decimal(48_000)


@pytest.mark.parametrize(("payout", "lost"), [("0", "-1000"), ("-999.99", "-0.01")])
def test_a_forced_resume_below_one_floor_leaves_the_other_where_it_is(payout: str, lost: str) -> None:
    story = account(**floor_of(**TRAIL, start_peak=Decimal(51_000), daily_stop_loss=Decimal(2_500)))
    story.closes("ES", "-1000")
    assert story.latched == {"trailing_drawdown": ""}
    story.resume(force=True)
    if payout != "0":
        story.cash(payout)
    story.enters("CL")
    assert story.latched == {}
    reached = only(LimitReached, story.marks("CL", lost))
    assert (reached.rule, reached.limit) == ("equity_floor", Decimal(48_000))


def test_what_is_paid_out_brings_the_equity_nearer_to_the_floor_of_a_forced_resume_too() -> None:
    story = account(**floor_of(daily_stop_loss=Decimal(2_500)))
    story.closes("ES", "-2000")
    story.resume(force=True)
    story.cash("-2499.99")
    assert story.latched == {}
    assert only(LimitReached, story.cash("-0.01")).limit == Decimal(45_500)


def test_a_forced_resume_is_bounded_a_day() -> None:
    story = account(**floor_of(max_forced_resumes="1", daily_stop_loss=Decimal(500)))
    story.closes("ES", "-500")
    assert story.resume(force=True) == []
    story.enters("ES")
    story.closes("ES", "-500")
    assert "max_forced_resumes" in only(EventRejected, story.resume(force=True)).reason
    story.at(story.ms + DAY)
    assert not story.stopped_out


# --- what the equity is -----------------------------------------------------------------------------------


def test_money_paid_in_or_out_is_no_profit_and_no_loss_and_no_limit_moves_by_itself() -> None:
    story = account(**floor_of())
    story.cash("500")
    assert story.pnl == 0
    assert story.marks("ES", "-2499.99") == []
    story.cash("-0.01")
    assert story.latched == {"equity_floor": ""}


def test_what_is_paid_in_buys_no_distance_to_a_trailing_floor_and_what_is_paid_out_costs_it() -> None:
    story = account(**TRAIL)
    story.cash("1000")
    assert story.marks("ES", "-1999.99") == []
    story.marks("ES", "0")
    story.cash("-1999.99")
    assert story.latched == {}
    story.cash("-0.01")
    assert story.latched == {"trailing_drawdown": ""}


def test_cash_where_no_equity_is_counted_is_refused() -> None:
    story = Story()
    assert "no start_balance" in only(EventRejected, story.cash("500")).reason


def test_of_the_log_and_the_account_the_worse_figure_counts() -> None:
    story = account(**floor_of(account="DU1", account_grace_ms=1, account_tolerance=Decimal(5)))
    story.account_says("49000", "ES:long:1:100", unrealized="0")
    assert story.latched == {}
    story.account_says("47999", "ES:long:1:100", unrealized="-1001")
    assert story.latched == {"equity_floor": ""}


def test_a_deposit_that_the_account_does_not_show_yet_is_no_loss_of_the_day() -> None:
    story = account(account="DU1", account_grace_ms=10_000, account_tolerance=Decimal(5))
    story.account_says("50000", "ES:long:1:100")
    assert story.cash("3000") == []
    assert story.pnl == 0
    story.account_says("53000", "ES:long:1:100")
    assert story.pnl == 0


# --- the trailing floor -----------------------------------------------------------------------------------


def test_the_floor_follows_every_mark_up_and_never_down() -> None:
    story = account(**TRAIL)
    story.marks("ES", "1000")
    story.marks("ES", "-999.99")
    assert story.latched == {}
    reached = only(LimitReached, story.marks("ES", "-1000"))
    assert (reached.now, reached.limit) == (Decimal(49_000), Decimal(49_000))
    assert "$2,000.00 below the peak $51,000.00" in reached.reason


def test_on_realized_an_open_profit_raises_no_peak_and_an_open_loss_is_no_breach() -> None:
    story = account(**TRAIL, trailing_on_realized=True)
    story.marks("ES", "1000")
    story.marks("ES", "-5000")
    assert story.latched == {}
    story.closes("ES", "-2000")
    assert story.latched == {"trailing_drawdown": ""}


def test_the_peak_before_the_log_is_given_by_the_operator() -> None:
    story = account(**TRAIL, start_peak=Decimal(51_500))
    assert story.marks("ES", "-499.99") == []
    assert only(LimitReached, story.marks("ES", "-500")).limit == Decimal(49_500)


def test_the_same_limits_ordered_again_renew_no_peak() -> None:
    story = account(**TRAIL)
    story.marks("ES", "1000")
    story.change_limits(**(START | TRAIL))
    assert only(LimitReached, story.marks("ES", "-1000")).limit == Decimal(49_000)


def test_a_breach_and_a_resume_renew_no_peak() -> None:
    story = account(**TRAIL)
    story.marks("ES", "1000")
    story.marks("ES", "-1000")
    story.closes("ES", "-500")
    story.resume()
    assert story.state.capital is not None
    assert story.state.capital.peak == Decimal(51_000)


def test_once_locked_the_floor_rises_no_more() -> None:
    story = account(**TRAIL, trailing_locks_at=Decimal(50_100))
    story.marks("ES", "9000")
    assert story.marks("ES", "100.01") == []
    reached = only(LimitReached, story.marks("ES", "100"))
    assert (reached.limit, "where it has locked" in reached.reason) == (Decimal(50_100), True)


# --- once a day, at the firm's own time -------------------------------------------------------------------

END_OF_DAY = TRAIL | {"trailing_at": "15:10", "trailing_zone": "America/Chicago"}


def test_the_peak_counts_at_the_firms_time_and_not_at_the_roll() -> None:
    story = account(**END_OF_DAY)
    story.marks("ES", "3000")
    story.marks("ES", "1000")
    story.at(chicago(2025, 1, 15, 15, 9))
    assert story.marks("ES", "-1999.99") == []  # the 3,000 were never an end of a day
    story.marks("ES", "800")
    story.at(chicago(2025, 1, 15, 15, 10))
    assert story.state.capital is not None
    assert story.state.capital.peak == Decimal(50_800)
    assert story.marks("ES", "-1199.99") == []
    assert only(LimitReached, story.marks("ES", "-1200")).limit == Decimal(48_800)


def test_the_breach_is_looked_for_all_the_time() -> None:
    story = account(**END_OF_DAY)
    assert only(LimitReached, story.marks("ES", "-2000")).limit == Decimal(48_000)


def test_a_position_marked_higher_in_the_firms_night_counts_only_at_the_next_close() -> None:
    story = account(**END_OF_DAY)
    story.at(chicago(2025, 1, 15, 15, 10))
    story.marks("ES", "2500")
    story.after(HOUR)
    story.marks("ES", "-1999.99")
    assert story.latched == {}


# --- with the day's stop ----------------------------------------------------------------------------------


def test_both_may_be_reached_at_once_and_the_stop_answers_first() -> None:
    story = account(**floor_of(daily_stop_loss=Decimal(2_000)))
    decisions = story.marks("ES", "-2000")
    assert kinds(decisions)[:2] == ["StopLossTriggered", "LimitReached"]
    assert code(story.asks("CL")) == "stopped_out"
    story.closes("ES", "-2000")
    story.at(story.ms + DAY)
    assert code(story.asks("CL")) == "equity_floor"


@pytest.mark.parametrize("minutes", [1, 24 * 60])
def test_absent_nothing_is_counted_and_nothing_is_latched(minutes: int) -> None:
    story = Story()
    story.enters("ES")
    story.marks("ES", "-2400")
    story.after(minutes * MINUTE)
    assert (story.state.capital, story.latched) == (None, {})
