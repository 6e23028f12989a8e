"""What was published: sessions, which tell windows and trading days, and windows of their own dates."""

from typing import Any

from portfold.coordinator.fold.effects.time_passing import next_deadline
from portfold.events.calendar import SessionsPublished, WindowOpened, WindowsPublished
from portfold.events.decisions import EventRejected, FlattenOrdered, TradingDayStarted
from tests.coordinator.story import HOUR, SECOND, Story, chicago, code, each, only

NOT_LONG = "mon-fri/close-10..close=flatten"
# The week of Thanksgiving 2026 by CME's hours for equity products: noon on Thursday, 12:15 on Friday.
THANKSGIVING = (
    "2026-11-24=2026-11-23T23:00Z..2026-11-24T22:00Z 2026-11-25=2026-11-24T23:00Z..2026-11-25T22:00Z "
    "2026-11-26=2026-11-25T23:00Z..2026-11-26T18:00Z 2026-11-27=2026-11-26T23:00Z..2026-11-27T18:15Z "
    "2026-11-30=2026-11-29T23:00Z..2026-11-30T22:00Z"
)
# Good Friday 2025: no session of equity products.
EASTER = (
    "2025-04-16=2025-04-15T22:00Z..2025-04-16T21:00Z 2025-04-17=2025-04-16T22:00Z..2025-04-17T21:00Z "
    "2025-04-21=2025-04-20T22:00Z..2025-04-21T21:00Z 2025-04-22=2025-04-21T22:00Z..2025-04-22T21:00Z"
)


def published(sessions: str, **changed: Any) -> SessionsPublished:
    words = sessions.split(" ")
    fields: dict[str, Any] = {
        "by": "ann",
        "reason": "holidays",
        "source": "by hand",
        "first": words[0][:10],
        "last": words[-1][:10],
        "sessions": sessions,
    }
    return SessionsPublished(**(fields | changed))


def week_of_thanksgiving(**limits: Any) -> Story:
    story = Story(start_ms=chicago(2026, 11, 24, 9), **limits)
    story.hears(published(THANKSGIVING))
    story.starts("ibs-CL")
    return story


# --- told by the session ----------------------------------------------------------------------------------


def test_before_thanksgiving_the_close_is_the_usual_one_and_after_it_the_early_one() -> None:
    story = week_of_thanksgiving(windows=NOT_LONG)
    for day, hour, minute in ((25, 15, 50), (26, 11, 50), (27, 12, 5), (30, 15, 50)):
        begins = chicago(2026, 11, day, hour, minute)
        story.at(begins - 1)
        assert code(story.asks("CL")) == "window"  # a millisecond later
        story.at(begins + 10 * 60 * SECOND - 1)
        assert code(story.asks("CL")) == "allowed"
        story.withdraws("CL")


def test_a_day_without_a_session_has_no_close() -> None:
    story = Story(start_ms=chicago(2025, 4, 16, 9), windows=NOT_LONG)
    story.hears(published(EASTER))
    story.starts("ibs-CL")
    story.ms = chicago(2025, 4, 18, 15, 50)
    assert code(story.asks("CL")) == "allowed"


def test_until_the_next_open_goes_over_a_holiday() -> None:
    story = Story(start_ms=chicago(2025, 4, 16, 9), windows="mon-fri/close..open=deny")
    story.hears(published(EASTER))
    assert only(WindowOpened, story.at(chicago(2025, 4, 17, 16))).until_ms == chicago(2025, 4, 20, 17)


def test_where_the_exchange_has_closed_before_a_window_would_begin_there_is_none() -> None:
    story = week_of_thanksgiving(windows="mon-fri/15:00..close=deny")
    story.ms = chicago(2026, 11, 27, 15)
    assert code(story.asks("CL")) == "allowed"
    story.ms = chicago(2026, 11, 30, 15)
    story.withdraws("CL")
    assert code(story.asks("CL")) == "window"


def test_a_session_that_nobody_published_is_not_no_session() -> None:
    story = Story(windows=NOT_LONG)
    story.starts("ibs-CL")
    assert code(story.asks("CL")) == "calendar_missing"


def test_beyond_the_last_day_that_was_published_entries_are_denied() -> None:
    story = week_of_thanksgiving(windows=NOT_LONG)
    story.ms = chicago(2026, 11, 30, 16, 59, 59)
    assert code(story.asks("CL")) == "allowed"
    story.withdraws("CL")
    story.ms = chicago(2026, 11, 30, 17)
    assert code(story.asks("CL")) == "calendar_missing"


