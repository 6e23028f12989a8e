"""Dollars of a position between two prices."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.events.fields import Side
from portfold.workers.brokers.profit import net_pnl

prices = st.decimals(-100_000, 100_000, places=5)
sizes = st.integers(1, 10_000)
commissions = st.decimals(0, 1_000, places=2)


@pytest.mark.parametrize(
    ("side", "entry", "exit_", "expected"),
    [
        ("long", "5000.00", "5002.50", "120.00"),
        ("short", "5000.00", "5002.50", "-130.00"),
        ("long", "5000.00", "5000.00", "-5.00"),
        ("short", "1.00", "-37.63", "1926.50"),
        ("long", "1.00", "-37.63", "-1936.50"),
    ],
)
def test_a_rise_pays_the_long_and_costs_the_short_and_commission_costs_both(
    side: Side, entry: str, exit_: str, expected: str
) -> None:
    result = net_pnl(side, Decimal(entry), Decimal(exit_), 1, Decimal(50), Decimal("5.00"))
    assert str(result) == expected


@pytest.mark.parametrize(
    ("gain", "cents"), [("0.005", "0.00"), ("0.015", "0.02"), ("0.0051", "0.01"), ("-0.005", "0.00")]
)
def test_half_a_cent_goes_to_the_even_one(gain: str, cents: str) -> None:
    assert net_pnl("long", Decimal(0), Decimal(gain), 1, Decimal(1), Decimal(0)) == Decimal(cents)


@given(prices, prices, sizes, commissions)
def test_long_and_short_of_the_same_trade_together_cost_both_commissions(
    entry: Decimal, exit_: Decimal, size: int, commission: Decimal
) -> None:
    sides: tuple[Side, Side] = ("long", "short")
    both = sum(net_pnl(side, entry, exit_, size, Decimal(1000), commission) for side in sides)
    assert both == -2 * commission


@given(prices, prices, sizes, commissions)
def test_agrees_with_exact_fractions_to_half_a_cent(
    entry: Decimal, exit_: Decimal, size: int, commission: Decimal
) -> None:
    exact = (Fraction(exit_) - Fraction(entry)) * size * 50 - Fraction(commission)
    result = net_pnl("long", entry, exit_, size, Decimal(50), commission)
    assert abs(Fraction(result) - exact) <= Fraction(1, 200)
