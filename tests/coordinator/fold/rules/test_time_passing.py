"""Time: the next deadline is exactly when something falls due, and stale marks are told."""

from collections.abc import Callable

import pytest

from portfold.coordinator.fold.effects.time_passing import next_deadline
from portfold.coordinator.fold.state import State
from portfold.events.decisions import MarkStale
from portfold.events.incoming import WorkerStarted
from portfold.events.stream_id import DECISIONS_PER_EVENT
from tests.coordinator.story import DAY, HOUR, MINUTE, SECOND, Story, chicago, code, kinds, only


def _reserved() -> Story:
    story = Story()
    story.asks("ES")
    return story


def _day_under_way() -> Story:
    return Story()


def _flattening() -> Story:
    story = Story()
    story.enters("ES")
    story.flatten()
    return story


def _overdue() -> Story:
    story = _flattening()
    story.after(10 * SECOND)
    return story


def _marked() -> Story:
    story = Story(mark_stale_ms=2 * MINUTE)
    story.enters("ES")
    story.marks("ES", "-10")
    return story


@pytest.mark.parametrize(
    ("begun", "due"),
    [
        (_reserved, "EntryExpired"),
        (_day_under_way, "TradingDayStarted"),
        (_flattening, "FlattenOverdue"),
        (_overdue, "FlattenOverdue"),
        (_marked, "MarkStale"),
    ],
)
def test_nothing_is_due_one_ms_before_the_next_deadline_and_something_at_it(
    begun: Callable[[], Story], due: str
) -> None:
    story = begun()
    deadline = next_deadline(story.state)
    assert deadline is not None
    assert story.at(deadline - 1) == []
    assert next_deadline(story.state) == deadline
    assert kinds(story.at(deadline)) == [due]
    following = next_deadline(story.state)
    assert following is not None
    assert following > deadline


def test_of_several_deadlines_the_first_is_next() -> None:
    story = Story(mark_stale_ms=HOUR, reservation_ms=SECOND)
    story.enters("ES")
    story.asks("CL")
    assert next_deadline(story.state) == story.ms + SECOND
    story.after(SECOND)
    assert next_deadline(story.state) == story.state.positions["ES:long:ibs-ES"].marked_ms + HOUR
    story.after(HOUR)
    assert next_deadline(story.state) == chicago(2025, 1, 15, 17)


def test_without_limits_nothing_is_due() -> None:
    story = Story()
    story.state = State()
    assert next_deadline(story.state) is None
    assert story.after(10**15) == []


def test_everything_due_comes_in_one_event() -> None:
    story = Story(mark_stale_ms=MINUTE)
    story.enters("ES")
    story.flatten()
    assert kinds(story.at(chicago(2025, 1, 15, 17))) == ["TradingDayStarted", "FlattenOverdue", "MarkStale"]


def test_a_position_never_marked_becomes_stale_as_well() -> None:
    story = Story(mark_stale_ms=MINUTE)
    story.enters("ES")
    assert story.after(MINUTE - 1) == []
    assert only(MarkStale, story.after(1)).age_ms == MINUTE


def test_a_stale_mark_is_told_once_until_a_fresh_one() -> None:
    story = _marked()
    assert kinds(story.after(2 * MINUTE)) == ["MarkStale"]
    assert story.after(2 * MINUTE) == []
    story.marks("ES", "-11")
    assert kinds(story.after(2 * MINUTE)) == ["MarkStale"]


def test_marks_are_never_stale_when_nobody_wants_to_know() -> None:
    story = Story(mark_stale_ms=0)
    story.enters("ES")
    assert story.after(HOUR) == []


def test_the_largest_time_there_is_falls_due_like_any_other() -> None:
    story = Story(mark_stale_ms=MINUTE)
    story.enters("ES")
    story.asks("CL")
    story.flatten()
    assert set(kinds(story.at(2**64 - 1))) == {"TradingDayStarted", "FlattenOverdue", "MarkStale"}
    assert code(story.asks("CL")) == "halted"


def test_the_fullest_event_there_is_has_room_for_its_decisions() -> None:
    """Expiries, a new day, a reminder, stale marks, and a worker that comes back to a different broker."""
    symbols = [f"S{number}" for number in range(64)]
    story = Story(
        symbols=" ".join(symbols),
        max_positions=50,
        max_contracts=50,
        mark_stale_ms=HOUR,
        on_worker_lost="flatten",
    )
    story.starts("ann")
    story.starts("bob")
    story.fills("S63", worker="bob")
    story.loses_worker("bob")
    for symbol in symbols[:31]:
        story.fills(symbol, worker="ann")
    for symbol in symbols[32:50]:
        story.asks(symbol, worker="carl")
    held = " ".join(f"{symbol}:short:1:100" for symbol in symbols[:32])
    back = story.next_of(WorkerStarted, "ann", "s2", positions=held)
    decisions = story.hears(back, at=story.ms + 3 * DAY)
    assert set(kinds(decisions)) == {
        "EntryExpired",
        "TradingDayStarted",
        "FlattenOverdue",
        "FlattenHandedOver",
        "MarkStale",
        "PositionMismatch",
    }
    assert 85 < len(decisions) <= DECISIONS_PER_EVENT
