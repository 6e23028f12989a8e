"""The loss budget: what all stops together would lose stays above every limit that closes everything.

The traps: an entry that names no stop, a gap beyond a stop, a stop that keeps a profit, an order filled in
part or at another price, a loss that an earlier day has counted already.
"""

from decimal import Decimal
from typing import Any

import pytest

from portfold.coordinator.fold.rules.budget.loss_budget import read
from portfold.events.decisions import EntryDenied, LimitBreached, StopLossTriggered
from portfold.events.incoming import EntryRequested
from tests.coordinator.fold.budget.books import at_stop, moves_stop, portfolio, risking
from tests.coordinator.story import DAY, Story, code, each, only

FLOOR: dict[str, Any] = {"start_balance": Decimal(50_000), "equity_floor": Decimal(49_000)}


def reason(answer: object) -> str:
    assert isinstance(answer, EntryDenied)
    return answer.reason


# --- the boundary -----------------------------------------------------------------------------------------


def test_at_the_days_stop_an_entry_is_denied_and_a_cent_before_it_is_allowed() -> None:
    assert code(portfolio().asks("ES", **risking("2499.99"))) == "allowed"
    assert code(portfolio().asks("ES", **risking("2500"))) == "loss_budget"


def test_a_stop_is_worth_its_distance_times_the_point_value_times_the_size() -> None:
    assert code(portfolio().asks("ES", 2, **at_stop("4975.25"))) == "allowed"  # 24.75 * 50 * 2 = 2,475
    assert code(portfolio().asks("ES", 2, **at_stop("4975"))) == "loss_budget"  # 2,500
    assert code(portfolio().asks("ES", 2, "short", **at_stop("5024.75"))) == "allowed"
    assert code(portfolio().asks("ES", 2, "short", **at_stop("5025"))) == "loss_budget"


def test_commission_and_slippage_count_with_each_contract() -> None:
    assert code(portfolio(stop_costs="ES=12.50").asks("ES", 2, **risking("2474.99"))) == "allowed"
    assert code(portfolio(stop_costs="ES=12.50").asks("ES", 2, **risking("2475"))) == "loss_budget"


def test_the_sentence_has_the_sum_its_parts_and_that_a_gap_breaks_it() -> None:
    story = portfolio(default_risk="ES=500 SI=500")
    story.enters("SI", price="30")
    story.closes("SI", "-900", price="29.82")
    story.asks("ES", **at_stop("4989.75"))
    story.fills("ES", price="5000")
    story.asks("SI", **risking("500"))
    assert reason(story.asks("CL", **risking("727.50"))) == (
        "Day's P&L would be $-2,640.00 of $-2,500.00 (daily_stop_loss) if every stop filled, and a gap fills "
        "worse: realized $-900.00, open legs $-512.50, reserved $-500.00, this $-727.50"
    )


def test_without_the_rule_nobody_is_asked_for_a_stop() -> None:
    story = portfolio(loss_budget="")
    assert code(story.asks("ES", **risking("9000"))) == "allowed"


# --- what names no stop -----------------------------------------------------------------------------------


def test_what_names_no_stop_counts_by_its_symbols_default_risk() -> None:
    assert code(portfolio().asks("ES", 4)) == "allowed"
    assert code(portfolio().asks("ES", 5)) == "loss_budget"


def test_what_names_no_stop_is_denied_where_its_symbol_has_no_default_risk() -> None:
    assert reason(portfolio().asks("CL")) == "CL names no stop, and default_risk has none for it"


def test_what_names_no_stop_is_denied_where_that_is_configured() -> None:
    story = portfolio(loss_budget="deny")
    assert reason(story.asks("ES")) == "ES names no stop: it needs stop_price with price, or risk"
    assert code(story.asks("ES", **at_stop("4990"))) == "allowed"


def test_a_stop_whose_loss_is_not_known_is_no_small_one() -> None:
    story = portfolio(point_values="ES=50")
    assert "not known without a price" in reason(story.asks("ES", stop_price="4999"))
    assert "not known without a point value" in reason(story.asks("CL", stop_price="70", price="71"))


def test_while_a_leg_has_no_stop_that_anybody_knows_nothing_is_entered() -> None:
    story = portfolio(loss_budget="")
    story.enters("CL", price="70")
    story.change_limits(loss_budget="deny", point_values="ES=50 CL=1000")
    assert reason(story.asks("ES", **risking("10"))) == (
        "What CL long 1 of ibs-CL would lose is not known: it has no stop, and default_risk has none for it"
    )
    moves_stop(story, "CL", "69")
    assert code(story.asks("ES", **risking("10"))) == "allowed"


