"""The account against the log: what may be on its way, what is said, what it denies, and what counts."""

from decimal import Decimal

import pytest

from portfold.coordinator.fold.state import daily_pnl
from portfold.events.account import (
    AccountAgrees,
    AccountDiffers,
)
from portfold.events.decisions import (
    EntryAllowed,
    StopLossTriggered,
)
from tests.coordinator.fold.account.watched import GRACE, differing, watched
from tests.coordinator.story import DAY, SECOND, code, kinds, only

# --- positions --------------------------------------------------------------------------------------------


def test_what_agrees_is_not_spoken_of() -> None:
    story = watched()
    story.enters("ES", "CL")
    assert story.account_says("50000", "CL:long:1:100 ES:long:1:100") == []


def test_the_log_is_netted_over_all_workers() -> None:
    story = watched()
    story.enters("ES")
    story.fills("ES", size=3, side="short", worker="hedge")
    assert story.account_says("50000", "ES:short:2:100") == []


def test_a_fill_on_its_way_is_forgiven_within_the_grace_and_not_a_moment_longer() -> None:
    story = watched()
    assert story.account_says("50000", "ES:long:1:100") == []
    assert story.account_says("50000", "ES:long:1:100", after=GRACE - 1) == []
    found = only(AccountDiffers, story.account_says("50000", "ES:long:1:100", after=1))
    assert (found.subject, found.log, found.reported) == ("ES", "flat", "long 1")
    assert found.lasting_ms == GRACE


def test_a_difference_that_ends_within_the_grace_was_none() -> None:
    story = watched()
    story.account_says("50000", "ES:long:1:100")
    story.fills("ES")
    assert story.account_says("50000", "ES:long:1:100", after=GRACE) == []
    story.account_says("50000")
    assert story.account_says("50000", after=GRACE - 1) == []


def test_another_difference_in_the_same_symbol_is_the_same_trouble_going_on() -> None:
    story = watched()
    story.account_says("50000", "ES:long:1:100")
    assert kinds(story.account_says("50000", "ES:long:2:100", after=GRACE)) == ["AccountDiffers"]


def test_a_symbol_that_differs_gets_no_entries_and_others_do() -> None:
    story = differing()
    story.starts("ibs-ES")
    story.starts("ibs-CL")
    assert code(story.asks("ES")) == "account_differs"
    assert isinstance(story.asks("CL"), EntryAllowed)


def test_it_is_said_once() -> None:
    story = differing()
    assert story.account_says("50000", "ES:long:2:100", after=29 * SECOND) == []


def test_what_agrees_again_allows_entries_again() -> None:
    story = differing()
    agrees = only(AccountAgrees, story.account_says("50000"))
    assert (agrees.subject, agrees.after_ms) == ("ES", GRACE + SECOND)
    story.starts("ibs-ES")
    assert isinstance(story.asks("ES"), EntryAllowed)


def test_a_settled_position_agrees_with_the_next_report() -> None:
    story = differing()
    story.starts("ibs-ES")
    story.settle("ES", 2)
    assert kinds(story.account_says("50000", "ES:long:2:100")) == ["AccountAgrees"]


# --- equity -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("equity", "differs"), [("49895", False), ("49894.99", True), ("49905.01", True)])
def test_equity_may_differ_by_the_tolerance(equity: str, *, differs: bool) -> None:
    story = watched()
    story.enters("ES")
    story.closes("ES", pnl="-100")
    story.account_says(equity)
    later = story.account_says(equity, after=GRACE)
    assert (kinds(later) == ["AccountDiffers"]) == differs


def test_equity_that_differs_denies_every_entry() -> None:
    story = watched()
    story.account_says("49000")
    found = only(AccountDiffers, story.account_says("49000", after=GRACE))
    assert (found.subject, found.log, found.reported) == ("equity", "$50,000.00", "$49,000.00")
    story.starts("ibs-CL")
    assert code(story.asks("CL")) == "account_differs"


