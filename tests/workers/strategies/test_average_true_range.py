"""Wilder's average true range: by hand, and against an independent computation in exact fractions."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.average_true_range import AverageTrueRange

START = datetime(2025, 1, 6, tzinfo=UTC)
prices = st.decimals(-50_000, 50_000, places=5)


def bars(*rows: tuple[str | Decimal, str | Decimal, str | Decimal]) -> list[Bar]:
    """From (low, close, high), an hour apart."""
    made = []
    for number, row in enumerate(rows):
        low, close, high = (Decimal(price) for price in row)
        made.append(Bar("ES", START + timedelta(hours=number), close, high, low, close))
    return made


def values(of: list[Bar], over: int) -> list[Decimal | None]:
    average = AverageTrueRange(over)
    found = []
    for bar in of:
        average.take(bar)
        found.append(average.value)
    return found


def weighted(of: list[Bar], over: int, place: int) -> Fraction:
    """The average at `place` in closed form: every true range by its weight, with no average before it."""
    ranges = [Fraction(of[0].high) - Fraction(of[0].low)]
    for before, bar in pairwise(of):
        high, low, close = Fraction(bar.high), Fraction(bar.low), Fraction(before.close)
        ranges.append(max(high - low, abs(high - close), abs(low - close)))
    kept = Fraction(over - 1, over)
    later = place - over + 1
    first = sum(ranges[:over], Fraction(0)) / over * kept**later
    return first + sum((ranges[over + i] * kept ** (later - 1 - i) / over for i in range(later)), Fraction(0))


def test_by_hand_with_a_gap_up_and_a_gap_down() -> None:
    # True ranges 10, 25 (115 over the close before at 90... to 115), 30 (down from 110 to 80), 5.
    made = bars(("90", "90", "100"), ("105", "110", "115"), ("80", "80", "85"), ("80", "82", "85"))
    assert values(made, 2) == [None, Decimal("17.5"), Decimal("23.75"), Decimal("14.375")]


@pytest.mark.parametrize("over", [1, 2, 14])
def test_there_is_none_until_that_many_bars_have_come(over: int) -> None:
    made = bars(*[("1", "2", "3")] * (over + 1))
    assert values(made, over) == [None] * (over - 1) + [Decimal(2)] * 2


@given(st.lists(st.tuples(prices, prices, prices), min_size=1, max_size=40), st.integers(1, 20))
def test_it_agrees_with_its_closed_form_in_exact_fractions(
    rows: list[tuple[Decimal, Decimal, Decimal]], over: int
) -> None:
    made = bars(*(tuple(sorted(row)) for row in rows))  # type: ignore[arg-type]  # three in, three out
    for place, value in enumerate(values(made, over)):
        if value is None:
            assert place < over - 1
        else:
            assert abs(Fraction(value) - weighted(made, over, place)) < Fraction(1, 10**15)