# --- legs and slots ---------------------------------------------------------------------------------------


def test_a_slot_counts_like_a_position_until_it_is_given_back() -> None:
    story = portfolio()
    assert code(story.asks("ES", **risking("1500"))) == "allowed"
    assert code(story.asks("CL", **risking("1000"))) == "loss_budget"
    story.withdraws("ES")
    assert code(story.asks("CL", **risking("1000"))) == "allowed"


def test_a_fill_at_a_worse_price_plans_a_larger_loss_and_says_where_that_is_too_much() -> None:
    story = portfolio()
    story.asks("ES", **at_stop("4960"))  # 2,000
    story.asks("CL", **risking("400"))
    breach = only(LimitBreached, story.fills("ES", price="5002"))  # 2,100, with 400 the limit
    assert (breach.code, breach.worker) == ("loss_budget", "ibs-ES")
    assert "$-2,500.00 of $-2,500.00" in breach.reason


def test_a_fill_at_a_better_price_leaves_more_room() -> None:
    story = portfolio()
    story.asks("ES", **at_stop("4960"))
    assert story.fills("ES", price="4990") == []  # 1,500
    assert code(story.asks("CL", **risking("999.99"))) == "allowed"


def test_an_entry_filled_in_part_plans_for_its_part_and_the_rest_for_its_own() -> None:
    story = portfolio()
    story.asks("ES", 3, **risking("1000"))
    story.fills("ES", 1)
    assert code(story.asks("CL", **risking("1500"))) == "loss_budget"
    story.withdraws("ES")  # what is filled keeps 333.33
    assert code(story.asks("CL", **risking("2166.67"))) == "loss_budget"
    assert code(story.asks("CL", **risking("2166.66"))) == "allowed"


def test_what_is_filled_without_a_grant_has_no_stop_before_its_worker_says_so() -> None:
    story = portfolio()
    story.asks("ES", **at_stop("4990"))
    story.fills("ES", 3, price="5000")  # 1 was granted: 3 by default are 1,500
    assert code(story.asks("CL", **risking("1000"))) == "loss_budget"
    moves_stop(story, "ES", "4990")
    assert code(story.asks("CL", **risking("999.99"))) == "allowed"


def test_a_leg_closed_in_part_plans_for_what_is_left() -> None:
    story = portfolio()
    story.asks("ES", 2, **risking("2000"))
    story.fills("ES", 2, price="5000")
    story.closes("ES", "0", price="5000")
    assert code(story.asks("CL", **risking("1500"))) == "loss_budget"
    assert code(story.asks("CL", **risking("1499.99"))) == "allowed"


def test_a_leg_that_a_gap_took_beyond_its_stop_counts_as_it_is_marked() -> None:
    story = portfolio()
    story.asks("ES", **at_stop("4990"))
    story.fills("ES", price="5000")
    story.marks("ES", "-1500", price="4970")
    assert code(story.asks("CL", **risking("1000"))) == "loss_budget"
    assert code(story.asks("CL", **risking("999.99"))) == "allowed"


def test_a_stop_that_keeps_a_profit_pays_for_no_other_loss() -> None:
    story = portfolio()
    story.asks("ES", **at_stop("4990"))
    story.fills("ES", price="5000")
    story.marks("ES", "2000", price="5040")
    moves_stop(story, "ES", "5030")
    assert code(story.asks("CL", **risking("2500"))) == "loss_budget"
    assert code(story.asks("CL", **risking("2499.99"))) == "allowed"


def test_what_a_restarted_worker_reports_of_its_kept_slot_keeps_the_plan_of_that() -> None:
    story = portfolio()
    story.starts("ibs-ES", symbols="ES")
    story.asks("ES", **at_stop("4960"))
    story.stops("ibs-ES")
    story.starts("ibs-ES", "s2", symbols="ES", positions="ES:long:1:5000")
    assert code(story.asks("CL", **risking("500"))) == "loss_budget"


# --- days and floors --------------------------------------------------------------------------------------


def test_of_a_leg_from_yesterday_only_what_yesterday_did_not_count_is_lost_today() -> None:
    story = portfolio()
    story.asks("ES", **at_stop("4960"))
    story.fills("ES", price="5000")
    story.marks("ES", "-800", price="4984")
    story.after(DAY)
    assert code(story.asks("CL", **risking("1300"))) == "loss_budget"  # 2,000 less the 800 of yesterday
    assert code(story.asks("CL", **risking("1299.99"))) == "allowed"


