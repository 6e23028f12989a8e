"""Dollars: the one P&L formula, and how operators see an amount."""

from decimal import Decimal

import pytest

from portfold.dollars import gross_pnl, shown, shown_limit


@pytest.mark.parametrize(
    ("side", "entry", "exit_price", "size", "point_value", "dollars"),
    [
        ("long", "5000", "5000.25", 1, "50", "12.50"),
        ("short", "5000", "5000.25", 2, "50", "-25.00"),
        ("long", "0.65", "0.65005", 1, "100000", "5.00"),
        ("long", "18.27", "-37.63", 1, "1000", "-55900.00"),
        ("long", "100", "100.0001", 1, "49", "0.00"),
    ],
)
def test_pnl_is_the_move_times_size_times_what_a_point_is_worth(
    side: str, entry: str, exit_price: str, size: int, point_value: str, dollars: str
) -> None:
    pnl = gross_pnl(side, Decimal(entry), Decimal(exit_price), size, Decimal(point_value))
    assert str(pnl) == dollars


@pytest.mark.parametrize(
    ("amount", "text"), [("-2512.5", "$-2,512.50"), ("125", "$125.00"), ("0", "$0.00"), ("-0.01", "$-0.01")]
)
def test_an_amount_shows_its_cents(amount: str, text: str) -> None:
    assert shown(Decimal(amount)) == text


@pytest.mark.parametrize(("amount", "text"), [("2500.00", "$2,500"), ("2500.50", "$2,500.50")])
def test_a_limit_shows_cents_only_where_it_has_any(amount: str, text: str) -> None:
    assert shown_limit(Decimal(amount)) == text
