"""A row is read exactly, or dropped and counted; columns are found by the names their users know."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from portfold.research.errors import ResearchError
from portfold.research.trades.trade_file import Rows, read_rows
from tests.research.made import CHICAGO, hour

TIMES = ("Date/Time", "Exit Date/Time")
ROW = ("2025-01-06 10:00:00", "2025-01-06 12:00:00")


def rows(header: tuple[str, ...], *lines: tuple[str, ...], zone: ZoneInfo = CHICAGO) -> Rows:
    return read_rows("ES", header, lines, zone)


def moment(text: str, zone: ZoneInfo = CHICAGO) -> int:
    """When a trade of no length took place, if the file says so."""
    [trade] = rows((*TIMES, "Model_PnL_USD"), (text, text, "1"), zone=zone).trades
    return trade.entry_ms


# --- P&L and selection ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "cells", "pnl"),
    [
        (("Model_PnL_USD", "pnl_usd_when_selected", "Model_PnL_USD_When_Selected"), ("1", "2", "3"), 3),
        (("Model_PnL_USD", "pnl_usd_when_selected"), ("1", "2"), 2),
        (("Model_PnL_USD", "pnl_usd"), ("1", "2"), 1),
    ],
)
def test_the_pnl_column_is_the_first_known_one(
    columns: tuple[str, ...], cells: tuple[str, ...], pnl: int
) -> None:
    [trade] = rows((*TIMES, *columns), (*ROW, *cells)).trades
    assert trade.pnl == pnl


@pytest.mark.parametrize(
    ("text", "dollars"),
    [
        ("12.344999", "12.34"),
        ("-0.125", "-0.12"),
        ("1e3", "1000.00"),
        ("-7", "-7.00"),
        ("$1,234.50", "1234.50"),
        ("($643.75)", "-643.75"),
        ("-$643.75", "-643.75"),
        ("1,234,567", "1234567.00"),
    ],
)
def test_pnl_is_taken_to_the_cent_from_its_digits(text: str, dollars: str) -> None:
    [trade] = rows((*TIMES, "Model_PnL_USD"), (*ROW, text)).trades
    assert str(trade.pnl) == dollars


@pytest.mark.parametrize("column", ["Model_Selected", "selected"])
def test_only_selected_rows_are_trades_where_the_column_exists(column: str) -> None:
    lines = [(*ROW, "5", cell) for cell in ("1", "1.0", "True", "0", "0.0", "", "2")]
    found = rows((*TIMES, "Model_PnL_USD", column), *lines)
    assert (len(found.trades), found.unselected) == (3, 4)


def test_model_selected_goes_before_selected() -> None:
    found = rows((*TIMES, "Model_PnL_USD", "selected", "Model_Selected"), (*ROW, "5", "1", "0"))
    assert (found.trades, found.unselected) == ([], 1)


# --- what is dropped ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (("", ROW[1], "5"), "no entry time"),
        ((ROW[0], "NaT", "5"), "no exit time"),
        (("soon", ROW[1], "5"), "unreadable entry time"),
        ((ROW[0], "2025-02-30 10:00:00", "5"), "unreadable exit time"),
        (("1969-12-31 10:00:00", ROW[1], "5"), "entry time before 1970"),
        ((ROW[1], ROW[0], "5"), "exit before entry"),
        ((*ROW, ""), "no P&L"),
        ((*ROW, "nan"), "no P&L"),
        ((*ROW, "-inf"), "no P&L"),
        ((*ROW, "1e30"), "P&L beyond all bounds"),
        ((ROW[0],), "no exit time"),
    ],
)
def test_a_row_that_cannot_be_used_is_dropped_and_why_is_counted(cells: tuple[str, ...], why: str) -> None:
    found = rows((*TIMES, "Model_PnL_USD"), cells, cells, (*ROW, "5"))
    assert (len(found.trades), found.rows, found.dropped) == (1, 3, {why: 2})


def test_empty_lines_are_no_rows() -> None:
    assert rows((*TIMES, "Model_PnL_USD"), (), ("", "", ""), (*ROW, "5")).rows == 1


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        (("Date/Time", "Model_PnL_USD"), "expected a column Exit Date/Time"),
        (TIMES, "expected one of the columns Model_PnL_USD_When_Selected"),
        ((), "expected a column Date/Time, got none"),
    ],
)
def test_a_file_without_a_needed_column_is_refused(header: tuple[str, ...], missing: str) -> None:
    with pytest.raises(ResearchError, match=missing):
        rows(header, ROW)


# --- times ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-06 10:00:00",
        "2025-01-06T10:00",
        "2025-1-6 10:00:00.000",
        "2025-01-06T16:00:00Z",
        "2025-01-06 16:00:00+00:00",
        "2025-01-06 11:00:00-0500",
    ],
)
def test_a_time_is_that_of_the_exchange_unless_it_says_otherwise(text: str) -> None:
    assert moment(text) == hour(0)


def test_an_hour_may_be_written_with_one_digit() -> None:
    assert moment("2025-01-06 9:00:00") == hour(-1)


def test_a_zone_that_is_asked_for_is_that_of_times_without_one() -> None:
    assert moment("2025-01-06 16:00:00", ZoneInfo("UTC")) == hour(0)


def test_of_an_hour_that_comes_twice_the_first_counts() -> None:
    assert moment("2025-11-02 01:30:00") == moment("2025-11-02 01:30:00-05:00")


def test_a_date_alone_is_its_first_moment() -> None:
    assert moment("2025-01-06") == hour(-10)


@pytest.mark.parametrize(
    "text",
    ["1/6/2025 10:00", "01/06/2025 10:00:00 AM", "2025-01-06 10:00:00 AM", "1/6/2025 4:00:00 PM+00:00"],
)
def test_a_time_as_a_spreadsheet_writes_it_is_read(text: str) -> None:
    assert moment(text) == hour(0)


@pytest.mark.parametrize(("text", "hours"), [("1/6/2025 12:00 PM", 2), ("1/6/2025 12:30 am", -9.5)])
def test_twelve_is_noon_or_midnight(text: str, hours: float) -> None:
    assert moment(text) == hour(hours)


def test_a_date_that_is_day_first_refuses_the_file_with_its_line() -> None:
    lines = (("5/1/2025 10:00", "5/1/2025 12:00", "5"), ("31/1/2025 10:00", "31/1/2025 12:00", "5"))
    with pytest.raises(ResearchError, match=r"line 3: entry time: expected .* got '31/1/2025 10:00'"):
        rows((*TIMES, "Model_PnL_USD"), *lines)


@pytest.mark.parametrize(
    ("cells", "why", "sample"),
    [
        (("1/6/25 10:00", ROW[1], "5"), "unreadable entry time", "line 3: '1/6/25 10:00', expected a form"),
        (("2025-01-06 13:00 PM", ROW[1], "5"), "unreadable entry time", "line 3: '2025-01-06 13:00 PM'"),
        ((*ROW, "1.234,50"), "unreadable P&L", "line 3: '1.234,50', expected dollars such as"),
        ((*ROW, "12,34"), "unreadable P&L", "line 3: '12,34'"),
        ((*ROW, "(-5)"), "unreadable P&L", "line 3: '(-5)'"),
    ],
)
def test_what_cannot_be_read_is_shown_with_its_line(cells: tuple[str, ...], why: str, sample: str) -> None:
    found = rows((*TIMES, "Model_PnL_USD"), (*ROW, "5"), cells, cells)
    assert found.dropped == {why: 2}
    assert found.samples[why].startswith(sample)


# --- prices, side, size ---------------------------------------------------------------------------------


def test_prices_side_and_size_are_read_where_they_are() -> None:
    header = (*TIMES, "Model_PnL_USD", "Entry_Price", "Exit_Price", "Side", "Size")
    [trade] = rows(header, (*ROW, "5", "-37.63", "1.30000000001", "Short", "2")).trades
    assert (trade.entry_price, trade.exit_price) == (Decimal("-37.63"), Decimal("1.3"))
    assert (trade.side, trade.size) == ("short", 2)


def test_a_price_that_is_none_counts_as_not_given() -> None:
    header = (*TIMES, "Model_PnL_USD", "Entry_Price", "Exit_Price")
    [trade] = rows(header, (*ROW, "5", "", "n/a")).trades
    assert (trade.entry_price, trade.exit_price) == (None, None)


@pytest.mark.parametrize(("side", "size"), [("flat", "1"), ("long", "0"), ("long", "1.5"), ("long", "10001")])
def test_a_side_or_size_that_is_none_drops_the_row(side: str, size: str) -> None:
    assert rows((*TIMES, "Model_PnL_USD", "Side", "Size"), (*ROW, "5", side, size)).trades == []


PLANNED = (*TIMES, "Model_PnL_USD", "Entry_Price", "Side", "Stop_Price", "Risk")


def test_a_stop_or_a_risk_is_read_where_it_is() -> None:
    stop, risk, upwards, none = (
        rows(PLANNED, (*ROW, "5", "5000", "long", *plan)).trades[0]
        for plan in (("4990.25", ""), ("", "$1,250.00"), ("", "0.001"), ("", ""))
    )
    assert (stop.stop_price, stop.risk) == (Decimal("4990.25"), None)
    assert (risk.stop_price, risk.risk, upwards.risk) == (None, Decimal("1250.00"), Decimal("0.01"))
    assert (none.stop_price, none.risk) == (None, None)


@pytest.mark.parametrize(
    ("cells", "why", "sample"),
    [
        (("5000", "long", "5000.25", ""), "Stop_Price on the wrong side", "'5000.25', expected one below"),
        (("5000", "short", "4999", ""), "Stop_Price on the wrong side", "one above Entry_Price, 5000"),
        (("5000", "", "5000", ""), "Stop_Price on the wrong side", "below or above Entry_Price"),
        (("", "long", "4990", ""), "Stop_Price without Entry_Price", "expected an Entry_Price beside it"),
        (("5000", "long", "4990", "500"), "both Stop_Price and Risk", "Risk or Stop_Price, not both"),
        (("5000", "long", "soon", ""), "unreadable Stop_Price", "'soon', expected a price such as 4990.25"),
        (("5000", "long", "", "0"), "unreadable Risk", "'0', expected more than 0 dollars"),
    ],
)
def test_a_plan_that_no_worker_could_name_drops_the_row_and_names_the_column(
    cells: tuple[str, ...], why: str, sample: str
) -> None:
    read = rows(PLANNED, (*ROW, "5", *cells))
    assert read.dropped == {why: 1}
    assert sample in read.samples[why]
