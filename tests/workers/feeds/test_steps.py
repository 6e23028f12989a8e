"""Several symbols' bars, lived through in the order in which they ended."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.steps import merge, steps

START = datetime(2025, 1, 6, tzinfo=UTC)


def bar(symbol: str, hour: int) -> Bar:
    price = Decimal(100 + hour)
    return Bar(symbol, START + timedelta(hours=hour), price, price, price, price)


class Shelf:
    """A feed of given hours."""

    def __init__(self, hours: dict[str, list[int]]) -> None:
        self._hours = hours

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._hours)

    def bars(self, symbol: str) -> Iterator[Bar]:
        return (bar(symbol, hour) for hour in self._hours[symbol])


def test_bars_that_end_together_are_one_step_in_the_order_of_symbols() -> None:
    feed = Shelf({"ES": [1, 2], "CL": [2, 3]})
    assert [(time.hour, list(bars)) for time, bars in steps(feed)] == [
        (1, ["ES"]),
        (2, ["CL", "ES"]),
        (3, ["CL"]),
    ]


def test_only_the_symbols_asked_for_are_read() -> None:
    feed = Shelf({"ES": [1, 2], "CL": [2, 3]})
    assert [list(bars) for _, bars in steps(feed, ["CL", "CL"])] == [["CL"], ["CL"]]


def test_no_bars_are_no_steps() -> None:
    assert list(steps(Shelf({"ES": []}))) == []
    assert list(steps(Shelf({}))) == []


def test_bars_are_taken_only_as_far_as_the_steps_are() -> None:
    def endless() -> Iterator[Bar]:
        hour = 0
        while True:
            yield bar("ES", hour)
            hour += 1

    assert next(merge([endless()]))[0] == START


@pytest.mark.parametrize("hours", [[2, 1], [1, 1]])
def test_bars_that_do_not_go_forward_are_refused(hours: list[int]) -> None:
    with pytest.raises(ValueError, match="expected bars of ES after"):
        list(steps(Shelf({"ES": hours})))


def test_two_sequences_of_one_symbol_are_refused() -> None:
    with pytest.raises(ValueError, match="expected one sequence of bars for ES, got two"):
        list(merge([[bar("ES", 1)], [bar("ES", 1)]]))


@given(st.dictionaries(st.sampled_from(["ES", "CL", "6A", "SI"]), st.sets(st.integers(0, 200))))
def test_every_bar_comes_exactly_once_and_time_only_goes_forward(hours: dict[str, set[int]]) -> None:
    result = list(steps(Shelf({symbol: sorted(each) for symbol, each in hours.items()})))
    times = [time for time, _ in result]
    assert times == sorted(set(times))
    came = {(symbol, each) for time, bars in result for symbol, each in bars.items() if each.time == time}
    assert came == {(symbol, bar(symbol, hour)) for symbol, each in hours.items() for hour in each}
    assert sum(len(bars) for _, bars in result) == sum(len(each) for each in hours.values())