def test_open_profit_is_part_of_it() -> None:
    story = watched()
    story.enters("ES")
    story.marks("ES", "-300")
    assert story.account_says("49700", "ES:long:1:100", unrealized="-300") == []
    assert story.account_says("49700", "ES:long:1:100", unrealized="-300", after=GRACE) == []


def test_what_is_open_is_not_compared_as_no_two_marks_are_of_one_moment() -> None:
    story = watched()
    story.enters("ES")
    story.marks("ES", "-300")
    for after in (SECOND, GRACE):
        assert story.account_says("49650", "ES:long:1:100", unrealized="-350", after=after) == []


@pytest.mark.parametrize(("price", "differs"), [("100.1", False), ("100.11", True), ("99.89", True)])
def test_a_fill_at_another_price_is_found_while_it_is_open(price: str, *, differs: bool) -> None:
    story = watched(point_values="ES=50")
    story.enters("ES")
    story.account_says("50000", f"ES:long:1:{price}")
    later = story.account_says("50000", f"ES:long:1:{price}", after=GRACE)
    assert (kinds(later) == ["AccountDiffers"]) == differs
    if differs:
        assert only(AccountDiffers, later).log == "long 1 @ 100.00"


def test_it_is_compared_over_days_without_forgetting() -> None:
    story = watched()
    story.account_says("49990")
    found = story.account_says("49990", after=DAY)
    assert "AccountDiffers" in kinds(found)


def test_a_person_may_take_the_equity_as_it_is() -> None:
    story = watched()
    story.account_says("49000")
    story.account_says("49000", after=GRACE)
    assert kinds(story.settle_account()) == ["AccountAgrees"]
    assert story.account_says("49000", after=GRACE) == []


def test_he_takes_it_as_it_was_reported_whatever_has_closed_since() -> None:
    story = watched()
    story.enters("ES")
    story.account_says("49000", "ES:long:1:100")
    story.account_says("49000", "ES:long:1:100", after=GRACE)
    story.closes("ES", pnl="-100", price="99")
    story.settle_account()
    story.account_says("48900")
    assert story.account_says("48900", after=GRACE) == []


# --- the worse counts -------------------------------------------------------------------------------------


def test_a_loss_that_nobody_reported_counts_from_the_end_of_the_grace() -> None:
    story = watched()
    assert story.account_says("47500") == []
    assert daily_pnl(story.state) == 0
    decided = story.account_says("47500", after=GRACE)
    assert "AccountDiffers" in kinds(decided)
    assert only(StopLossTriggered, decided).daily_pnl == Decimal(-2500)


def test_within_the_tolerance_the_worse_counts_at_once() -> None:
    story = watched()
    story.enters("ES")
    story.closes("ES", pnl="-2497")
    assert "StopLossTriggered" in kinds(story.account_says("47500"))


def test_a_gain_that_nobody_reported_pays_for_nothing() -> None:
    story = watched()
    story.account_says("60000")
    story.account_says("60000", after=GRACE)
    assert daily_pnl(story.state) == 0


def test_the_day_of_the_account_begins_with_the_day_of_the_log() -> None:
    story = watched()
    story.enters("ES")
    story.closes("ES", pnl="-1000")
    story.account_says("49000")
    story.after(DAY)
    assert daily_pnl(story.state) == 0
    story.account_says("48999")
    assert daily_pnl(story.state) == Decimal(-1)


def test_a_loss_of_yesterday_that_is_reported_only_today_is_not_todays() -> None:
    story = watched()
    story.enters("ES")
    story.closes("ES", pnl="-1000")
    story.after(DAY)
    story.account_says("49000")
    assert daily_pnl(story.state) == 0


def test_where_open_loss_does_not_count_the_accounts_does_not_either() -> None:
    story = watched(stop_loss_on="realized")
    story.enters("ES")
    story.marks("ES", "-3000")
    assert story.account_says("47000", "ES:long:1:100", unrealized="-3000") == []
    assert daily_pnl(story.state) == 0
