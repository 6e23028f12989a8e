"""Longer bars out of shorter ones: there when they are over and no earlier, and nothing in two of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.config.runtime import TradingDayRoll
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.longer import DAY, Longer

CHICAGO = TradingDayRoll("America/Chicago", "17:00")
NINE = datetime(2025, 1, 15, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def bar(ends_in: int, price: int = 100) -> Bar:
    """A bar of some minutes that ends so many minutes after 09:00 in Chicago."""
    at = Decimal(price)
    return Bar("ES", NINE + ends_in * MINUTE, at, at + 1, at - 1, at)


def told(longer: Longer, *bars: Bar) -> list[tuple[int, Bar]]:
    """For each bar that brought one, when it ended, and what it brought."""
    return [(int((one.time - NINE) / MINUTE), whole) for one in bars for whole in longer.add(one)]


def test_an_hour_is_over_with_the_bar_that_ends_it_and_has_all_of_it() -> None:
    quarters = [bar(15, 100), bar(30, 107), bar(45, 98), bar(60, 103), bar(75, 110)]
    [(when, hour)] = told(Longer(60, CHICAGO), *quarters)
    assert when == 60
    prices = [hour.open, hour.high, hour.low, hour.close]
    assert (hour.time, prices) == (NINE + 60 * MINUTE, [Decimal(n) for n in (100, 108, 97, 103)])


def test_one_whose_end_nobody_traded_is_over_with_the_next_bar() -> None:
    assert [when for when, _ in told(Longer(60, CHICAGO), bar(45), bar(75))] == [75]
    assert [when for when, _ in told(Longer(60, CHICAGO), bar(45), bar(120))] == [120, 120], "and that too"


def test_a_day_is_the_trading_day() -> None:
    """From the roll at 17:00: eight hours after 09:00."""
    days = told(Longer(DAY, CHICAGO), bar(420), bar(480), bar(540), bar(480 + DAY))
    assert [when for when, _ in days] == [480, 480 + DAY]


def test_an_hour_that_comes_twice_is_two() -> None:
    """Clocks go back in Chicago on 2 November 2025, at 07:00 UTC."""
    first = datetime(2025, 11, 2, 6, tzinfo=UTC)
    longer, price = Longer(60, CHICAGO), Decimal(100)
    bars = [Bar("ES", first + n * 30 * MINUTE, price, price, price, price) for n in range(1, 5)]
    assert [len(longer.add(one)) for one in bars] == [0, 1, 0, 1]


@pytest.mark.parametrize("minutes", [0, 7, 1441])
def test_a_length_that_no_day_can_be_cut_into_is_refused(minutes: int) -> None:
    with pytest.raises(
        ValueError, match=f"minutes: expected what a day of 1440 can be cut into, got {minutes}"
    ):
        Longer(minutes, CHICAGO)


@given(st.lists(st.integers(1, 3000), unique=True, max_size=40), st.sampled_from([15, 60, 240, DAY]))
def test_each_bar_is_in_one_and_none_is_told_before_it_is_over(ends: list[int], minutes: int) -> None:
    bars = [bar(at, price=at) for at in sorted(ends)]
    longer = told(Longer(minutes, CHICAGO), *bars)
    closes = [whole.close for _, whole in longer]
    assert closes == sorted(closes), "in order"
    for when, whole in longer:
        assert whole.time <= NINE + when * MINUTE
        assert whole.low == whole.open - 1, "prices rise here: the first of its bars is its low"
        assert whole.high == whole.close + 1
    opens = [whole.open for _, whole in longer]
    assert all(before < after for before, after in zip(closes, opens[1:], strict=False)), "none is in two"
