"""A bar holds prices that can be, and the moment they were all known."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from portfold.workers.feeds.bar import Bar, BarError

NOON = datetime(2025, 1, 6, 12, tzinfo=UTC)


def bar(
    open_: str = "2",
    high: str = "4",
    low: str = "1",
    close: str = "3",
    time: datetime = NOON,
    symbol: str = "ES",
) -> Bar:
    return Bar(symbol, time, Decimal(open_), Decimal(high), Decimal(low), Decimal(close))


def test_open_and_close_may_lie_on_the_low_and_on_the_high() -> None:
    assert bar(open_="1", close="4").close == 4
    assert bar(open_="4", close="1").close == 1


def test_a_flat_bar_is_a_bar() -> None:
    assert bar("2", "2", "2", "2").high == 2


def test_prices_may_be_zero_and_negative() -> None:
    assert bar("17.73", "17.85", "-40.32", "-37.63").low < 0
    assert bar("0", "0", "0", "0").close == 0


@pytest.mark.parametrize(
    ("prices", "field"),
    [
        (("2", "1", "3", "2"), "low"),
        (("0.9", "4", "1", "3"), "open"),
        (("4.1", "4", "1", "3"), "open"),
        (("2", "4", "1", "0.9"), "close"),
        (("2", "4", "1", "4.1"), "close"),
        (("NaN", "4", "1", "3"), "open"),
        (("2", "Infinity", "1", "3"), "high"),
        (("2", "4", "-Infinity", "3"), "low"),
        (("2", "4", "1", "sNaN"), "close"),
    ],
)
def test_prices_that_cannot_be_are_refused_by_name(prices: tuple[str, str, str, str], field: str) -> None:
    with pytest.raises(BarError) as refusal:
        bar(*prices)
    assert refusal.value.field == field


def test_a_binary_float_is_no_price() -> None:
    with pytest.raises(BarError, match=r"expected a finite Decimal price, got 3\.0"):
        Bar("ES", NOON, Decimal(2), Decimal(4), Decimal(1), 3.0)  # type: ignore[arg-type] # the mistake meant


@pytest.mark.parametrize("zone", [None, timezone(timedelta(hours=1))])
def test_a_time_that_is_not_utc_is_refused(zone: timezone | None) -> None:
    with pytest.raises(BarError, match="expected an aware time in UTC"):
        bar(time=NOON.replace(tzinfo=zone))


def test_a_bar_of_no_symbol_is_refused() -> None:
    with pytest.raises(BarError, match="expected a symbol"):
        bar(symbol="")
