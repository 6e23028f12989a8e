"""The trading day: where it begins and ends, and what a new one resets, carries over and leaves as it is."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.events.decisions import StopLossTriggered, TradingDayStarted
from tests.coordinator.story import DAY, HOUR, MINUTE, Story, chicago, code, each, kinds, only

CHICAGO = "America/Chicago"


def day_at(*when: int, roll: str = "17:00") -> str:
    return trading_day_at(chicago(*when), CHICAGO, roll).date


# --- which day it is --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "day"),
    [
        ((2025, 1, 14, 16, 59, 59), "2025-01-14"),
        ((2025, 1, 14, 17, 0, 0), "2025-01-15"),
        ((2025, 1, 15, 0, 0, 0), "2025-01-15"),  # midnight is nothing special
        ((2025, 1, 17, 16, 59, 59), "2025-01-17"),
        ((2025, 1, 17, 17, 0, 0), "2025-01-20"),  # Friday evening is Monday
        ((2025, 1, 18, 12, 0, 0), "2025-01-20"),
        ((2025, 1, 19, 17, 0, 0), "2025-01-20"),
        ((2025, 1, 20, 16, 59, 59), "2025-01-20"),
        ((2025, 1, 20, 17, 0, 0), "2025-01-21"),
        ((2024, 12, 31, 17, 0, 0), "2025-01-01"),
    ],
)
def test_the_day_begins_at_17_00_in_chicago_and_the_weekend_is_monday(
    when: tuple[int, ...], day: str
) -> None:
    assert day_at(*when) == day


def test_the_end_is_exclusive_to_the_millisecond() -> None:
    today = trading_day_at(chicago(2025, 1, 15, 10), CHICAGO, "17:00")
    assert today.ends_ms == chicago(2025, 1, 15, 17)
    assert trading_day_at(today.ends_ms - 1, CHICAGO, "17:00") == today
    assert trading_day_at(today.ends_ms, CHICAGO, "17:00").date == "2025-01-16"


@pytest.mark.parametrize(
    ("sunday", "hours"),
    [((2025, 3, 9), 71), ((2025, 11, 2), 73), ((2025, 1, 19), 72)],
    ids=["clocks go forward", "clocks go back", "ordinary weekend"],
)
def test_the_clocks_change_within_monday(sunday: tuple[int, int, int], hours: int) -> None:
    year, month, day = sunday
    monday = trading_day_at(chicago(year, month, day, 12), CHICAGO, "17:00")
    assert monday.ends_ms == chicago(year, month, day + 1, 17)
    friday_evening = monday.ends_ms - hours * HOUR
    assert trading_day_at(friday_evening, CHICAGO, "17:00") == monday
    assert trading_day_at(friday_evening - 1, CHICAGO, "17:00").date < monday.date


@pytest.mark.parametrize(
    ("when", "day"),
    [
        ((2025, 1, 15, 7, 59), "2025-01-14"),
        ((2025, 1, 15, 8, 0), "2025-01-15"),
        ((2025, 1, 18, 7, 59), "2025-01-17"),  # Friday goes on into Saturday morning
        ((2025, 1, 18, 8, 0), "2025-01-20"),
        ((2025, 1, 20, 7, 59), "2025-01-20"),
    ],
)
def test_a_roll_in_the_morning_names_the_day_it_begins_on(when: tuple[int, ...], day: str) -> None:
    assert day_at(*when, roll="08:00") == day


@pytest.mark.parametrize(("roll", "day"), [("11:59", "2025-01-14"), ("12:00", "2025-01-15")])
def test_noon_is_the_first_roll_that_names_the_day_after(roll: str, day: str) -> None:
    assert day_at(2025, 1, 14, 13, roll=roll) == day


@pytest.mark.parametrize(
    ("zone", "eve"),
    [
        (CHICAGO, "2025-03-08"),
        (CHICAGO, "2025-11-01"),
        ("Africa/Cairo", "2025-04-24"),
        ("Africa/Cairo", "2024-10-31"),
    ],
)
def test_days_never_go_back_when_the_clocks_skip_or_repeat_the_roll(zone: str, eve: str) -> None:
    """In Cairo they do so around midnight between two weekdays."""
    evening = datetime.fromisoformat(f"{eve}T20:00").replace(tzinfo=ZoneInfo(zone))
    times = range(int(evening.timestamp()) * 1000, int(evening.timestamp()) * 1000 + 10 * HOUR, 5 * MINUTE)
    for roll in ("00:30", "01:30", "02:30", "23:30"):
        days = [trading_day_at(ms, zone, roll) for ms in times]
        dates = [day.date for day in days]
        assert dates == sorted(dates), roll
        assert all(ms < day.ends_ms for ms, day in zip(times, days, strict=True)), roll


def test_any_millisecond_has_a_day_that_has_not_ended() -> None:
    for zone in ("America/Chicago", "UTC", "Pacific/Kiritimati", "Pacific/Apia"):
        for ms in (0, 1, 10**14, 25 * 10**13 - 1, 25 * 10**13, 10**15, 2**63, 2**64 - 1):
            assert ms < trading_day_at(ms, zone, "17:00").ends_ms, zone


# --- what a new day does ----------------------------------------------------------------------------------


def test_the_first_limits_begin_the_first_day() -> None:
    assert only(TradingDayStarted, Story().first).day == "2025-01-15"


def test_the_day_rolls_at_its_end_and_not_one_ms_before() -> None:
    story = Story()
    assert story.at(chicago(2025, 1, 15, 17) - 1) == []
    assert only(TradingDayStarted, story.at(chicago(2025, 1, 15, 17))).day == "2025-01-16"


def test_the_old_day_is_summed_up() -> None:
    story = Story()
    story.enters("ES")
    story.asks("ES")
    story.closes("ES", pnl="-2500")
    story.halt()
    assert story.after(DAY) == [
        TradingDayStarted(
            day="2025-01-16",
            previous_day="2025-01-15",
            daily_pnl=Decimal(-2500),
            entries_requested=2,
            entries_allowed=1,
            entries_blocked=1,
            exits=1,
            stops=1,
            stopped_out=True,
            halted=True,
        )
    ]
    assert story.pnl == 0
    assert story.state.day.entries_requested == 0


def test_days_without_events_are_skipped() -> None:
    story = Story()
    started = only(TradingDayStarted, story.after(30 * DAY))
    assert (started.previous_day, started.day) == ("2025-01-15", "2025-02-14")


def test_the_clock_alone_lifts_a_stop_when_the_book_is_flat() -> None:
    story = Story()
    story.enters("ES")
    story.closes("ES", pnl="-2500")
    story.at(chicago(2025, 1, 15, 17) - 2)
    assert code(story.asks("ES")) == "stopped_out"
    assert code(story.asks("ES")) == "allowed"


def test_a_stop_is_not_lifted_by_a_new_day_while_anything_is_open() -> None:
    story = Story()
    story.enters("ES", "CL")
    story.closes("CL", pnl="-2500")
    story.after(3 * DAY)
    assert code(story.asks("SI")) == "stopped_out"
    story.closes("ES")
    assert code(story.asks("SI")) == "allowed"


def test_a_stop_on_friday_is_lifted_on_friday_evening() -> None:
    story = Story(start_ms=chicago(2025, 1, 17, 10))
    story.enters("ES")
    story.closes("ES", pnl="-2500")
    story.at(chicago(2025, 1, 17, 17))
    assert (story.state.day.date, code(story.asks("ES"))) == ("2025-01-20", "allowed")


def test_a_halt_survives_days() -> None:
    story = Story()
    story.halt()
    story.after(10 * DAY)
    assert code(story.asks("ES")) == "halted"


def test_reservations_and_positions_survive_the_roll() -> None:
    story = Story(start_ms=chicago(2025, 1, 15, 16, 59, 50))
    story.enters("ES")
    story.asks("CL")
    story.at(chicago(2025, 1, 15, 17))
    assert story.open == ["ES:long:1"]
    assert story.fills("CL") == []


# --- an open position over the roll -----------------------------------------------------------------------


def test_a_carried_position_counts_from_its_last_mark_of_the_old_day() -> None:
    story = Story()
    story.enters("ES")
    story.marks("ES", "-2000")
    story.after(DAY)
    assert story.pnl == 0
    story.marks("ES", "-2300")
    assert story.pnl == Decimal(-300)
    story.closes("ES", pnl="-2400")
    assert story.pnl == Decimal(-400)


def test_a_carried_loss_does_not_hide_a_new_one() -> None:
    story = Story()
    story.enters("ES")
    story.marks("ES", "2000")
    story.after(DAY)
    assert only(StopLossTriggered, story.marks("ES", "-500")).daily_pnl == Decimal(-2500)


def test_a_partial_close_takes_its_share_of_what_was_carried() -> None:
    story = Story()
    story.enters("ES", size=4)
    story.marks("ES", "-400")
    story.after(DAY)
    story.closes("ES", size=1, pnl="-100")
    assert story.pnl == 0
    story.closes("ES", size=3, pnl="-360")
    assert story.pnl == Decimal(-60)


def test_what_was_never_marked_counts_into_the_day_it_is_closed() -> None:
    story = Story()
    story.enters("ES")
    story.after(DAY)
    story.closes("ES", pnl="-700")
    assert story.pnl == Decimal(-700)


@pytest.mark.parametrize("pnl", ["-2000", "2000"])
def test_on_realized_everything_counts_into_the_day_it_is_closed(pnl: str) -> None:
    story = Story(stop_loss_on="realized")
    story.enters("ES")
    story.marks("ES", pnl)
    story.after(DAY)
    story.closes("ES", pnl=pnl)
    assert story.pnl == Decimal(pnl)


# --- open P&L begins to count, or ends to, while a position is carried ------------------------------------


@pytest.mark.parametrize(("falls_to", "stops"), [("4500.01", 0), ("4500", 1)])
def test_yesterdays_open_profit_pays_for_no_loss_of_today(falls_to: str, stops: int) -> None:
    story = Story(stop_loss_on="realized")
    story.enters("ES")
    story.marks("ES", "7000")
    story.after(DAY)
    assert story.change_limits(stop_loss_on="total") == []
    assert story.pnl == 0
    assert len(each(StopLossTriggered, story.marks("ES", falls_to))) == stops


def test_yesterdays_open_profit_is_none_of_today_when_it_is_closed_in_parts_or_settled_either() -> None:
    story = Story(stop_loss_on="realized")
    story.enters("ES", size=4)
    story.marks("ES", "2000")
    story.after(DAY)
    story.change_limits(stop_loss_on="total")
    story.closes("ES", size=1, pnl="500")
    assert story.pnl == 0
    story.closes("ES", size=1, pnl="300")
    assert story.pnl == Decimal(-200)
    story.settle("ES", 0, pnl="900")
    assert story.pnl == Decimal(-300)


@pytest.mark.parametrize(("loss", "stops"), [("-2499.99", 0), ("-2500", 1)])
def test_yesterdays_open_loss_that_no_day_counted_counts_when_it_begins_to(loss: str, stops: int) -> None:
    story = Story(stop_loss_on="realized")
    story.enters("ES")
    story.marks("ES", loss)
    story.after(DAY)
    decisions = story.change_limits(stop_loss_on="total")
    assert (story.pnl, len(each(StopLossTriggered, decisions))) == (Decimal(loss), stops)


def test_what_a_day_counted_counts_once_whatever_counts_when_it_is_closed() -> None:
    story = Story()
    story.enters("ES")
    story.marks("ES", "-2000")
    story.after(DAY)
    story.change_limits(stop_loss_on="realized")
    assert story.pnl == 0
    story.closes("ES", pnl="-2400")
    assert story.pnl == Decimal(-400)


def test_from_a_roll_on_that_counts_open_profit_its_mark_is_where_the_day_begins() -> None:
    story = Story(stop_loss_on="realized")
    story.enters("ES")
    story.marks("ES", "2000")
    story.after(DAY)
    story.change_limits(stop_loss_on="total")
    story.marks("ES", "1000")
    story.after(DAY)
    assert story.pnl == 0
    story.change_limits(stop_loss_on="realized")
    story.closes("ES", pnl="900")
    assert story.pnl == Decimal(-100)


def test_version_3_counted_yesterdays_open_profit_today() -> None:
    story = Story(stop_loss_on="realized")
    story.state.fold_version = 3
    story.enters("ES")
    story.marks("ES", "7000")
    story.after(DAY)
    story.change_limits(stop_loss_on="total")
    assert story.pnl == Decimal(7000)


# --- another calendar -------------------------------------------------------------------------------------


def test_another_roll_counts_from_the_end_of_the_day_under_way() -> None:
    story = Story()
    story.change_limits(roll="18:00")
    assert story.at(chicago(2025, 1, 15, 17)) == []
    assert story.state.day.ends_ms == chicago(2025, 1, 15, 18)
    assert kinds(story.at(chicago(2025, 1, 15, 18))) == ["TradingDayStarted"]


def test_a_new_calendar_never_takes_a_day_back() -> None:
    story = Story(zone="Pacific/Kiritimati")
    day = story.state.day.date
    story.change_limits(zone="Pacific/Midway")
    for _ in range(4):
        story.after(12 * HOUR)
        assert story.state.day.date >= day
        day = story.state.day.date


def test_beyond_the_calendar_the_day_never_ends() -> None:
    story = Story()
    story.at(2**64 - 2)
    assert code(story.asks("ES")) == "allowed"
    assert story.state.day.ends_ms > story.ms
