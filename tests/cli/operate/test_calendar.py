"""Sessions of CME by the library and as the exchange published them, and windows around news from a file."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from portfold.cli.exits import Unusable
from portfold.cli.operate.calendar.exchange_sessions import corrected, sessions_from_library
from portfold.cli.operate.calendar.news_file import COLUMNS, news_windows
from portfold.coordinator.fold.limits import limits_of
from portfold.events.calendar import Session, dated_of
from portfold.exchange_time import local_time
from tests.coordinator.story import chicago, limits

CHICAGO = ZoneInfo("America/Chicago")
LIMITS = limits_of(limits(groups="metals=SI,PL"))
EARLY = {
    # forexlive.com, 28 Nov 2024, of CME's hours: Thanksgiving halts at noon.
    "2024-11-28": "12:00",
    # DTN's holiday schedule of July 2024: equities 12:15 on the 3rd, a halt at noon on the 4th.
    "2024-07-03": "12:15",
    "2024-07-04": "12:00",
    # forexlive.com, 19 Jan 2025, of CME's hours for Martin Luther King's day.
    "2025-01-20": "12:00",
    # CME's hours of 2026 as docs.trade.xyz lists them, in New York: an hour earlier in Chicago.
    "2026-01-19": "12:00",
    "2026-02-16": "12:00",
    "2026-04-03": "08:15",
    "2026-05-25": "12:00",
    "2026-06-19": "12:00",
    "2026-07-03": "12:00",
    "2026-09-07": "12:00",
    "2026-11-26": "12:00",
    "2026-11-27": "12:15",
    "2026-12-24": "12:15",
    # The day before Thanksgiving, and the Fridays before and Mondays after a change of clocks, are as ever.
    "2024-11-27": "16:00",
    "2025-11-26": "16:00",
    "2026-11-25": "16:00",
    "2026-03-06": "16:00",
    "2026-03-09": "16:00",
    "2025-10-31": "16:00",
    "2025-11-03": "16:00",
}
CLOSED = ("2024-12-25", "2025-12-25", "2026-01-01", "2026-12-25")


def test_three_years_of_the_library_are_as_was_published() -> None:
    found, _ = sessions_from_library("CME Globex Equity", date(2024, 1, 1), date(2026, 12, 31))
    closes = {one.date: f"{local_time(one.closes_ms, CHICAGO):%H:%M}" for one in found}
    assert {day: closes.get(day) for day in EARLY} == EARLY
    assert [day for day in CLOSED if day in closes] == []
    assert {f"{local_time(one.opens_ms, CHICAGO):%H:%M}" for one in found} == {"17:00"}


def a_day() -> tuple[Session, ...]:
    return (Session("2025-01-09", chicago(2025, 1, 8, 17), chicago(2025, 1, 9, 16)),)


def test_a_person_corrects_what_the_library_does_not_know() -> None:
    # CME's announcement of 30 December 2024: equities until 08:30 on the day of mourning.
    [one] = corrected(a_day(), "2025-01-09=08:30", CHICAGO)
    assert one.closes_ms == chicago(2025, 1, 9, 8, 30)
    assert corrected(a_day(), "2025-01-09=closed", CHICAGO) == ()


@pytest.mark.parametrize(
    ("correction", "expected"),
    [("2025-01-10=closed", "a day that has a session"), ("2025-01-09=8h", "a time as 08:30, or closed")],
)
def test_a_correction_that_cannot_be_is_refused(correction: str, expected: str) -> None:
    with pytest.raises(Unusable, match=expected):
        corrected(a_day(), correction, CHICAGO)


def written(folder: Path, *rows: str) -> Path:
    path = folder / "news.csv"
    path.write_text("\n".join([",".join(COLUMNS), *rows]))
    return path


def test_a_row_of_news_is_a_window_in_exchange_time(tmp_path: Path) -> None:
    path = written(tmp_path, "2026-12-10,07:30,CPI,5,10,deny,ES RTY")
    [one] = dated_of(news_windows(path, LIMITS))
    assert (one.opens_ms, one.closes_ms) == (chicago(2026, 12, 10, 7, 25), chicago(2026, 12, 10, 7, 40))
    assert (one.action, one.symbols, one.name) == ("deny", ("ES", "RTY"), "CPI")


def test_symbols_of_a_row_may_be_closed_and_a_group_is_what_it_has(tmp_path: Path) -> None:
    path = written(tmp_path, "2026-12-10,07:30,CPI,5,10,flatten,ES metals")
    [one] = dated_of(news_windows(path, LIMITS))
    assert (one.action, one.symbols) == ("flatten", ("ES", "SI", "PL"))


def test_every_row_that_is_wrong_is_named(tmp_path: Path) -> None:
    rows = (
        "2026-12-10,7h30,CPI,5,10,deny,",
        "2026-12-10,07:30,CPI,5,10,sell,",
        "2026-12-10,07:30,CPI,0,9,flatten,",
        "2026-12-10,07:30,CPI,1,9,deny,energy",
    )
    with pytest.raises(Unusable) as refused:
        news_windows(written(tmp_path, *rows), LIMITS)
    assert [f"line {number}:" in str(refused.value) for number in (2, 3, 4, 5)] == [True] * 4


@pytest.mark.parametrize("row", ["2026-03-08,02:30,X,1,1,deny,", "2026-11-01,01:30,X,1,1,deny,"])
def test_a_time_that_the_clocks_skip_or_show_twice_is_refused(tmp_path: Path, row: str) -> None:
    with pytest.raises(Unusable, match="is no one moment"):
        news_windows(written(tmp_path, row), LIMITS)
