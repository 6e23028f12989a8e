"""The account against the log: what may be on its way, what is said, what it denies, and what counts."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.coordinator.fold.state import daily_pnl
from portfold.events.account import (
    AccountAgrees,
    AccountDiffers,
    AccountSilent,
    FlatUnconfirmed,
)
from portfold.events.decisions import (
    EntryAllowed,
    EventRejected,
    FlattenHandedOver,
    FlattenOrdered,
    PositionMismatch,
    StopLossTriggered,
)
from tests.coordinator.story import DAY, SECOND, Story, code, kinds, only

GRACE = 10 * SECOND
WATCHED: dict[str, Any] = {
    "account_grace_ms": GRACE,
    "account_tolerance": Decimal(5),
    "account_silent_ms": 30 * SECOND,
}


def watched(**limits: Any) -> Story:
    """An account that is watched, and was reported with 50,000 dollars before anything happened."""
    story = Story(account="DU1", **(WATCHED | limits))
    assert story.account_says("50000") == []
    return story


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


def differing(symbol: str = "ES") -> Story:
    """The account holds two contracts of the symbol that nobody on the log has, for longer than the grace."""
    story = watched()
    story.account_says("50000", f"{symbol}:long:2:100")
    assert kinds(story.account_says("50000", f"{symbol}:long:2:100", after=GRACE)) == ["AccountDiffers"]
    return story


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


# --- silence ----------------------------------------------------------------------------------------------


def test_silence_is_said_once_and_so_is_its_end() -> None:
    story = watched()
    assert story.after(30 * SECOND - 1) == []
    assert only(AccountSilent, story.after(1)).age_ms == 30 * SECOND
    assert story.after(DAY // 24) == []
    assert kinds(story.account_says("50000")) == ["AccountHeard"]


@pytest.mark.parametrize("denies", [False, True])
def test_silence_denies_where_so_configured(*, denies: bool) -> None:
    story = watched(account_silence_denies=denies)
    story.starts("ibs-ES")
    story.after(30 * SECOND)
    answer = story.asks("ES")
    assert (code(answer) == "account_silent") if denies else isinstance(answer, EntryAllowed)


def test_an_account_that_was_never_reported_is_silent() -> None:
    story = Story(account="DU1", account_silence_denies=True)
    story.starts("ibs-ES")
    assert code(story.asks("ES")) == "account_silent"
    story.account_says("50000")
    assert isinstance(story.asks("ES"), EntryAllowed)


# --- flat -------------------------------------------------------------------------------------------------


def flattened() -> Story:
    """All is reported closed after an order to flatten; the account was last reported before."""
    story = watched()
    story.enters("ES")
    story.account_says("50000", "ES:long:1:100")
    story.flatten()
    assert story.closes("ES") == []
    return story


def test_flat_is_what_the_account_says_after_the_last_close() -> None:
    story = flattened()
    assert kinds(story.account_says("50000")) == ["PortfolioFlat"]


def test_a_report_from_before_the_last_close_proves_nothing() -> None:
    story = flattened()
    assert story.account_says("50000", as_of=story.ms) == []
    assert kinds(story.account_says("50000", after=1, as_of=story.ms + 1)) == ["PortfolioFlat"]


@pytest.mark.parametrize(
    ("positions", "working", "said"),
    [
        ("ES:short:1:100", "", "account DU1 still shows ES -1"),
        ("", "ES=2", "account DU1 still shows 2 working in ES"),
    ],
)
def test_what_is_open_or_working_there_is_named_until_it_is_gone(
    positions: str, working: str, said: str
) -> None:
    story = flattened()
    assert story.account_says("50000", positions, working=working) == []
    first = only(FlatUnconfirmed, story.after(10 * SECOND))
    assert (first.reason, first.reminder) == (said, 1)
    assert only(FlatUnconfirmed, story.after(10 * SECOND)).reminder == 2
    assert "PortfolioFlat" in kinds(story.account_says("50000"))


def test_a_silent_account_leaves_it_unconfirmed_until_a_person_has_looked() -> None:
    story = flattened()
    assert "has not been reported" in only(FlatUnconfirmed, story.after(10 * SECOND)).reason
    assert kinds(story.resume()) == ["EventRejected"]
    assert "PortfolioFlat" in kinds(story.settle_account())
    assert story.resume() == []


def test_no_new_day_lifts_a_stop_whose_end_nobody_has_confirmed() -> None:
    story = watched()
    story.enters("ES")
    story.closes("ES", pnl="-2500")
    assert story.stopped_out
    story.after(DAY)
    assert story.stopped_out
    story.account_says("47500")
    assert not story.stopped_out


def test_what_nobody_owns_is_handed_to_the_flattener_with_everything_else() -> None:
    story = differing()
    mismatch, ordered, handed = story.flatten()
    assert isinstance(mismatch, PositionMismatch)
    assert isinstance(ordered, FlattenOrdered)
    assert isinstance(handed, FlattenHandedOver)
    assert ordered.positions == handed.positions == "ES:long:2:account"
    assert story.closes("ES", size=2, worker="flattener", owner="account") == []
    assert "PortfolioFlat" in kinds(story.account_says("50000"))


@pytest.mark.parametrize(
    ("held", "there", "taken"),
    [
        (1, "ES:long:3:100", "ES:long:2:account"),
        (3, "ES:long:1:100", ""),
        (1, "ES:short:1:100", "ES:short:1:account"),
    ],
)
def test_never_more_than_the_account_holds_is_taken(held: int, there: str, taken: str) -> None:
    story = watched()
    story.enters("ES", size=held)
    story.account_says("50000", there)
    story.account_says("50000", there, after=GRACE)
    ordered = only(FlattenOrdered, story.flatten())
    assert ordered.positions.replace(f"ES:long:{held}:ibs-ES", "").strip() == taken


# --- what is not taken ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "as_of", "why"),
    [
        ("DU2", None, "the limits name DU1, got DU2"),
        ("DU1", 0, "no later than the report before"),
        ("DU1", 10**13, "is later than the report itself"),
    ],
)
def test_a_report_that_cannot_be_right_changes_nothing(named: str, as_of: int | None, why: str) -> None:
    story = watched()
    assert why in only(EventRejected, story.account_says("1", name=named, as_of=as_of)).reason


def test_without_an_account_in_the_limits_nothing_is_compared() -> None:
    story = Story()
    assert "no account is watched" in only(EventRejected, story.account_says("1")).reason


def test_another_account_begins_anew() -> None:
    story = differing()
    story.change_limits(account="DU2")
    assert story.account_says("7000", name="DU2") == []
    story.enters("ES")
