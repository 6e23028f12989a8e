"""A lockout: entries are denied until a moment, and nobody lifts it before."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from portfold.coordinator.fold.effects.time_passing import next_deadline
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.windows.lockout import LONGEST_MS
from portfold.events.decisions import Decision, EntryDenied, EventRejected, LockoutEnded, TradingDayStarted
from portfold.events.incoming import FlattenRequested, LockoutOrdered, TradingHalted, TradingResumed
from tests.coordinator.story import DAY, HOUR, WEDNESDAY, Story, code, each, only

UNTIL = WEDNESDAY + 2 * DAY


def locks_out(story: Story, until_ms: int = UNTIL) -> list[Decision]:
    return story.hears(LockoutOrdered(by="jane", reason="two bad weeks", until_ms=until_ms))


def resumes(story: Story, **how: Any) -> list[Decision]:
    return story.hears(TradingResumed(by="joe", reason="I know better", **how))


def locked_out(**changed_limits: Any) -> Story:
    story = Story(**changed_limits)
    locks_out(story)
    return story


def test_it_denies_to_the_millisecond_before_its_moment_and_at_it_no_more() -> None:
    story = locked_out()
    assert next_deadline(story.state) == min(UNTIL, story.state.day.ends_ms)
    story.at(UNTIL - 2)
    denied = story.asks("CL")
    assert isinstance(denied, EntryDenied)
    assert (story.ms, code(denied)) == (UNTIL - 1, "locked_out")
    assert denied.reason == (
        "Locked out by jane until 2025-01-17 16:00:00 UTC, and nobody lifts it before: two bad weeks"
    )
    ended = story.at(UNTIL)
    assert only(LockoutEnded, ended) == LockoutEnded(by="jane", until_ms=UNTIL)
    assert code(story.asks("CL")) == "allowed"


@pytest.mark.parametrize("force", [False, True])
def test_no_resume_lifts_it_and_one_that_would_lift_nothing_is_refused(*, force: bool) -> None:
    story = locked_out()
    refused = only(EventRejected, resumes(story, force=force))
    assert "nobody lifts it before" in refused.reason
    story.hears(TradingHalted(by="joe", reason="lunch"))
    assert each(EventRejected, resumes(story, force=force)) == [], "the halt is lifted"
    assert code(story.asks("CL")) == "locked_out"


def test_nor_does_a_second_name_on_other_limits_nor_a_new_day_nor_a_restart() -> None:
    story = locked_out()
    story.change_limits(max_positions=9, second="joe")
    assert each(TradingDayStarted, story.at(WEDNESDAY + DAY))
    story.state = msgspec.json.decode(msgspec.json.encode(story.state), type=State)  # its snapshot
    assert code(story.asks("CL")) == "locked_out"


def test_nor_does_a_forced_resume_of_the_days_stop() -> None:
    story = Story(daily_stop_loss=Decimal(100))
    story.enters("CL")
    locks_out(story)
    story.closes("CL", pnl="-100")
    assert code(story.asks("CL")) == "stopped_out"
    assert each(EventRejected, resumes(story, force=True)) == []
    assert code(story.asks("CL")) == "locked_out"


def test_it_is_made_longer_and_never_shorter() -> None:
    story = locked_out()
    for no_later in (UNTIL - DAY, UNTIL):
        assert "never shorter" in only(EventRejected, locks_out(story, no_later)).reason
    assert locks_out(story, UNTIL + HOUR) == []
    story.at(UNTIL)
    assert code(story.asks("CL")) == "locked_out"


def test_no_moment_that_has_passed_and_none_too_far_ahead_locks_anybody_out() -> None:
    story = Story()
    assert "to come" in only(EventRejected, locks_out(story, story.ms + 1)).reason, "it is that very moment"
    assert "at most 31 days" in only(EventRejected, locks_out(story, story.ms + 2 + LONGEST_MS)).reason
    assert story.state.lockout is None
    assert locks_out(story, story.ms + 1 + LONGEST_MS) == []


def test_what_is_open_is_closed_as_ever_and_a_flatten_closes_it() -> None:
    story = Story()
    story.enters("CL", "ES")
    locks_out(story, WEDNESDAY + HOUR)
    assert each(EventRejected, story.closes("CL", pnl="50")) == []
    story.hears(FlattenRequested(by="joe", reason="enough"))
    story.closes("ES", pnl="50")
    assert not story.state.positions
