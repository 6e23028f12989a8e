"""What only the account holds: taken over once, by a report that is recent, and given to whoever owns it."""

import pytest

from portfold.events.account import AccountDiffers
from portfold.events.decisions import FlattenHandedOver, FlattenOrdered, PositionMismatch
from tests.coordinator.fold.account.watched import GRACE, differing, watched
from tests.coordinator.story import SECOND, Story, each, kinds, only

TWO = "ES:long:2:100"


def taken_over() -> Story:
    """Two contracts that nobody on the log owns are the flattener's to close."""
    story = differing()
    story.flatten()
    assert list(story.state.positions) == ["ES:long:account"]
    return story


# --- once -----------------------------------------------------------------------------------------------


def test_what_is_closed_is_not_taken_over_again_by_the_report_from_before() -> None:
    story = taken_over()
    story.closes("ES", size=2, worker="flattener", owner="account")
    closed_ms = story.ms
    assert each(PositionMismatch, story.flatten()) == []  # the watcher has been silent since
    late = story.account_says("50000", TWO, as_of=closed_ms)
    assert each(PositionMismatch, late) == []
    assert story.open == []


def test_a_report_from_after_the_close_that_still_shows_it_has_it_closed() -> None:
    story = taken_over()
    story.closes("ES", size=2, worker="flattener", owner="account")
    again = story.account_says("50000", TWO)
    assert only(FlattenOrdered, again).positions == TWO.replace("100", "account")


def test_what_has_not_outlasted_its_grace_at_the_order_is_closed_once_it_has() -> None:
    story = watched()
    story.account_says("50000", TWO)
    story.flatten()
    assert each(PositionMismatch, story.account_says("50000", TWO, after=GRACE // 2)) == []
    decisions = story.account_says("50000", TWO, after=GRACE // 2)
    expected = ["AccountDiffers", "PositionMismatch", "FlattenOrdered", "FlattenHandedOver"]
    assert [kind for kind in kinds(decisions) if kind in expected] == expected
    assert only(FlattenHandedOver, decisions).positions == "ES:long:2:account"


@pytest.mark.parametrize("other", ["ES:short:3:100", "ES:long:3:100"])
def test_what_turns_round_or_comes_on_top_may_be_a_fill_and_has_a_grace_of_its_own(other: str) -> None:
    story = differing()
    story.account_says("50000", other)
    assert each(PositionMismatch, story.flatten()) == []
    assert each(PositionMismatch, story.account_says("50000", other, after=GRACE - 2)) == []
    assert only(PositionMismatch, story.account_says("50000", other)).broker_size == 3


def test_what_became_less_of_it_has_no_grace_of_its_own() -> None:
    story = differing()
    story.account_says("50000", "ES:long:1:100")
    assert only(PositionMismatch, story.flatten()).broker_size == 1


def test_without_a_flatten_under_way_it_stays_where_it_is() -> None:
    story = differing()
    assert story.account_says("50000", TWO) == []
    assert story.open == []


def test_the_other_side_that_a_worker_leaves_behind_is_closed_after_his() -> None:
    story = watched()
    story.enters("ES", size=2)
    story.account_says("50000", "ES:long:1:100")  # a short one of nobody's is netted away
    story.account_says("50000", "ES:long:1:100", after=GRACE)
    assert only(FlattenOrdered, story.flatten()).positions == "ES:long:2:ibs-ES"
    story.closes("ES", size=2)
    assert (
        only(FlattenOrdered, story.account_says("50000", "ES:short:1:100")).positions == "ES:short:1:account"
    )


def test_never_more_than_the_account_holds_however_often_it_is_reported() -> None:
    story = watched()
    story.fills("ES", side="short", worker="eve")  # which never was at the broker
    story.account_says("50000", TWO)
    story.account_says("50000", TWO, after=GRACE)
    story.flatten()
    for _ in range(3):
        story.account_says("50000", TWO)
    assert story.state.positions["ES:long:account"].size == 2


def test_what_a_worker_holds_is_not_nobodys_for_a_leg_of_the_other_side_that_was_never_filled() -> None:
    story = watched()
    story.enters("ES")
    story.fills("ES", side="short", worker="eve")
    story.account_says("50000", "ES:long:1:100")
    story.account_says("50000", "ES:long:1:100", after=GRACE)
    assert each(PositionMismatch, story.flatten()) == []


@pytest.mark.parametrize(("granted", "beyond"), [(1, 1), (2, 0)])
def test_what_a_slot_of_a_worker_that_is_there_may_have_brought_is_not_nobodys(
    granted: int, beyond: int
) -> None:
    """It reports late, and closes its fill itself; the flattener would close it a second time."""
    story = watched(reservation_ms=3 * GRACE)
    story.state.worker_lost_ms = 5 * SECOND
    story.asks("ES", size=granted)
    story.account_says("50000", TWO)
    assert "AccountDiffers" in kinds(story.account_says("50000", TWO, after=GRACE))
    taken = [one.broker_size for one in each(PositionMismatch, story.flatten())]
    assert taken == ([beyond] if beyond else [])


def test_once_that_worker_is_lost_it_is_the_flatteners_to_close() -> None:
    story = watched(reservation_ms=3 * GRACE)
    story.state.worker_lost_ms = 5 * SECOND
    story.asks("ES", size=2)
    story.account_says("50000", TWO)
    story.account_says("50000", TWO, after=GRACE)
    assert each(PositionMismatch, story.flatten()) == []
    story.loses_worker("ibs-ES")
    assert only(PositionMismatch, story.account_says("50000", TWO)).broker_size == 2


# --- whose it is ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "left"), [(1, 1), (2, 0), (3, 0)])
def test_a_fill_that_its_worker_reports_after_all_is_nobodys_no_longer(size: int, left: int) -> None:
    story = taken_over()
    story.fills("ES", size=size)
    nobodys = story.state.positions.get("ES:long:account")
    assert (nobodys.size if nobodys is not None else 0) == left
    assert story.state.positions["ES:long:ibs-ES"].size == size
    assert story.state.flatten is not None
    assert ("ES:long:account" in story.state.flatten.left) == bool(left)


def test_so_is_what_a_worker_finds_at_its_broker_when_it_starts() -> None:
    story = taken_over()
    story.starts("ibs-ES", positions=TWO)
    assert list(story.state.positions) == ["ES:long:ibs-ES"]


def test_a_close_of_what_was_never_reported_open_closes_what_the_account_showed() -> None:
    story = taken_over()
    story.account_says("50000", TWO)
    story.closes("ES", pnl="-100", price="99", size=2, worker="flattener", owner="ibs-ES", fill="f-1")
    assert story.open == []
    assert story.pnl == -100


def test_a_close_that_may_be_a_second_report_leaves_it_where_it_is() -> None:
    story = taken_over()
    story.closes("ES", size=2)
    assert list(story.state.positions) == ["ES:long:account"]


# --- what is on its way ---------------------------------------------------------------------------------


def test_two_fills_on_their_way_are_no_difference_that_lasts() -> None:
    story = watched()
    story.starts("ibs-ES")
    story.account_says("50000", "ES:long:1:100")
    story.fills("ES")  # and here the watcher is away for longer than the grace
    assert story.account_says("50000", after=2 * GRACE) == []
    story.closes("ES")
    assert each(AccountDiffers, story.account_says("50000", after=GRACE)) == []


def test_what_stands_goes_on_until_a_report_agrees() -> None:
    story = differing()
    story.fills("ES", size=2)
    assert kinds(story.account_says("50000", TWO, after=SECOND)) == ["AccountAgrees"]
