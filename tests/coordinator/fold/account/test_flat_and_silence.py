"""The account that falls silent, what is flat by its word alone, and what nobody owns."""

import pytest

from portfold.events.account import (
    AccountSilent,
    FlatUnconfirmed,
)
from portfold.events.decisions import (
    EntryAllowed,
    EventRejected,
    FlattenHandedOver,
    FlattenOrdered,
    PositionMismatch,
)
from tests.coordinator.fold.account.watched import GRACE, differing, watched
from tests.coordinator.story import DAY, SECOND, Story, code, kinds, only

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