def test_yesterdays_open_profit_is_lost_today_when_the_stop_fills() -> None:
    story = portfolio()
    story.asks("ES", **at_stop("4990"))
    story.fills("ES", price="5000")
    story.marks("ES", "1000", price="5020")
    story.after(DAY)
    assert code(story.asks("CL", **risking("1000"))) == "loss_budget"  # 500 and the 1,000 of yesterday
    assert code(story.asks("CL", **risking("999.99"))) == "allowed"


def test_after_a_forced_resume_the_budget_is_one_more_daily_limit() -> None:
    story = portfolio()
    story.enters("ES", price="5000")
    only(StopLossTriggered, story.closes("ES", "-2500", price="4950"))
    story.resume(force=True)
    assert code(story.asks("ES", **risking("2500"))) == "loss_budget"
    assert code(story.asks("ES", **risking("2499.99"))) == "allowed"


@pytest.mark.parametrize(
    ("rules", "most", "named"),
    [
        (FLOOR, "1000", "equity_floor"),
        (FLOOR | {"equity_floor": Decimal(0), "trailing_drawdown": Decimal(800)}, "800", "trailing_drawdown"),
        (FLOOR | {"trailing_drawdown": Decimal(1200)}, "1000", "equity_floor"),
        ({"weekly_loss": Decimal(1500)}, "1500", "weekly_loss"),
        ({"loss_tiers": "10%=tell 20%=deny 80%=flatten"}, "2000", "loss_tiers"),
        ({"loss_tiers": "10%=tell 20%=deny"}, "2500", "daily_stop_loss"),
    ],
)
def test_of_all_limits_that_close_everything_the_nearest_holds_and_is_named(
    rules: dict[str, Any], most: str, named: str
) -> None:
    assert code(portfolio(**rules).asks("ES", **risking(str(Decimal(most) - Decimal("0.01"))))) == "allowed"
    assert f"({named})" in reason(portfolio(**rules).asks("ES", **risking(most)))


def test_a_workers_own_daily_loss_is_its_own_budget_and_nobody_elses() -> None:
    story = portfolio(worker_daily_loss="ibs-ES=1000")
    story.asks("CL", **risking("1200"))
    denied = story.asks("ES", **risking("1000"))
    assert "Worker's P&L of the day would be $-1,000.00 of $-1,000.00 (worker_daily_loss)" in reason(denied)
    assert code(story.asks("ES", **risking("999.99"))) == "allowed"
    assert code(story.asks("SI", **risking("300"))) == "allowed"


def test_an_armed_profit_lock_is_no_ones_to_lose() -> None:
    story = portfolio(profit_lock_at=Decimal(500), profit_lock_floor=Decimal(200))
    story.enters("ES", price="5000")
    story.closes("ES", "600", price="5012")
    assert "$200.00 (profit_lock_at)" in reason(story.asks("ES", **risking("400")))
    assert code(story.asks("ES", **risking("399.99"))) == "allowed"


def test_what_the_account_is_short_of_is_not_there_to_be_lost() -> None:
    story = portfolio(account="DU1", account_tolerance=Decimal(1), account_grace_ms=1000)
    story.account_says("50000")
    story.account_says("49000")
    story.account_says("49000", after=2000)
    story.settle_account()
    assert story.pnl == -1000
    assert code(story.asks("ES", **risking("1500"))) == "loss_budget"
    assert code(story.asks("ES", **risking("1499.99"))) == "allowed"


# --- what is no plan --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (at_stop("5000"), "stop_price: expected below the price of a long"),
        (at_stop("5010"), "stop_price: expected below the price of a long"),
        (at_stop("4990") | risking("1"), "risk: expected nothing beside a stop_price"),
        (risking("-1"), "risk: expected more than 0 dollars"),
    ],
)
def test_a_request_that_plans_nonsense_is_none(named: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EntryRequested("w", "s", 1, "ES", "long", 1, **named)


def test_a_breach_is_said_once_and_not_with_every_fact_after_it() -> None:
    story = portfolio()
    story.asks("ES", **at_stop("4960"))
    story.fills("ES", price="5000")
    assert len(each(LimitBreached, moves_stop(story, "ES", "4950"))) == 1
    assert moves_stop(story, "ES", "4940") == []


def test_the_reading_says_how_far_the_planned_sum_is_from_its_limit() -> None:
    story = portfolio()
    story.asks("ES", **at_stop("4960"))
    assert room(story) == (Decimal(-2000), Decimal(500))
    story.fills("ES", price="5000")
    moves_stop(story, "ES", "4980")
    assert room(story) == (Decimal(-1000), Decimal(1500))


def room(story: Story) -> tuple[Decimal, Decimal]:
    assert story.state.limits is not None
    found = read(story.state, story.state.limits)
    assert found is not None
    return found.now, found.left
