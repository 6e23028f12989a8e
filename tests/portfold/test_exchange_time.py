"""Any millisecond of the log is a moment on every clock, and any time that passed can be told."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.exchange_time import LAST_MS, clock, local_time, milliseconds_of, span, utc, utc_clock

CHICAGO, KIRITIMATI, UTC_ZONE = ZoneInfo("America/Chicago"), ZoneInfo("Pacific/Kiritimati"), ZoneInfo("UTC")
MORNING = datetime(2025, 1, 15, 14, 30, 0, 7_000, UTC)

any_ms = st.integers(0, 2**64 - 1) | st.integers(LAST_MS - 10**8, LAST_MS + 10**8)
zones = st.sampled_from([CHICAGO, KIRITIMATI, UTC_ZONE])


def test_a_moment_is_the_same_on_every_clock() -> None:
    ms = milliseconds_of(MORNING)
    assert utc(ms) == local_time(ms, CHICAGO) == local_time(ms, KIRITIMATI) == MORNING
    assert local_time(ms, CHICAGO).hour == 8


@given(st.integers(0, LAST_MS))
def test_it_is_exact_within_the_calendar(ms: int) -> None:
    assert milliseconds_of(utc(ms)) == ms


@given(any_ms, any_ms, zones)
def test_no_millisecond_is_beyond_a_clock_and_none_goes_back(one: int, other: int, zone: ZoneInfo) -> None:
    earlier, later = (local_time(ms, zone) for ms in sorted((one, other)))
    assert earlier <= later
    assert later.utcoffset() is not None


@given(st.integers(LAST_MS + 1, 2**64), zones)
def test_beyond_the_calendar_is_its_end(ms: int, zone: ZoneInfo) -> None:
    assert utc(ms) == utc(LAST_MS) == datetime.max.replace(microsecond=999_000, tzinfo=UTC)
    assert local_time(ms, zone) == local_time(LAST_MS, zone)
    assert clock(ms, zone) == utc_clock(ms) == "the end of time"


def test_what_is_written_of_a_moment() -> None:
    ms = milliseconds_of(MORNING)
    assert clock(ms, CHICAGO) == "Wed 15 Jan 08:30:00"
    assert utc_clock(ms) == "2025-01-15 14:30:00 UTC"
    assert utc_clock(LAST_MS) == "9999-12-31 23:59:59 UTC"


@pytest.mark.parametrize("zone", [CHICAGO, KIRITIMATI])
def test_a_millisecond_is_that_in_which_the_moment_lies(zone: ZoneInfo) -> None:
    within = MORNING + timedelta(microseconds=999)
    assert milliseconds_of(within.astimezone(zone)) == milliseconds_of(MORNING)


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1.0 s"),
        (9_999, "10.0 s"),
        (10_000, "10 s"),
        (59_999, "59 s"),
        (60_000, "1 m 00 s"),
        (3_599_999, "59 m 59 s"),
        (3_600_000, "1 h 00 m"),
        (86_399_999, "23 h 59 m"),
        (86_400_000, "1 d 00 h"),
        (2**64, "213503982334 d 14 h"),
    ],
)
def test_how_long(ms: int, said: str) -> None:
    assert span(ms) == said
