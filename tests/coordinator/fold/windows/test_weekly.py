"""Windows of the week: half open to the millisecond, on the exchange's clocks, over its changes of them."""

import pytest

from portfold.coordinator.fold.effects.time_passing import next_deadline
from portfold.coordinator.fold.invariants import check
from portfold.coordinator.store.ledger import decide
from portfold.events.calendar import WindowClosed, WindowOpened
from portfold.events.chain import GENESIS
from portfold.events.stream_id import StreamId
from tests.coordinator.story import HOUR, MINUTE, Story, chicago, code, only

FRIDAY = (2025, 1, 17)
NEWS = "fri/09:30-2..09:30+5=deny"


def just_before(*when: int, windows: str = NEWS) -> Story:
    """A story whose next event is at the moment that the clocks of Chicago show."""
    story = Story(start_ms=chicago(*when) - HOUR, windows=windows)
    story.starts("ibs-ES")
    story.starts("ibs-CL")
    story.ms = chicago(*when) - 1
    return story


def test_a_millisecond_before_it_begins_entries_are_allowed_and_at_its_beginning_denied() -> None:
    before = just_before(*FRIDAY, 9, 28)
    before.ms -= 1
    assert code(before.asks("ES")) == "allowed"
    assert code(just_before(*FRIDAY, 9, 28).asks("ES")) == "window"


def test_a_millisecond_before_it_ends_entries_are_denied_and_at_its_end_allowed() -> None:
    before = just_before(*FRIDAY, 9, 35)
    before.ms -= 1
    assert code(before.asks("ES")) == "window"
    assert code(just_before(*FRIDAY, 9, 35).asks("ES")) == "allowed"


def test_it_is_no_other_day() -> None:
    assert code(just_before(2025, 1, 16, 9, 30).asks("ES")) == "allowed"


def test_of_some_symbols_it_denies_these_alone() -> None:
    story = just_before(*FRIDAY, 9, 30, windows="fri/09:30..09:35=deny:CL,SI")
    assert code(story.asks("CL")) == "window"
    assert code(story.asks("ES")) == "allowed"


def test_an_exit_is_never_asked() -> None:
    story = just_before(*FRIDAY, 9, 30)
    story.fills("ES", price="5000")
    story.closes("ES", pnl="5")
    assert story.open == []


def test_that_it_opens_and_is_over_is_on_record_and_the_leader_ticks_for_it() -> None:
    story = Story(start_ms=chicago(*FRIDAY, 8), windows=NEWS)
    assert next_deadline(story.state) == chicago(*FRIDAY, 9, 28)
    opened = only(WindowOpened, story.at(chicago(*FRIDAY, 9, 28)))
    assert (opened.window, opened.until_ms, opened.late_ms) == (NEWS, chicago(*FRIDAY, 9, 35), 0)
    assert next_deadline(story.state) == chicago(*FRIDAY, 9, 35)
    assert only(WindowClosed, story.at(chicago(*FRIDAY, 9, 35))).window == NEWS


def test_one_over_midnight_ends_the_next_day() -> None:
    windows = "fri/22:00..02:00=deny"
    assert code(just_before(2025, 1, 18, 1, 59, 59, windows=windows).asks("ES")) == "window"
    assert code(just_before(2025, 1, 18, 2, windows=windows).asks("ES")) == "allowed"


def test_days_go_over_the_weekend() -> None:
    for day in (18, 19, 20):
        assert code(just_before(2025, 1, day, 10, windows="sat-mon/10:00..10:01=deny").asks("ES")) == "window"
    assert code(just_before(2025, 1, 21, 10, windows="sat-mon/10:00..10:01=deny").asks("ES")) == "allowed"


def test_what_limits_no_longer_name_is_over_at_once() -> None:
    story = just_before(*FRIDAY, 9, 30)
    assert code(story.asks("ES")) == "window"
    assert only(WindowClosed, story.change_limits()).window == NEWS
    assert code(story.asks("ES")) == "allowed"
    assert story.state.calendar is None


def test_one_that_is_ordered_while_its_time_is_opens_at_once_and_is_not_late() -> None:
    story = just_before(*FRIDAY, 9, 30, windows="")
    assert only(WindowOpened, story.change_limits(windows=NEWS)).late_ms == 0
    assert code(story.asks("ES")) == "window"


def test_no_resume_lifts_it() -> None:
    story = just_before(*FRIDAY, 9, 30)
    story.halt()
    story.resume(force=True)
    assert code(story.asks("ES")) == "window"


def test_without_windows_nothing_is_asked_and_nothing_is_due() -> None:
    story = Story()
    assert story.state.calendar is None
    assert next_deadline(story.state) == story.state.day.ends_ms


@pytest.mark.parametrize(
    ("sunday", "begins", "ends"),
    [
        # 02:30 is not on the clocks of this night: the window holds for either reading of it.
        ((2025, 3, 9), (1, 30), (3, 45)),
        # 01:30 is there twice: from the first to the second.
        ((2025, 11, 2), (1, 30), None),
    ],
    ids=["clocks go forward", "clocks go back"],
)
def test_in_the_night_of_the_change_a_window_is_the_longer_one(
    sunday: tuple[int, int, int], begins: tuple[int, int], ends: tuple[int, int] | None
) -> None:
    shown = "02:30..02:45" if ends else "01:30..01:45"
    story = Story(start_ms=chicago(*sunday, 0), windows=f"sun/{shown}=deny")
    begins_ms = chicago(*sunday, *begins)
    opened = only(WindowOpened, story.at(begins_ms))
    assert opened.until_ms == (chicago(*sunday, *ends) if ends else begins_ms + HOUR + 15 * MINUTE)


@pytest.mark.parametrize("day", [(2025, 3, 7), (2025, 3, 10), (2025, 10, 31), (2025, 11, 3)])
def test_on_both_sides_of_a_change_it_is_by_the_clocks_of_its_day(day: tuple[int, int, int]) -> None:
    windows = "mon-fri/15:00..15:10=deny"
    before = just_before(*day, 15, windows=windows)
    before.ms -= 1
    assert code(before.asks("ES")) == "allowed"
    assert code(just_before(*day, 15, windows=windows).asks("ES")) == "window"


def test_an_event_that_is_passed_over_opens_no_window_and_ends_nobody() -> None:
    story = just_before(*FRIDAY, 9, 28)
    passed_over = StreamId(chicago(*FRIDAY, 9, 28), 2**64 - 1)
    decided = decide(story.state, GENESIS, passed_over, ["type", "ClockTicked"])
    assert decided.decisions == []
    check(story.state, passed_over, decided.event)  # as every leader does
    assert code(story.asks("ES")) == "window"  # due with the next event
