"""Windows that close everything: in time to be flat, late rather than never, over only once all is flat."""

from portfold.events.calendar import WindowClosed, WindowOpened
from portfold.events.decisions import FlattenOrdered, PortfolioFlat
from tests.coordinator.story import HOUR, SECOND, Story, chicago, code, each, only

FRIDAY = (2025, 1, 17)
WEEKEND = "fri/15:50..17:00=flatten"


def holding(windows: str = WEEKEND) -> Story:
    """ES long on a Friday at noon."""
    story = Story(start_ms=chicago(*FRIDAY, 12), windows=windows, flatten_ms=10 * SECOND)
    story.enters("ES", price="5000")
    story.starts("ibs-CL")
    return story


def test_it_begins_as_long_before_as_a_flatten_may_take() -> None:
    story = holding()
    assert story.at(chicago(*FRIDAY, 15, 50) - 10 * SECOND - 1) == []
    ordered = only(FlattenOrdered, story.at(chicago(*FRIDAY, 15, 50) - 10 * SECOND))
    assert ordered.deadline_ms == chicago(*FRIDAY, 15, 50)
    assert (ordered.cause, ordered.positions, ordered.everything) == (
        f"window {WEEKEND}",
        "ES:long:1:ibs-ES",
        True,
    )


def test_a_lead_that_is_longer_is_enough() -> None:
    story = holding("fri/15:50-5..17:00=flatten")
    assert story.at(chicago(*FRIDAY, 15, 45) - 1) == []
    assert each(FlattenOrdered, story.at(chicago(*FRIDAY, 15, 45)))


def test_while_it_is_open_entries_are_denied_and_whatever_fills_is_closed() -> None:
    story = holding()
    story.at(chicago(*FRIDAY, 15, 50))
    story.closes("ES", pnl="5")
    assert code(story.asks("CL")) == "window"
    assert only(FlattenOrdered, story.fills("CL", price="70")).positions == "CL:long:1:ibs-CL"


def test_a_slot_that_was_granted_before_it_is_taken_back() -> None:
    story = holding()
    story.ms = chicago(*FRIDAY, 15, 49, 45)
    story.asks("CL")
    assert only(FlattenOrdered, story.at(chicago(*FRIDAY, 15, 50))).pending == "CL:long:1:ibs-CL"


def test_it_is_over_at_its_end_once_all_is_flat() -> None:
    story = holding()
    story.at(chicago(*FRIDAY, 15, 50))
    assert each(PortfolioFlat, story.closes("ES", pnl="5"))
    assert each(WindowClosed, story.at(chicago(*FRIDAY, 17) - 1)) == []
    assert each(WindowClosed, story.at(chicago(*FRIDAY, 17)))
    assert code(story.asks("CL")) == "allowed"


def test_what_is_not_closed_at_its_end_keeps_it_open() -> None:
    story = holding()
    story.at(chicago(*FRIDAY, 15, 50))
    assert each(WindowClosed, story.at(chicago(*FRIDAY, 17))) == []
    assert code(story.asks("CL")) == "window"
    story.closes("ES", pnl="5")
    assert code(story.asks("CL")) == "allowed"


def test_nobody_led_when_it_began_so_it_is_due_at_the_next_event_and_said_late() -> None:
    story = holding()
    decided = story.at(chicago(*FRIDAY, 16, 20))
    assert only(WindowOpened, decided).late_ms == 30 * 60 * SECOND + 10 * SECOND
    assert each(FlattenOrdered, decided)


def test_nobody_led_until_after_it_so_what_is_open_is_closed_all_the_same() -> None:
    story = holding()
    decided = story.at(chicago(*FRIDAY, 18))
    assert only(WindowOpened, decided).late_ms > 2 * HOUR
    assert only(FlattenOrdered, decided).positions == "ES:long:1:ibs-ES"
    assert code(story.asks("CL")) == "window"
    story.closes("ES", pnl="5")
    assert code(story.asks("CL")) == "allowed"


def test_nobody_led_until_after_it_and_nothing_is_open_so_nothing_happens() -> None:
    story = holding()
    story.closes("ES", pnl="5")
    assert each(WindowOpened, story.at(chicago(*FRIDAY, 18))) == []


def test_a_window_that_is_ordered_after_its_time_closes_nothing_of_today() -> None:
    story = holding(windows="")
    story.ms = chicago(*FRIDAY, 17, 30)
    assert each(FlattenOrdered, story.change_limits(windows=WEEKEND)) == []


def test_no_window_is_missed_because_another_was_ordered_meanwhile() -> None:
    story = holding()
    story.ms = chicago(*FRIDAY, 16, 20)
    assert each(FlattenOrdered, story.change_limits(windows=f"{WEEKEND} mon/10:00..10:05=deny"))
