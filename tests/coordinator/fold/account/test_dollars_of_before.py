"""An account whose dollars are minutes older than its positions: what is compared, and what counts."""

from typing import Any

import pytest

from portfold.coordinator.fold.account_state import Account
from portfold.coordinator.fold.effects.account import expected_equity
from portfold.coordinator.fold.state import daily_pnl
from portfold.events.account import AccountAgrees, AccountDiffers
from portfold.events.decisions import EventRejected
from tests.coordinator.fold.account.watched import GRACE, WATCHED, says
from tests.coordinator.story import DAY, SECOND, Story, kinds, only

MINUTE = 60 * SECOND
UNHURRIED = WATCHED | {"account_silent_ms": 0}


def watched(**limits: Any) -> Story:
    """An account whose first dollars that are surely of now were 50,000."""
    story = Story(account="DU1", **(UNHURRIED | limits))
    assert says(story, "50000", age=3 * MINUTE) == []
    assert says(story, "50000", age=500) == []
    return story


def account(story: Story) -> Account:
    assert story.state.account is not None
    return story.state.account


def closed_at_a_loss() -> Story:
    """ES was closed on the log for 300 dollars less, and reported so once."""
    story = watched()
    story.enters("ES")
    story.closes("ES", pnl="-300")
    return story


def test_an_equity_of_before_a_close_is_no_difference_however_long_that_lasts() -> None:
    story = closed_at_a_loss()
    for minutes in range(3):
        assert says(story, "50000", age=minutes * MINUTE + 2 * SECOND, after=MINUTE) == []
    assert says(story, "49700", age=SECOND, after=MINUTE) == []
    assert expected_equity(story.state, account(story)) == 49_700


def test_the_same_equity_of_now_is_one() -> None:
    story = closed_at_a_loss()
    says(story, "50000", age=0, after=SECOND)
    says(story, "50000", age=0, after=SECOND)
    assert kinds(says(story, "50000", age=0, after=GRACE)) == ["AccountDiffers"]


@pytest.mark.parametrize(("newer", "compared"), [(0, False), (1, True)])
def test_only_dollars_from_after_the_report_that_found_the_close_are_compared(
    newer: int, *, compared: bool
) -> None:
    story = closed_at_a_loss()
    says(story, "50000", age=0)
    says(story, "50000", age=MINUTE, after=MINUTE + newer)
    decided = says(story, "50000", age=MINUTE + GRACE, after=GRACE)
    assert account(story).is_behind is not compared
    assert (kinds(decided) == ["AccountDiffers"]) == compared


def test_positions_are_compared_all_the_while() -> None:
    story = closed_at_a_loss()
    says(story, "50000", "ES:long:1:100", age=MINUTE)
    found = only(AccountDiffers, says(story, "50000", "ES:long:1:100", age=MINUTE, after=GRACE))
    assert found.subject == "ES"


def test_an_open_loss_of_before_the_close_counts_for_nothing() -> None:
    story = watched()
    story.enters("ES")
    says(story, "48500", "ES:long:1:100", age=SECOND, unrealized="-1500")
    assert daily_pnl(story.state) == -1500
    story.closes("ES", pnl="-300")
    says(story, "48500", age=MINUTE, unrealized="-1500")
    assert daily_pnl(story.state) == -300
    says(story, "49650", age=SECOND, after=3 * SECOND)
    assert daily_pnl(story.state) == -300  # the grace of a difference of 50 dollars


def test_an_equity_that_differs_goes_on_denying_while_the_next_is_awaited() -> None:
    story = watched()
    story.enters("CL")
    says(story, "49000", "CL:long:1:100", age=0)
    assert kinds(says(story, "49000", "CL:long:1:100", age=0, after=GRACE)) == ["AccountDiffers"]
    story.closes("CL", pnl="-10")
    assert says(story, "49000", age=MINUTE) == []
    assert account(story).differences["equity"].stands
    assert only(AccountAgrees, says(story, "49990", age=0, after=2 * SECOND)).subject == "equity"


def test_the_equity_is_compared_from_the_first_on_that_is_surely_of_now() -> None:
    story = Story(account="DU1", **UNHURRIED)
    story.enters("ES")
    story.closes("ES", pnl="-300")
    assert says(story, "50000", age=3 * MINUTE) == []  # the close is not in it yet
    assert daily_pnl(story.state) == -300
    assert says(story, "49700", age=SECOND, after=2 * SECOND) == []
    for _ in range(3):
        assert says(story, "49700", age=SECOND, after=GRACE) == []
    assert daily_pnl(story.state) == -300


def test_a_day_begins_with_the_equity_that_is_known_and_what_the_log_made_since() -> None:
    story = closed_at_a_loss()
    says(story, "50000", age=MINUTE)
    story.after(DAY)
    assert says(story, "49690", age=SECOND, after=2 * SECOND) == []
    assert says(story, "49690", age=SECOND, after=SECOND) == []
    assert account(story).day_equity == 49_700


def test_what_was_made_since_the_equity_is_no_loss_of_the_next_day() -> None:
    story = watched()
    story.enters("CL")
    says(story, "49000", "CL:long:1:100", age=0)
    assert kinds(says(story, "49000", "CL:long:1:100", age=0, after=GRACE)) == ["AccountDiffers"]
    story.closes("CL", pnl="500")
    story.after(DAY)
    assert daily_pnl(story.state) == 0
    says(story, "49300", age=0, after=SECOND)
    assert daily_pnl(story.state) == 0
    says(story, "49300", age=0, after=2 * SECOND)  # 200 less than the 49,500 that the day began with
    assert daily_pnl(story.state) == -200


def test_a_person_may_take_it_as_right_meanwhile() -> None:
    story = closed_at_a_loss()
    says(story, "50000", age=MINUTE)
    story.settle_account()
    assert says(story, "49700", age=SECOND, after=2 * SECOND) == []
    assert says(story, "49700", age=SECOND, after=GRACE) == []


def test_dollars_are_not_newer_than_the_report() -> None:
    rejected = only(EventRejected, says(watched(), "50000", age=-1))
    assert "equity_as_of_ms" in rejected.reason
