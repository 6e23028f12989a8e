"""The day's loss: the boundary to the cent, open losses, the warning before the stop, and its latch."""

from decimal import Decimal
from functools import partial

import pytest

from portfold.events.codec import decode_event
from portfold.events.decisions import (
    Decision,
    EventRejected,
    PnlDisputed,
    StopLossApproaching,
    StopLossTriggered,
)
from portfold.events.incoming import PositionMarked
from tests.coordinator.story import DAY, HOUR, Story, code, each, kinds, only

# --- the boundary -----------------------------------------------------------------------------------------


def test_a_cent_above_the_limit_is_no_stop() -> None:
    story = Story()
    story.enters("ES")
    assert kinds(story.closes("ES", pnl="-2499.99")) == ["StopLossApproaching"]
    assert not story.stopped_out


def test_the_limit_itself_is_the_stop() -> None:
    story = Story()
    story.enters("ES")
    triggered = only(StopLossTriggered, story.closes("ES", pnl="-2500.00"))
    assert (triggered.daily_pnl, triggered.limit) == (Decimal(-2500), Decimal(2500))
    assert story.stopped_out


def test_losses_add_up_and_gains_count_against_them() -> None:
    story = Story()
    for symbol, pnl in [("ES", "-1500"), ("CL", "400"), ("SI", "-1399.99")]:
        story.enters(symbol)
        story.closes(symbol, pnl=pnl)
    assert (story.pnl, story.stopped_out) == (Decimal("-2499.99"), False)
    story.enters("6A")
    story.closes("6A", pnl="-0.01")
    assert story.stopped_out


# --- open losses ------------------------------------------------------------------------------------------


def test_an_open_loss_counts_to_the_cent() -> None:
    story = Story()
    story.enters("ES", "CL")
    story.closes("CL", pnl="-1000")
    assert not each(StopLossTriggered, story.marks("ES", "-1499.99"))
    assert each(StopLossTriggered, story.marks("ES", "-1500.00"))


def test_an_open_gain_counts_as_well() -> None:
    story = Story()
    story.enters("ES", "CL")
    story.marks("ES", "500")
    story.closes("CL", pnl="-2500")
    assert (story.pnl, story.stopped_out) == (Decimal(-2000), False)


def test_a_mark_replaces_the_last_one() -> None:
    story = Story()
    story.enters("ES")
    for unrealized in ("-2000", "-100", "-1999"):
        story.marks("ES", unrealized)
    assert story.pnl == Decimal(-1999)


def test_closing_turns_the_open_loss_into_a_realized_one() -> None:
    story = Story()
    story.enters("ES")
    story.marks("ES", "-300")
    story.closes("ES", pnl="-310")
    assert story.pnl == Decimal(-310)


def test_without_marks_total_is_the_same_as_realized() -> None:
    for basis in ("total", "realized"):
        story = Story(stop_loss_on=basis)
        story.enters("ES", "CL")
        story.closes("ES", pnl="-2500")
        assert story.stopped_out, basis


def test_on_realized_an_open_loss_does_not_count_until_it_is_closed() -> None:
    story = Story(stop_loss_on="realized")
    story.enters("ES")
    assert story.marks("ES", "-9000") == []
    assert story.pnl == 0
    assert kinds(story.closes("ES", pnl="-9000")) == ["StopLossTriggered", "PortfolioFlat"]


def test_of_a_mark_the_lower_counts_and_the_difference_is_told_once() -> None:
    story = Story(point_values="ES=50")
    story.enters("ES", price="5000")
    disputed = only(PnlDisputed, story.marks("ES", "1000", price="4980"))
    assert (disputed.reported, disputed.computed, disputed.counted) == (
        Decimal(1000),
        Decimal(-1000),
        Decimal(-1000),
    )
    assert story.marks("ES", "900", price="4982") == []
    assert story.pnl == Decimal(-900)


@pytest.mark.parametrize(("reported", "disputed"), [("-999.99", 0), ("-999.98", 1)])
def test_a_mark_is_not_disputed_over_a_cent(reported: str, disputed: int) -> None:
    story = Story(point_values="ES=50")
    story.enters("ES", price="5000")
    assert len(each(PnlDisputed, story.marks("ES", reported, price="4980"))) == disputed
    assert story.pnl == Decimal(-1000)


def test_a_mark_lower_than_its_price_says_counts_as_it_is() -> None:
    story = Story(point_values="ES=50")
    story.enters("ES", price="5000")
    assert story.marks("ES", "-1", price="5000") == []
    assert story.pnl == Decimal(-1)


def test_a_mark_of_nothing_is_rejected() -> None:
    rejected = only(EventRejected, Story().marks("ES", "-9000"))
    assert rejected.reason == "PositionMarked: ibs-ES holds no long ES on the log"


def marked_for(story: Story, owner: str, loss: str = "-900") -> list[Decision]:
    """Somebody else says what the long in ES would lose."""
    make = partial(PositionMarked, symbol="ES", side="long", price=Decimal(82), unrealized=Decimal(loss))
    return story.says(make, "flattener", owner=owner)


def test_another_marks_what_a_worker_holds_only_while_that_is_not_up() -> None:
    story = Story()
    story.enters("ES")
    refused = only(EventRejected, marked_for(story, "ibs-ES"))
    assert refused.reason == "PositionMarked: ibs-ES is up and marks its ES itself"
    assert story.pnl == 0
    story.loses_worker("ibs-ES")
    assert kinds(marked_for(story, "ibs-ES")) == []
    assert story.pnl == -900
    assert only(EventRejected, marked_for(story, "ibs-CL")).reason.startswith("PositionMarked: ibs-CL holds")
    story.starts("ibs-ES", positions="ES:long:1:100")
    only(EventRejected, marked_for(story, "ibs-ES"))


