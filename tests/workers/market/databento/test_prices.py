"""Prices are exact to the last of nine decimals, however large and on whichever side of zero."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.workers.feeds.dbn_units import exact_price, is_time, ms_of


@pytest.mark.parametrize(
    ("units", "shown"),
    [
        (6_001_250_000_000, "6001.25"),
        (-37_630_000_000, "-37.63"),
        (6_400_000, "0.0064"),
        (1, "0.000000001"),
        (-1, "-0.000000001"),
        (0, "0"),
        (100_000_000_000, "100"),
        (109_015_625_000, "109.015625"),
        (2**63 - 2, "9223372036.854775806"),
        (-(2**63), "-9223372036.854775808"),
    ],
)
def test_a_price_to_the_last_digit(units: int, shown: str) -> None:
    assert f"{exact_price(units):f}" == shown


@given(st.integers(-(2**63), 2**63 - 1))
def test_no_price_is_changed_and_none_has_trailing_zeros(units: int) -> None:
    price = exact_price(units)
    assert price == Decimal(units).scaleb(-9)
    assert "." not in f"{price:f}" or not f"{price:f}".endswith("0")


def test_a_moment_is_in_its_millisecond() -> None:
    assert (ms_of(1_999_999), ms_of(2_000_000)) == (1, 2)
    assert [is_time(each) for each in (0, 1, 2**64 - 2, 2**64 - 1)] == [False, True, True, False]
