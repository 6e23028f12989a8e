"""What if: entries that turn to allowed. What they would have made nobody knows."""

from decimal import Decimal

import pytest

from portfold.coordinator.audit.what_if.findings import DayOver, Figures, FilledAnyway, Turned
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.events.incoming import CoordinatorStarted, PositionOpened
from tests.audit.supposing import WrittenDown
from tests.coordinator.story import MINUTE, SECOND


def test_an_entry_that_would_have_been_allowed_has_no_known_pnl() -> None:
    story = WrittenDown(max_positions=1)
    story.enters("ES")
    story.is_denied("CL")
    supposed = story.what_if(max_positions=2)
    assert supposed.turns == [("CL", "max_positions", "allowed")]
    day = supposed.one(DayOver)
    assert day.what_if == Figures(asked=2, allowed=2)
    assert day.unknown == 1
    assert supposed.tally.unknown == 1


def test_it_holds_its_slot_until_its_reservation_expires() -> None:
    story = WrittenDown(max_positions=1, reservation_ms=30 * SECOND)
    story.enters("ES")
    story.is_denied("CL")
    story.is_denied("SI")  # the second slot is CL's
    story.after(30 * SECOND)
    story.is_denied("PL")
    supposed = story.what_if(max_positions=2)
    assert supposed.turns == [("CL", "max_positions", "allowed"), ("PL", "max_positions", "allowed")]


def test_while_it_holds_its_slot_an_entry_that_was_allowed_may_turn_to_denied() -> None:
    story = WrittenDown(max_positions=1)
    story.enters("ES")
    story.is_denied("CL")
    story.closes("ES")
    story.is_allowed("CL", worker="other-CL")
    supposed = story.what_if(max_positions=2)
    assert supposed.turns == [("CL", "max_positions", "allowed"), ("CL", "allowed", "symbol_pending")]


def test_a_worker_that_asks_again_is_not_in_it() -> None:
    """So its trade on the log is known, and stays."""
    story = WrittenDown(max_positions=1)
    story.enters("ES")
    story.is_denied("CL")
    story.closes("ES")
    story.trades("CL", "-10")
    supposed = story.what_if(max_positions=2)
    assert supposed.turns == [("CL", "max_positions", "allowed")]
    assert supposed.one(DayOver).what_if.pnl == -10


def test_a_worker_that_was_retired_is_not_in_it() -> None:
    story = WrittenDown(max_positions=1)
    story.hears(CoordinatorStarted(leader="host", epoch=1, fold=FOLD_VERSION))
    story.enters("ES")
    story.is_denied("CL")
    story.loses_worker("ibs-CL")
    story.retires("ibs-CL")
    story.is_denied("SI")
    supposed = story.what_if(max_positions=2)
    assert supposed.turns == [("CL", "max_positions", "allowed"), ("SI", "max_positions", "allowed")]
    assert supposed.book.state.lost == []


@pytest.mark.parametrize("how", ["withdraws", "stops"])
def test_the_slot_is_free_when_the_log_shows_that_its_worker_is_not_in_it(how: str) -> None:
    story = WrittenDown(max_positions=1)
    story.enters("ES")
    story.is_denied("CL")
    if how == "withdraws":
        story.withdraws("CL")
    else:
        story.stops("ibs-CL")
    story.is_denied("SI")
    assert story.what_if(max_positions=2).turns == [
        ("CL", "max_positions", "allowed"),
        ("SI", "max_positions", "allowed"),
    ]


def test_asking_again_and_again_counts_as_one_unknown_entry_until_something_was_allowed() -> None:
    story = WrittenDown(max_positions=1)
    story.enters("ES")
    for _ in range(3):
        story.is_denied("CL")
        story.after(MINUTE)
    story.closes("ES")
    story.trades("CL", "-10")
    story.enters("ES")
    story.is_denied("CL")
    supposed = story.what_if(max_positions=2)
    assert [one.again for one in supposed.each(Turned)] == [False, True, True, False]
    assert (supposed.tally.allowed.total(), supposed.tally.unknown) == (4, 2)
    assert supposed.one(DayOver).unknown == 2


def test_a_repeat_of_the_request_itself_is_not_asking_again() -> None:
    story = WrittenDown(max_positions=1)
    story.enters("ES")
    story.is_denied("CL")
    story.hears_last_again()
    story.is_denied("SI")  # the second slot is still CL's
    assert story.what_if(max_positions=2).turns == [("CL", "max_positions", "allowed")]


@pytest.mark.parametrize(("after_ms", "known"), [(30 * SECOND - 1, True), (30 * SECOND, False)])
def test_a_fill_without_leave_is_of_that_request_as_long_as_its_slot_is_held(
    after_ms: int, *, known: bool
) -> None:
    story = WrittenDown(max_positions=1, reservation_ms=30 * SECOND)
    story.enters("ES")
    story.is_denied("CL")
    fill = story.next_of(PositionOpened, "ibs-CL", symbol="CL", side="long", size=1, price=Decimal(100))
    story.hears(fill, at=story.ms + after_ms)
    assert bool(story.what_if(max_positions=2).each(FilledAnyway)) is known


def test_an_entry_that_was_denied_and_filled_all_the_same_is_known() -> None:
    story = WrittenDown(max_positions=1)
    story.enters("ES")
    story.is_denied("CL")
    story.fills("CL")
    story.closes("CL", pnl="-10")
    supposed = story.what_if(max_positions=2)
    turned, filled = supposed.one(Turned), supposed.one(FilledAnyway)
    assert filled.request == turned.at
    assert supposed.tally.unknown == 0
    assert supposed.one(DayOver).what_if.pnl == -10
    assert supposed.book.state.stats.limit_breaches == 0


def test_a_repeated_request_turns_once() -> None:
    story = WrittenDown(max_positions=1)
    story.enters("ES")
    story.is_denied("CL")
    story.hears_last_again()
    assert len(story.what_if(max_positions=2).turns) == 1
