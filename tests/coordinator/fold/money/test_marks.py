"""Marks: a stale one is not fresh, one that jumps needs a second one, and no realized loss ever waits."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.coordinator.fold.effects.time_passing import next_deadline
from portfold.events.decisions import EventRejected, LimitReached, MarkDoubted, StopLossTriggered
from portfold.events.incoming import PositionMarked
from tests.coordinator.story import MINUTE, SECOND, WEDNESDAY, Story, code, each, only

MOMENT = WEDNESDAY + MINUTE
"""Of a price, by the market's clock."""
JUMPS: dict[str, Any] = {"mark_jumps": "ES=20", "mark_confirm_seconds": 10}


def holding(**limits: Any) -> Story:
    """ES long at 5,000."""
    story = Story(**limits)
    story.enters("ES", price="5000")
    story.starts("ibs-CL")
    return story


# --- stale ------------------------------------------------------------------------------------------------


def test_a_stale_mark_denies_entries_of_every_symbol_until_the_next_one() -> None:
    story = holding(mark_stale_denies=True, mark_stale_ms=MINUTE)
    story.marks("ES", "-10", price="4999")
    story.after(MINUTE - 1)
    assert code(story.asks("CL")) == "mark_stale"  # a millisecond later, as each event is
    story.marks("ES", "-10", price="4999")
    assert code(story.asks("CL")) == "allowed"


def test_a_millisecond_before_it_is_stale_it_denies_nothing() -> None:
    story = holding(mark_stale_denies=True, mark_stale_ms=MINUTE)
    story.marks("ES", "-10", price="4999")
    story.after(MINUTE - 2)
    assert code(story.asks("CL")) == "allowed"


def test_a_position_that_was_never_marked_is_not_fresh_for_ever() -> None:
    story = holding(mark_stale_denies=True, mark_stale_ms=MINUTE)
    story.after(MINUTE)
    assert code(story.asks("CL")) == "mark_stale"


def test_without_the_rule_a_stale_mark_is_told_and_denies_nothing() -> None:
    story = holding(mark_stale_ms=MINUTE)
    story.after(2 * MINUTE)
    assert code(story.asks("CL")) == "allowed"


# --- absurd -----------------------------------------------------------------------------------------------


def test_at_the_bound_a_mark_counts_at_once_and_beyond_it_waits() -> None:
    story = holding(**JUMPS)
    assert story.marks("ES", "-1000", price="4980") == []
    assert story.pnl == -1000
    doubted = only(MarkDoubted, story.marks("ES", "-9000", price="4959.99"))
    assert (doubted.before, doubted.until_ms) == (Decimal(4980), story.ms + 10 * SECOND)
    assert story.pnl == -1000
    assert not story.stopped_out


def test_entries_are_denied_from_the_first_on() -> None:
    story = holding(**JUMPS)
    story.marks("ES", "-9000", price="4900")
    assert code(story.asks("CL")) == "mark_doubted"
    story.marks("ES", "-10", price="4999.8")  # it was a bad tick
    assert code(story.asks("CL")) == "allowed"
    assert story.pnl == -10


def test_a_second_mark_near_the_first_confirms_it_and_the_loss_counts() -> None:
    story = holding(**JUMPS)
    story.marks("ES", "-5000", price="4900")
    assert each(StopLossTriggered, story.marks("ES", "-5200", price="4896"))
    assert story.pnl == -5200


@pytest.mark.parametrize(
    ("version", "moment_ms", "stops"),
    [(10, MOMENT, 0), (10, MOMENT + SECOND, 1), (10, 0, 1), (9, MOMENT, 1)],
)
def test_the_same_tick_told_again_is_no_second_mark(version: int, moment_ms: int, stops: int) -> None:
    story = holding(**JUMPS)
    story.state.fold_version = version
    story.marks("ES", "-9000", price="4820", moment_ms=MOMENT)
    assert (
        len(each(StopLossTriggered, story.marks("ES", "-9000", price="4820", moment_ms=moment_ms))) == stops
    )
    assert code(story.asks("CL")) == ("stopped_out" if stops else "mark_doubted")


def test_a_second_one_by_another_source_confirms_it_where_its_worker_is_not_up() -> None:
    story = holding(**JUMPS)
    story.marks("ES", "-9000", price="4820", moment_ms=MOMENT)
    priced: dict[str, Any] = {"symbol": "ES", "owner": "ibs-ES", "side": "long"}
    seen: dict[str, Any] = {
        "price": Decimal(4821),
        "unrealized": Decimal(-8950),
        "moment_ms": MOMENT + SECOND,
    }
    assert each(EventRejected, story.says(PositionMarked, "flattener", **priced, **seen))
    assert not story.stopped_out
    story.loses_worker("ibs-ES")
    assert each(StopLossTriggered, story.says(PositionMarked, "flattener", **priced, **seen))


def test_another_absurd_one_confirms_nothing_and_does_not_begin_anew() -> None:
    story = holding(**JUMPS)
    story.marks("ES", "-5000", price="4900")
    began = story.ms
    story.after(9 * SECOND)
    assert story.marks("ES", "-50000", price="4000") == []
    assert next_deadline(story.state) == began + 10 * SECOND


def test_after_the_bound_a_loss_counts_confirmed_or_not() -> None:
    story = holding(**JUMPS)
    story.marks("ES", "-5000", price="4900")
    until = story.ms + 10 * SECOND
    assert story.at(until - 1) == []
    assert each(StopLossTriggered, story.at(until))


@pytest.mark.parametrize("seconds", [0, 600])
def test_where_no_mark_is_doubted_any_more_the_loss_of_one_that_was_counts_at_once(seconds: int) -> None:
    story = holding(**JUMPS)
    story.marks("ES", "-5000", price="4900")
    assert each(StopLossTriggered, story.change_limits(mark_confirm_seconds=seconds))
    due = next_deadline(story.state)
    assert due is not None
    assert due > story.ms  # no clock has to tick for a doubt that is over


def test_a_profit_that_nobody_confirmed_is_dropped_and_raises_no_peak() -> None:
    story = holding(
        **JUMPS,
        start_balance=Decimal(50_000),
        trailing_drawdown=Decimal(2_000),
        profit_target=Decimal(3_000),
        daily_stop_loss=Decimal(100_000),
    )
    assert each(LimitReached, story.marks("ES", "9000", price="5180")) == []
    story.after(10 * SECOND)
    assert story.pnl == 0
    assert story.latched == {}
    assert story.state.capital is not None
    assert story.state.capital.peak == Decimal(50_000)


def test_a_realized_loss_is_never_delayed() -> None:
    story = holding(**JUMPS)
    story.marks("ES", "-5000", price="4900")
    assert each(StopLossTriggered, story.closes("ES", "-5000", price="4900"))


def test_what_is_closed_of_a_doubted_position_is_closed_of_the_doubt_too() -> None:
    story = Story(**JUMPS, daily_stop_loss=Decimal(100_000), max_contracts=4)
    story.enters("ES", size=2, price="5000")
    story.marks("ES", "-10000", price="4900")
    story.closes("ES", "0", price="5000")
    story.after(10 * SECOND)
    assert story.pnl == -5000


def test_a_symbol_without_a_bound_is_believed() -> None:
    story = Story(**JUMPS)
    story.enters("CL")
    assert each(StopLossTriggered, story.marks("CL", "-3000", price="10"))