def test_sessions_published_anew_move_a_window_at_once() -> None:
    story = week_of_thanksgiving(windows=NOT_LONG)
    story.enters("ES", price="5000")
    early = THANKSGIVING.replace("2026-11-24T22:00Z", "2026-11-24T16:00Z")
    story.hears(published(early))
    assert next_deadline(story.state) == chicago(2026, 11, 24, 9, 50)
    assert each(FlattenOrdered, story.at(chicago(2026, 11, 24, 9, 50)))


# --- the trading day --------------------------------------------------------------------------------------


def test_good_friday_belongs_to_monday() -> None:
    story = Story(start_ms=chicago(2025, 4, 16, 18))
    assert story.state.day.date == "2025-04-17"
    story.hears(published(EASTER))
    assert only(TradingDayStarted, story.at(chicago(2025, 4, 17, 17))).day == "2025-04-21"
    assert each(TradingDayStarted, story.at(chicago(2025, 4, 18, 17))) == []
    assert only(TradingDayStarted, story.at(chicago(2025, 4, 21, 17))).day == "2025-04-22"


def test_a_loss_of_good_friday_is_still_stopped_on_monday() -> None:
    story = Story(start_ms=chicago(2025, 4, 16, 18))
    story.hears(published(EASTER))
    story.enters("ES", price="5000")
    story.ms = chicago(2025, 4, 18, 9)
    story.closes("ES", pnl="-2500")
    story.ms = chicago(2025, 4, 21, 10)
    assert code(story.asks("CL")) == "stopped_out"


def test_nothing_published_is_a_weekday_as_ever() -> None:
    story = Story(start_ms=chicago(2025, 4, 17, 18))
    assert story.state.day.date == "2025-04-18"


def test_the_day_under_way_ends_as_it_began() -> None:
    story = Story(start_ms=chicago(2025, 4, 18, 9))
    story.hears(published(EASTER))
    assert story.state.day.date == "2025-04-18"
    assert only(TradingDayStarted, story.at(chicago(2025, 4, 18, 17))).day == "2025-04-21"


def test_what_is_all_over_is_refused() -> None:
    story = Story(start_ms=chicago(2025, 5, 1, 9))
    assert only(EventRejected, story.hears(published(EASTER))).reason.startswith("SessionsPublished: last:")
    assert story.state.calendar is None


def test_sessions_that_are_long_over_are_forgotten() -> None:
    story = week_of_thanksgiving()
    assert story.state.calendar is not None
    assert len(story.state.calendar.sessions) == 5
    story.at(chicago(2026, 12, 7, 9))
    assert [one.date for one in story.state.calendar.sessions] == ["2026-11-27", "2026-11-30"]


# --- windows of their own dates ---------------------------------------------------------------------------


def test_the_news_deny_from_their_lead_to_their_lag_and_name_what_they_are() -> None:
    news = "2026-12-10T13:25Z..2026-12-10T13:40Z=deny:ES,CL#CPI"
    story = Story(start_ms=chicago(2026, 12, 10, 6))
    story.hears(WindowsPublished(by="ann", reason="week", source="news.csv", windows=news))
    story.starts("ibs-CL")
    story.starts("ibs-SI")
    story.ms = chicago(2026, 12, 10, 7, 25) - 1
    assert code(story.asks("CL")) == "window"
    assert code(story.asks("SI")) == "allowed"
    story.ms = chicago(2026, 12, 10, 7, 40) - 1
    assert code(story.asks("CL")) == "allowed"


def test_what_is_published_next_replaces_what_was() -> None:
    story = Story(start_ms=chicago(2026, 12, 10, 7, 30))
    news = "2026-12-10T13:25Z..2026-12-10T13:40Z=deny"
    story.hears(WindowsPublished(by="ann", reason="week", source="news.csv", windows=news))
    story.starts("ibs-CL")
    assert code(story.asks("CL")) == "window"
    story.hears(WindowsPublished(by="ann", reason="not today", source="by hand"))
    assert code(story.asks("CL")) == "allowed"
    assert story.state.calendar is None


def test_news_that_close_everything_do_so_though_nobody_led() -> None:
    story = Story(start_ms=chicago(2026, 12, 10, 6))
    news = "2026-12-10T13:25Z..2026-12-10T13:40Z=flatten#FOMC"
    story.hears(WindowsPublished(by="ann", reason="week", source="news.csv", windows=news))
    story.enters("ES", price="5000")
    decided = story.after(8 * HOUR)
    assert only(FlattenOrdered, decided).positions == "ES:long:1:ibs-ES"
