"""Closes: what counts of a reported P&L, partial closes, and closes of what was not open."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from portfold.coordinator.fold.state import CLOSES_REMEMBERED
from portfold.events.decisions import EventRejected, PnlDisputed, PositionMismatch
from portfold.events.incoming import PositionClosed
from tests.coordinator.story import Story, code, each, kinds, only


def priced() -> Story:
    """A story that knows what a point is worth, so that it can check what is reported."""
    return Story(point_values="ES=50 CL=1000")


def test_a_close_books_its_pnl_and_frees_the_slot() -> None:
    story = Story()
    story.enters("ES")
    assert story.closes("ES", pnl="125") == []
    assert (story.pnl, story.open) == (Decimal(125), [])
    assert (story.state.stats.total_exits, story.state.day.exits) == (1, 1)
    assert code(story.asks("ES")) == "allowed"


def test_a_partial_close_keeps_the_rest_and_the_slot() -> None:
    story = Story()
    story.enters("ES", size=3)
    story.closes("ES", size=2, pnl="200")
    assert (story.pnl, story.open) == (Decimal(200), ["ES:long:1"])
    assert code(story.asks("ES")) == "symbol_in_position"
    story.closes("ES", size=1, pnl="-50")
    assert (story.pnl, story.open) == (Decimal(150), [])


def test_a_partial_close_takes_its_share_of_the_mark() -> None:
    story = Story()
    story.enters("ES", size=4)
    story.marks("ES", "-400")
    story.closes("ES", size=1, pnl="-100")
    assert story.pnl == Decimal(-400)


# --- price x point value - commission -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "exit_price", "pnl"),
    [("long", "5001", "95"), ("long", "4999", "-105"), ("short", "5001", "-105"), ("short", "4999", "95")],
)
def test_a_report_that_agrees_with_price_and_commission_is_not_disputed(
    side: str, exit_price: str, pnl: str
) -> None:
    story = priced()
    story.enters("ES", size=2, price="5000", side=side)
    assert story.closes("ES", size=2, price=exit_price, commission="5", pnl=pnl, side=side) == []
    assert story.pnl == Decimal(pnl)


def test_oil_below_zero() -> None:
    story = priced()
    story.enters("CL", price="0.50", side="short")
    assert story.closes("CL", price="-37.63", commission="5", pnl="38125", side="short") == []
    assert story.pnl == Decimal(38125)


def test_a_sign_bug_counts_as_the_loss_it_is() -> None:
    story = priced()
    story.enters("ES", price="5000")
    disputed = only(PnlDisputed, story.closes("ES", price="4990", commission="5", pnl="505"))
    assert (disputed.reported, disputed.computed, disputed.counted) == (
        Decimal(505),
        Decimal(-505),
        Decimal(-505),
    )
    assert story.pnl == Decimal(-505)


def test_a_report_lower_than_computed_counts_as_reported() -> None:
    story = priced()
    story.enters("ES", price="5000")
    assert kinds(story.closes("ES", price="5010", pnl="-1")) == ["PnlDisputed"]
    assert story.pnl == Decimal(-1)


@pytest.mark.parametrize(("reported", "disputed"), [("500.01", 0), ("500.02", 1)])
def test_a_cent_is_no_dispute_and_still_the_lower_counts(reported: str, disputed: int) -> None:
    story = priced()
    story.enters("ES", price="5000")
    decisions = story.closes("ES", price="5010", pnl=reported)
    assert len(each(PnlDisputed, decisions)) == disputed
    assert story.pnl == Decimal(500)


def test_a_sign_bug_does_not_disable_the_stop() -> None:
    story = priced()
    story.enters("ES", price="5000")
    assert kinds(story.closes("ES", price="4950", pnl="2500")) == [
        "PnlDisputed",
        "StopLossTriggered",
        "PortfolioFlat",
    ]


# --- what was not open ----------------------------------------------------------------------------------


def test_a_double_close_is_refused_and_not_counted() -> None:
    story = Story()
    story.enters("ES")
    story.closes("ES", pnl="-100", worker="flattener", owner="ibs-ES")
    rejected = only(EventRejected, story.closes("ES", pnl="-120"))
    assert "ES:long:ibs-ES was already closed by flattener" in rejected.reason
    assert (story.pnl, story.state.stats.total_exits) == (Decimal(-100), 1)


def test_refusing_double_closes_cannot_hide_losses_for_long() -> None:
    """Entries that are never reported look like double closes; only the first one may."""
    story = Story()
    story.enters("ES")
    story.closes("ES", pnl="-100")
    assert kinds(story.closes("ES", pnl="-100")) == ["EventRejected"]
    assert kinds(story.closes("ES", pnl="-100")) == ["PositionMismatch"]
    assert kinds(story.closes("ES", pnl="-2300")) == [
        "PositionMismatch",
        "StopLossTriggered",
        "PortfolioFlat",
    ]


@pytest.mark.parametrize("closes_before", [1, 2])
def test_a_close_under_a_new_name_is_another_fill_whoever_reports_it(closes_before: int) -> None:
    """Filled in the afternoon, the worker died before it said so, and the flattener closed what it found."""
    story = Story()
    for number in range(closes_before):
        story.enters("ES")
        story.closes("ES", pnl="100", fill=f"F{number}")
    decisions = story.closes("ES", pnl="-3000", worker="flattener", owner="ibs-ES", fill="F9")
    assert kinds(decisions) == ["PositionMismatch", "StopLossTriggered", "PortfolioFlat"]
    assert story.pnl == Decimal(100 * closes_before - 3000)


def test_a_close_without_a_name_or_under_a_known_one_is_a_second_report() -> None:
    story = Story()
    story.enters("ES")
    story.closes("ES", pnl="-100", fill="F1")
    assert kinds(story.closes("ES", pnl="-100", worker="flattener", owner="ibs-ES", fill="F1")) == [
        "EventRejected"
    ]
    assert kinds(story.closes("ES", pnl="-100")) == ["EventRejected"]
    assert story.pnl == Decimal(-100)


@pytest.mark.parametrize(("fold", "counted"), [(3, "-100"), (4, "-2100")])
def test_up_to_version_3_a_close_under_a_new_name_was_taken_for_a_second_report(
    fold: int, counted: str
) -> None:
    story = Story()
    story.state.fold_version = fold
    story.enters("ES")
    story.closes("ES", pnl="-100", fill="F1")
    story.closes("ES", pnl="-2000", fill="F2")
    assert story.pnl == Decimal(counted)


def granted_since(story: Story, side: str = "long") -> Story:
    """ES was closed in the morning; in the afternoon its worker, which names no fills, is granted it."""
    story.enters("ES")
    story.closes("ES", pnl="100")
    assert code(story.asks("ES", side=side)) == "allowed"
    return story


def _nothing(story: Story) -> None:
    """Happens."""


def _returned(story: Story) -> None:
    story.loses_worker("ibs-ES")
    story.starts("ibs-ES", session="s2", symbols="ES")


def _given_up(story: Story) -> None:
    story.withdraws("ES")


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("meanwhile", [_nothing, _returned, _given_up])
def test_a_close_after_a_grant_is_no_second_report_of_one_from_before(
    meanwhile: Callable[[Story], None], side: str
) -> None:
    story = granted_since(Story(), side)
    meanwhile(story)
    decisions = story.closes("ES", pnl="-3000", session=story.state.workers["ibs-ES"].session)
    assert kinds(decisions) == ["PositionMismatch", "StopLossTriggered", "PortfolioFlat"]
    assert (story.pnl, story.stopped_out) == (Decimal(-2900), True)


def test_a_close_of_what_is_left_of_a_slot_is_no_second_report() -> None:
    story = Story()
    story.asks("ES", size=2)
    story.fills("ES", size=1)
    story.closes("ES", pnl="100")
    assert kinds(story.closes("ES", pnl="-300")) == ["PositionMismatch"]
    assert story.pnl == Decimal(-200)


def test_a_grant_to_another_makes_no_second_report_of_ones_own_a_new_close() -> None:
    story = Story()
    story.enters("ES")
    story.closes("ES", pnl="-100")
    story.asks("ES", worker="another")
    assert kinds(story.closes("ES", pnl="-100")) == ["EventRejected"]


def test_version_5_took_a_close_after_a_grant_for_a_second_report() -> None:
    story = Story()
    story.state.fold_version = 5
    granted_since(story)
    assert kinds(story.closes("ES", pnl="-3000")) == ["EventRejected"]
    assert story.pnl == Decimal(100)


def test_only_the_latest_closes_of_a_day_are_remembered() -> None:
    story = Story()
    for number in range(CLOSES_REMEMBERED + 1):
        story.fills("ES", worker=f"w{number}")
        story.closes("ES", worker=f"w{number}")
    assert len(story.state.day.closed) == CLOSES_REMEMBERED
    assert kinds(story.closes("ES", worker=f"w{CLOSES_REMEMBERED}")) == ["EventRejected"]


@pytest.mark.parametrize(("pnl", "counted"), [("-300", "-300"), ("300", "0")])
def test_of_an_unmatched_close_a_loss_counts_and_a_gain_does_not(pnl: str, counted: str) -> None:
    story = Story()
    mismatch = only(PositionMismatch, story.closes("ES", pnl=pnl))
    assert (mismatch.kind, mismatch.log_size, mismatch.broker_size) == ("close_unmatched", 0, 0)
    assert (mismatch.worker, story.pnl) == ("ibs-ES", Decimal(counted))
    assert code(story.asks("ES")) == "symbol_unsettled"


def test_an_unmatched_loss_triggers_the_stop() -> None:
    assert kinds(Story().closes("ES", pnl="-2500")) == [
        "PositionMismatch",
        "StopLossTriggered",
        "PortfolioFlat",
    ]


def test_closing_more_than_is_open_closes_it_and_leaves_the_symbol_unsettled() -> None:
    story = Story()
    story.enters("ES")
    mismatch = only(PositionMismatch, story.closes("ES", size=3, pnl="-30"))
    assert (mismatch.kind, mismatch.log_size) == ("close_unmatched", 1)
    assert (story.open, story.pnl) == ([], Decimal(-30))
    assert code(story.asks("ES")) == "symbol_unsettled"


def test_a_close_uses_up_no_slot_of_a_worker_that_is_there() -> None:
    """Its own report of the fill may be on its way."""
    story = Story()
    story.asks("ES", size=2)
    story.closes("ES", pnl="-100")
    assert story.state.reservations["ES:long:ibs-ES"].size == 2


def test_a_partial_close_leaves_the_rest_of_a_slot_as_it_was() -> None:
    story = Story()
    story.asks("ES", size=3)
    story.fills("ES", size=2)
    story.closes("ES", size=1)
    assert (story.open, story.state.reservations["ES:long:ibs-ES"].size) == (["ES:long:1"], 1)


def test_another_may_close_in_the_owners_name() -> None:
    story = Story()
    story.enters("ES")
    assert story.closes("ES", pnl="10", worker="flattener", owner="ibs-ES") == []
    assert story.open == []


def test_exits_never_ask_permission() -> None:
    """Halted, stopped out and by a worker that was lost: a close is a close."""
    story = Story()
    story.enters("ES", "CL")
    story.halt()
    story.closes("CL", pnl="-2500")
    story.loses_worker("ibs-ES")
    assert kinds(story.closes("ES", pnl="0")) == ["PortfolioFlat"]


def test_a_huge_but_valid_report_is_counted_exactly() -> None:
    story = Story(point_values="ES=999999999.9999")
    story.fills("ES", size=10_000, price="-999999999.9999999999")
    report = story.next_of(
        PositionClosed,
        "ibs-ES",
        symbol="ES",
        side="long",
        size=10_000,
        price=Decimal("999999999.9999999999"),
        commission=Decimal("-999999999.9999999999"),
        pnl=Decimal("999999999.9999999999"),
    )
    assert kinds(story.hears(report)) == ["PnlDisputed"]
    assert story.pnl == Decimal("999999999.9999999999")