def test_a_lost_workers_loss_stops_the_day_as_marked_by_another() -> None:
    story = Story()
    story.enters("ES")
    story.loses_worker("ibs-ES")
    assert kinds(marked_for(story, "ibs-ES", "-2499.99")) == ["StopLossApproaching"]
    assert "StopLossTriggered" in kinds(marked_for(story, "ibs-ES", "-2500"))


def test_before_version_7_a_mark_had_no_owner_and_is_refused_as_it_was() -> None:
    story = Story()
    story.enters("ES")
    story.state.fold_version = 6
    fields = "worker, session, seq, symbol, side, price, unrealized"
    rejected = only(EventRejected, marked_for(story, "ibs-ES"))
    assert rejected.reason == (
        f"PositionMarked.owner: not a field of PositionMarked; its fields are {fields}"
    )
    unknown = decode_event(["type", "PositionMarked", "mood", "good"])
    assert only(EventRejected, story.hears(unknown)).reason == (
        f"PositionMarked.mood: not a field of PositionMarked; its fields are {fields}"
    )
    story.state.fold_version = 7
    assert only(EventRejected, story.hears(unknown)).reason.endswith(f"{fields}, owner")


# --- the warning ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pnl", "warned"), [("-1999.99", []), ("-2000.00", ["StopLossApproaching"])])
def test_the_warning_comes_at_80_percent(pnl: str, warned: list[str]) -> None:
    story = Story()
    story.enters("ES")
    assert kinds(story.marks("ES", pnl)) == warned


def test_the_warning_says_how_far_it_is() -> None:
    story = Story(stop_approach_percent=50, daily_stop_loss=Decimal(1000))
    story.enters("ES")
    assert story.closes("ES", pnl="-500") == [
        StopLossApproaching(daily_pnl=Decimal(-500), limit=Decimal(1000), percent=50)
    ]


def test_the_warning_comes_once_a_day() -> None:
    story = Story()
    story.enters("ES")
    warned = []
    for unrealized in ("-2000", "-100", "-2100"):
        warned += story.marks("ES", unrealized)
    assert kinds(warned) == ["StopLossApproaching"]
    story.after(DAY)
    assert kinds(story.marks("ES", "-4100")) == ["StopLossApproaching"]


def test_a_loss_that_goes_straight_to_the_limit_needs_no_warning() -> None:
    story = Story()
    story.enters("ES")
    assert kinds(story.closes("ES", pnl="-9000")) == ["StopLossTriggered", "PortfolioFlat"]


# --- the latch --------------------------------------------------------------------------------------------


def test_the_stop_triggers_once() -> None:
    story = Story()
    story.enters("ES", "CL")
    story.closes("ES", pnl="-2500")
    assert kinds(story.closes("CL", pnl="-2500")) == ["PortfolioFlat"]
    assert story.state.stats.stop_loss_triggers == 1


def test_a_gain_after_the_stop_does_not_lift_it() -> None:
    story = Story()
    story.enters("ES", "CL")
    story.closes("ES", pnl="-2500")
    story.closes("CL", pnl="9000")
    story.after(HOUR)
    assert (story.pnl, code(story.asks("ES"))) == (Decimal(6500), "stopped_out")


def test_higher_limits_do_not_lift_the_stop() -> None:
    story = Story()
    story.enters("ES")
    story.closes("ES", pnl="-2500")
    story.change_limits(daily_stop_loss=Decimal(99_999))
    assert code(story.asks("ES")) == "stopped_out"


def test_a_resume_on_the_day_of_the_stop_is_refused() -> None:
    story = Story()
    story.enters("ES")
    story.closes("ES", pnl="-2500")
    rejected = only(EventRejected, story.resume())
    assert (
        rejected.reason == "TradingResumed: stopped out on 2025-01-15; force=true lifts the stop, on record"
    )
    assert code(story.asks("ES")) == "stopped_out"


def test_a_forced_resume_grants_one_more_limit_and_no_more() -> None:
    story = Story()
    story.enters("ES")
    story.closes("ES", pnl="-3000")
    assert story.resume(force=True) == []
    story.enters("ES")
    assert kinds(story.marks("ES", "-2499.99")) == ["StopLossApproaching"]
    assert only(StopLossTriggered, story.marks("ES", "-2500.00")).daily_pnl == Decimal(-5500)


def test_after_a_forced_resume_the_warning_comes_again() -> None:
    story = Story()
    story.enters("ES")
    assert kinds(story.marks("ES", "-2000")) == ["StopLossApproaching"]
    story.closes("ES", pnl="-2500")
    story.resume(force=True)
    story.enters("ES")
    assert kinds(story.marks("ES", "-2000")) == ["StopLossApproaching"]


def test_a_forced_resume_waits_until_everything_is_closed() -> None:
    story = Story()
    story.enters("ES", "CL")
    story.closes("ES", pnl="-2500")
    assert kinds(story.resume(force=True)) == ["EventRejected"]
    story.closes("CL")
    assert story.resume(force=True) == []
    assert code(story.asks("ES")) == "allowed"


def test_lowered_limits_trigger_at_once_what_they_make_due() -> None:
    story = Story()
    story.enters("ES", "CL")
    story.closes("CL", pnl="-1000")
    assert story.change_limits(daily_stop_loss=Decimal("1250.01")) == []
    assert kinds(story.change_limits(daily_stop_loss=Decimal(1000))) == ["StopLossTriggered"]


def test_counting_open_losses_from_now_on_triggers_at_once_what_is_due() -> None:
    story = Story(stop_loss_on="realized")
    story.enters("ES")
    story.marks("ES", "-2500")
    assert kinds(story.change_limits(stop_loss_on="total")) == ["StopLossTriggered"]
