"""A folder of bars: both forms, clocks that change, and what is said of a line that is wrong."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.csv_folder import BarsError, CsvFolder
from portfold.workers.feeds.encoding import no_utf8_from
from portfold.workers.feeds.steps import steps

NEW_YORK = ZoneInfo("America/New_York")
DAILY = "date,open,high,low,close"
HOURLY = "time,open,high,low,close"
OHLC = "100.5,101,99.25,100"


def write(folder: Path, symbol: str, *lines: str) -> Path:
    (folder / f"{symbol}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def ends(folder: Path, zone: ZoneInfo = NEW_YORK) -> list[datetime]:
    return [bar.time for bar in CsvFolder(folder, zones={"ES": zone}).bars("ES")]


def refusal(folder: Path) -> str:
    """What is said of ES.csv, after the path."""
    with pytest.raises(BarsError) as error:
        list(CsvFolder(folder, zones={"ES": NEW_YORK}).bars("ES"))
    return str(error.value).removeprefix(f"{folder / 'ES.csv'}, ")


def test_a_daily_bar_ends_at_15_oclock_chicago_of_its_date_summer_and_winter(tmp_path: Path) -> None:
    write(tmp_path, "ES", DAILY, f"2015-01-02,{OHLC}", f"2015-07-01,{OHLC}")
    assert ends(tmp_path) == [datetime(2015, 1, 2, 21, tzinfo=UTC), datetime(2015, 7, 1, 20, tzinfo=UTC)]


def test_an_hourly_bar_ends_an_hour_after_its_start_on_the_clock_of_its_zone(tmp_path: Path) -> None:
    write(tmp_path, "ES", HOURLY, f"2012-01-03T09:00,{OHLC}", f"2012-07-03T09:30,{OHLC}")
    assert ends(tmp_path) == [datetime(2012, 1, 3, 15, tzinfo=UTC), datetime(2012, 7, 3, 14, 30, tzinfo=UTC)]


def test_a_symbol_without_a_zone_is_read_in_utc(tmp_path: Path) -> None:
    write(tmp_path, "6E", HOURLY, f"2012-01-01T22:00,{OHLC}")
    assert [bar.time for bar in CsvFolder(tmp_path).bars("6E")] == [datetime(2012, 1, 1, 23, tzinfo=UTC)]


def test_prices_are_exactly_those_of_the_text_negative_ones_too(tmp_path: Path) -> None:
    write(tmp_path, "CL", DAILY, "2020-04-20,17.73,17.850,-40.32,-37.63")
    (bar,) = CsvFolder(tmp_path).bars("CL")
    assert [str(price) for price in (bar.open, bar.high, bar.low, bar.close)] == [
        "17.73",
        "17.850",
        "-40.32",
        "-37.63",
    ]


def test_the_folder_tells_its_symbols_and_the_form_of_each(tmp_path: Path) -> None:
    write(tmp_path, "ES", DAILY)
    write(tmp_path, "6E", HOURLY)
    (tmp_path / "notes.csv").write_text("not bars")
    (tmp_path / "README.md").write_text("not bars")
    feed = CsvFolder(tmp_path)
    assert feed.symbols == ("6E", "ES")
    assert (feed.form("ES"), feed.form("6E")) == ("daily", "hourly")
    assert list(feed.bars("ES")) == []


def test_line_ends_byte_order_marks_and_empty_lines_of_other_systems_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "ES.csv").write_bytes(f"\ufeff{DAILY}\r\n2015-01-02,{OHLC}\r\n\r\n".encode())
    assert len(ends(tmp_path)) == 1


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (None, None, [2, 5, 6]),
        (date(2015, 1, 5), None, [5, 6]),
        (None, date(2015, 1, 5), [2, 5]),
        (date(2015, 1, 3), date(2015, 1, 4), []),
        (date(2015, 1, 5), date(2015, 1, 5), [5]),
    ],
)
def test_bars_are_given_from_the_first_to_the_last_date_both_included(
    tmp_path: Path, first: date | None, last: date | None, days: list[int]
) -> None:
    write(tmp_path, "ES", DAILY, *(f"2015-01-0{day},{OHLC}" for day in (2, 5, 6)))
    feed = CsvFolder(tmp_path, first=first, last=last)
    assert [bar.time.day for bar in feed.bars("ES")] == days


def test_bars_before_a_bad_line_are_given_before_it_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "ES", DAILY, f"2015-01-02,{OHLC}", "nonsense")
    bars = CsvFolder(tmp_path).bars("ES")
    assert next(bars).close == 100
    with pytest.raises(BarsError, match="line 3"):
        next(bars)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("2015-01-02,1,1,1", "line 2: expected 5 columns, got 4"),
        ("2015-01-02,1,1,1,1,1", "line 2: expected 5 columns, got 6"),
        (f"2015-1-2,{OHLC}", "line 2, column date: expected a date such as 2015-01-02, got '2015-1-2'"),
        (f"20150102,{OHLC}", "line 2, column date: expected a date such as 2015-01-02, got '20150102'"),
        (f"2015-02-29,{OHLC}", "line 2, column date: expected a date such as 2015-01-02, got '2015-02-29'"),
        ("2015-01-02,,1,1,1", "line 2, column open: expected a plain number such as 4500.25, got ''"),
        ("2015-01-02,1,nan,1,1", "line 2, column high: expected a plain number such as 4500.25, got 'nan'"),
        ("2015-01-02,1,1,1e0,1", "line 2, column low: expected a plain number such as 4500.25, got '1e0'"),
        ("2015-01-02,1,1,1,1_0", "line 2, column close: expected a plain number such as 4500.25, got '1_0'"),
        ("2015-01-02,1,1,1, 1", "line 2, column close: expected a plain number such as 4500.25, got ' 1'"),
        ("2015-01-02,1,1,2,1", "line 2, column low: expected no more than the high 1, got 2"),
        ("2015-01-02,3,2,1,1", "line 2, column open: expected a price from the low 1 to the high 2, got 3"),
        ("2015-01-02,1,2,1,0", "line 2, column close: expected a price from the low 1 to the high 2, got 0"),
        ("2015-01-02,1,2,1,1" + "0" * 300, "line 2, column close: expected a plain number such as 4500.25"),
    ],
)
def test_a_bad_daily_line_is_refused_with_its_place_and_what_was_expected(
    tmp_path: Path, line: str, problem: str
) -> None:
    assert refusal(write(tmp_path, "ES", DAILY, line)).startswith(problem)


@pytest.mark.parametrize("text", ["2012-01-03", "2012-01-03 09:00", "2012-01-03T24:00", "2012-01-03T09:00Z"])
def test_a_bad_hourly_time_is_refused(tmp_path: Path, text: str) -> None:
    expected = f"line 2, column time: expected a time such as 2012-01-03T09:00, got '{text}'"
    assert refusal(write(tmp_path, "ES", HOURLY, f"{text},{OHLC}")) == expected


def test_a_time_at_the_end_of_the_calendar_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "ES", HOURLY, f"9999-12-31T23:00,{OHLC}")
    assert (
        refusal(tmp_path)
        == "line 2, column time: expected a time within the calendar, got '9999-12-31T23:00'"
    )


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        ("2015-01-05", "line 3, column date: expected each time once, got 2015-01-05 again"),
        ("2015-01-02", "line 3, column date: expected times to increase, got 2015-01-02 after 2015-01-05"),
    ],
)
def test_days_that_repeat_or_go_back_are_refused(tmp_path: Path, second: str, problem: str) -> None:
    assert refusal(write(tmp_path, "ES", DAILY, f"2015-01-05,{OHLC}", f"{second},{OHLC}")) == problem


def test_hours_that_repeat_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "ES", HOURLY, f"2012-01-03T09:00,{OHLC}", f"2012-01-03T09:00,{OHLC}")
    assert refusal(tmp_path) == "line 3, column time: expected each time once, got 2012-01-03T09:00 again"


def test_where_clocks_go_back_the_hour_that_comes_twice_is_read_twice(tmp_path: Path) -> None:
    hours = ("00:00", "01:00", "01:00", "02:00")
    write(tmp_path, "ES", HOURLY, *(f"2012-11-04T{hour},{OHLC}" for hour in hours))
    assert [end.hour for end in ends(tmp_path)] == [5, 6, 7, 8]


def test_where_clocks_go_back_an_hour_written_once_is_the_earlier_one(tmp_path: Path) -> None:
    write(tmp_path, "ES", HOURLY, f"2012-11-04T01:00,{OHLC}", f"2012-11-04T02:00,{OHLC}")
    assert [end.hour for end in ends(tmp_path)] == [6, 8]


def test_where_clocks_go_back_the_hour_does_not_come_three_times(tmp_path: Path) -> None:
    write(tmp_path, "ES", HOURLY, *[f"2012-11-04T01:00,{OHLC}"] * 3)
    assert refusal(tmp_path) == "line 4, column time: expected each time once, got 2012-11-04T01:00 again"


def test_where_clocks_go_forward_the_hour_they_skip_is_refused_and_its_neighbours_adjoin(
    tmp_path: Path,
) -> None:
    write(tmp_path, "ES", HOURLY, f"2012-03-11T01:00,{OHLC}", f"2012-03-11T03:00,{OHLC}")
    assert [end.hour for end in ends(tmp_path)] == [7, 8]
    write(tmp_path, "ES", HOURLY, f"2012-03-11T02:00,{OHLC}")
    assert refusal(tmp_path) == (
        "line 2, column time: expected a time that was on the clock in America/New_York, "
        "got 2012-03-11T02:00, which it skipped"
    )


@given(st.integers(0, 50 * 365 * 24), st.integers(1, 30 * 24))
def test_consecutive_hours_written_on_a_clock_are_read_as_consecutive(
    tmp_path_factory: pytest.TempPathFactory, begin: int, length: int
) -> None:
    first = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(hours=begin)
    # Begun in the second pass of an hour that comes twice, a file does not show that it is the second.
    assume(first.astimezone(NEW_YORK).fold == 0)
    starts = [first + timedelta(hours=hour) for hour in range(length)]
    folder = tmp_path_factory.mktemp("bars")
    write(folder, "ES", HOURLY, *(f"{each.astimezone(NEW_YORK):%Y-%m-%dT%H:%M},{OHLC}" for each in starts))
    assert ends(folder) == [each + timedelta(hours=1) for each in starts]


@pytest.mark.parametrize("header", ["", "date,open,high,low,close,volume", "2015-01-02,1,1,1,1"])
def test_another_header_is_refused_before_any_bar_is_asked_for(tmp_path: Path, header: str) -> None:
    feed = CsvFolder(write(tmp_path, "ES", header))
    with pytest.raises(BarsError, match=f"line 1: expected the header {DAILY} or {HOURLY}, got '{header}'"):
        feed.bars("ES")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ES.csv").write_bytes(f"{DAILY}\n2015-01-02,\xff".encode("latin-1"))
    assert refusal(tmp_path).startswith("line 2: expected text in UTF-8, got other bytes")
    days = "".join(f"2015-01-02,{OHLC}\n" for _ in range(9000))
    (tmp_path / "ES.csv").write_bytes(f"{DAILY}\n{days}2015-01-02,\xe9".encode("latin-1"))
    assert no_utf8_from(tmp_path / "ES.csv") == 9002
    assert no_utf8_from(write(tmp_path, "CL", "é" * 70_000) / "CL.csv") is None


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ES.csv").mkdir()
    with pytest.raises(BarsError, match=r"ES\.csv could not be opened: Is a directory"):
        CsvFolder(tmp_path).bars("ES")


def test_a_symbol_without_a_file_is_refused_and_those_with_one_are_named(tmp_path: Path) -> None:
    write(write(tmp_path, "ES", DAILY), "CL", DAILY)
    with pytest.raises(BarsError, match=r"has a file for \(CL, ES\), got '6A'"):
        CsvFolder(tmp_path).bars("6A")


def test_a_folder_without_bars_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BarsError, match=r"expected files such as ES\.csv"):
        CsvFolder(tmp_path)
    with pytest.raises(BarsError, match="is not a folder"):
        CsvFolder(tmp_path / "missing")


def test_a_last_date_before_the_first_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BarsError, match="expected a last date from 2020-01-02 on, got 2020-01-01"):
        CsvFolder(write(tmp_path, "ES", DAILY), first=date(2020, 1, 2), last=date(2020, 1, 1))


def test_daily_and_hourly_symbols_step_together(tmp_path: Path) -> None:
    write(tmp_path, "ES", DAILY, f"2015-01-02,{OHLC}")
    write(tmp_path, "6E", HOURLY, f"2015-01-02T19:00,{OHLC}", f"2015-01-02T20:00,{OHLC}")
    prices = tuple(Decimal(text) for text in OHLC.split(","))
    assert [list(bars) for _, bars in steps(CsvFolder(tmp_path))] == [["6E"], ["6E", "ES"]]
    assert list(CsvFolder(tmp_path).bars("ES")) == [Bar("ES", datetime(2015, 1, 2, 21, tzinfo=UTC), *prices)]


def test_bars_nearer_together_than_an_hour_are_no_hourly_bars(tmp_path: Path) -> None:
    write(tmp_path, "ES", HOURLY, f"2025-01-06T00:00,{OHLC}", f"2025-01-06T00:15,{OHLC}")
    assert refusal(tmp_path) == (
        "line 3, column time: expected hourly bars, an hour apart or more, "
        "got 2025-01-06T00:15 after 2025-01-06T00:00"
    )


def test_a_date_on_a_weekend_is_no_trading_days(tmp_path: Path) -> None:
    write(tmp_path, "ES", DAILY, f"2025-01-03,{OHLC}", f"2025-01-05,{OHLC}")
    assert refusal(tmp_path) == (
        "line 3, column date: expected a trading day's date, Monday to Friday, got 2025-01-05, a Sunday"
    )


def test_the_case_of_a_files_name_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "es.CSV").write_text(f"{DAILY}\n2025-01-06,{OHLC}\n")
    feed = CsvFolder(tmp_path)
    assert feed.symbols == ("ES",)
    assert [bar.symbol for bar in feed.bars("ES")] == ["ES"]


@pytest.mark.parametrize(
    "first", ["Date,Open,High,Low,Close,Volume", "<DATE>;<OPEN>;<HIGH>", "2025-01-06,1,2,1,2"]
)
def test_bars_under_another_header_are_refused_whatever_the_case_of_the_files_name(
    tmp_path: Path, first: str
) -> None:
    write(tmp_path, "ES", DAILY, f"2025-01-06,{OHLC}")
    write(tmp_path, "cl", first)
    write(tmp_path, "notes", "closed on Friday, 1, 2")
    (tmp_path / "gc.csv").write_text(f"{DAILY}\n", encoding="utf-16")
    feed = CsvFolder(tmp_path)
    assert feed.symbols == ("CL", "ES", "GC")
    with pytest.raises(BarsError, match=r"gc\.csv, line 1: expected text in UTF-8"):
        feed.bars("GC")
    with pytest.raises(BarsError, match=r"cl\.csv, line 1: expected the header"):
        feed.bars("CL")


@pytest.mark.parametrize("hour", ["00:00", "17:00"])
def test_daily_bars_written_as_hours_are_refused_before_any_is_read(tmp_path: Path, hour: str) -> None:
    days = [f"2025-01-{day:02}T{hour},{OHLC}" for day in (2, 3, 6, 7)]
    feed = CsvFolder(write(tmp_path, "ES", HOURLY, *days))
    with pytest.raises(
        BarsError, match=f"line 3, column time: expected hourly bars, got one a day, each at {hour}: "
    ):
        feed.bars("ES")
    write(tmp_path, "ES", HOURLY, *days[:2], f"2025-01-03T18:30,{OHLC}")
    assert len(ends(tmp_path)) == 3


def test_two_files_of_one_symbol_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "ES", DAILY)
    try:
        (tmp_path / "es.csv").open("x").close()
    except FileExistsError:
        pytest.skip("this file system knows no case")
    write(tmp_path, "es", DAILY)
    with pytest.raises(BarsError, match=r"expected one file of ES in .*, got ES\.csv and es\.csv"):
        CsvFolder(tmp_path)
