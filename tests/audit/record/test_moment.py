"""Moments as people name them, and where in the log they lie."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.coordinator.audit.record.moment import Exchange, MomentError, read_moment
from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.events.stream_id import StreamId

CHICAGO = Exchange("America/Chicago", "17:00")
MORNING = Exchange("Europe/London", "08:00")
TODAY = date(2025, 1, 15)
ANY = 2**64 - 1
AT_1430 = 1_736_973_000_000  # 2025-01-15 14:30 in Chicago, 20:30 UTC


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2025-01-15T14:30", AT_1430),
        ("2025-01-15 14:30:00", AT_1430),
        ("2025-01-15T14:30:00.250", AT_1430 + 250),
        ("2025-01-15T14:30:00.250999", AT_1430 + 250),
        ("2025-01-15T20:30Z", AT_1430),
        ("2025-01-15T20:30:00+00:00", AT_1430),
        ("2025-01-15T14:30-0600", AT_1430),
        ("14:30", AT_1430),
        ("14:30:01.5", AT_1430 + 1_500),
        ("2025-07-15T14:30", 1_752_607_800_000),
        ("1969-12-31T00:00", 0),
    ],
)
def test_a_time_without_a_zone_is_the_exchanges(text: str, ms: int) -> None:
    moment = read_moment(text)
    assert moment.first(CHICAGO, TODAY) == StreamId(ms, 0)
    assert moment.last(CHICAGO, TODAY) == StreamId(ms, ANY)


def test_a_date_is_a_trading_day_and_mondays_begins_on_friday() -> None:
    wednesday = read_moment("2025-01-15")
    assert wednesday.first(CHICAGO, TODAY) == read_moment("2025-01-14T17:00").first(CHICAGO, TODAY)
    assert wednesday.last(CHICAGO, TODAY) == StreamId(CHICAGO.day_ends_ms(TODAY) - 1, ANY)
    monday = read_moment("2025-01-20")
    assert monday.first(CHICAGO, TODAY) == read_moment("2025-01-17T17:00").first(CHICAGO, TODAY)


def test_a_roll_before_noon_names_the_day_it_begins_on() -> None:
    friday, monday = read_moment("2025-01-17"), read_moment("2025-01-20")
    assert friday.first(MORNING, TODAY) == read_moment("2025-01-17T08:00").first(MORNING, TODAY)
    assert friday.last(MORNING, TODAY).ms + 1 == monday.first(MORNING, TODAY).ms


@given(
    st.dates(date(1990, 1, 1), date(2100, 1, 1)).filter(lambda day: day.weekday() < 5),
    st.sampled_from(["America/Chicago", "Europe/London", "Asia/Tokyo", "America/Sao_Paulo", "UTC"]),
    st.sampled_from(["17:00", "12:00", "23:59", "00:00", "08:30", "11:59"]),
)
def test_begin_and_end_are_the_trading_days_own(day: date, zone: str, roll: str) -> None:
    exchange = Exchange(zone, roll)
    begins, ends = exchange.day_begins_ms(day), exchange.day_ends_ms(day)
    for ms, expected in ((begins, True), (ends - 1, True), (begins - 1, False), (ends, False)):
        assert (trading_day_at(ms, zone, roll).date == day.isoformat()) == expected


def test_an_event_is_itself() -> None:
    moment = read_moment("1736973000000-3")
    assert moment.first(CHICAGO, TODAY) == moment.last(CHICAGO, TODAY) == StreamId(AT_1430, 3)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025-01-17", date(2025, 1, 17)),
        ("14:30", TODAY),
        ("2025-01-10T23:30", date(2025, 1, 10)),
        ("2025-01-10T03:30Z", date(2025, 1, 9)),
        ("1736973000000-3", TODAY),
    ],
)
def test_a_moment_lies_on_a_date_of_the_exchanges(text: str, day: date) -> None:
    assert read_moment(text).lies_on(CHICAGO, TODAY) == day


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "2025", "2025-01", "2025-1-5", "20250115", "2025-W03-3", "14", "1430", "24:00",
        "14:60", "2025-01-15T", "2025-13-01", "2025-02-30", "2025-01-15T14", "2025-01-15T14:30 Chicago",
        "2025-01-15T14:30+99:00", "007-0", "5-007", "5-99999999999999999999", "14:30\n",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(MomentError, match="expected a time such as") as caught:
        read_moment(text)
    assert f"got {text[:60]!r}" in str(caught.value)


def test_a_weekend_is_no_trading_day() -> None:
    with pytest.raises(MomentError, match=r"2025-01-18 is a Saturday.*belongs to Monday 2025-01-20"):
        read_moment("2025-01-18")
    with pytest.raises(MomentError, match=r"2025-01-19 is a Sunday.*belongs to Monday 2025-01-20"):
        read_moment("2025-01-19")
    assert read_moment("2025-01-19T18:00").lies_on(CHICAGO, TODAY) == date(2025, 1, 19)
