"""The prices that an entry names: what they may be, to which tick they are taken, and their wrong side."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.events.fields import Side
from portfold.workers.strategies.intent import Enter
from portfold.workers.strategies.priced import on_the_grid, unfit_prices, wrong_side

AT = Decimal("4990.00")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ""),
        ({"limit": AT}, ""),
        ({"limit": AT, "lives_bars": 1000, "stop": AT - 1}, ""),
        ({"limit": 4990.0}, "its limit as a finite Decimal of at most 9 digits"),
        ({"limit": Decimal("NaN")}, "its limit as a finite Decimal of at most 9 digits"),
        ({"limit": Decimal(999_999_999)}, ""),
        ({"limit": Decimal(10) ** 9}, "its limit as a finite Decimal of at most 9 digits"),
        ({"stop": "4990"}, "its stop as a finite Decimal of at most 9 digits"),
        ({"limit": AT, "lives_bars": 0}, "its lives_bars as a whole number of bars from 1 to 1000"),
        ({"limit": AT, "lives_bars": 1001}, "its lives_bars as a whole number of bars from 1 to 1000"),
        ({"limit": AT, "lives_bars": True}, "its lives_bars as a whole number of bars from 1 to 1000"),
        ({"lives_bars": 2}, "its lives_bars beside a limit alone, as an entry at the market does not wait"),
    ],
)
def test_what_is_no_price_or_no_life_is_named(fields: dict[str, Any], expected: str) -> None:
    assert unfit_prices(Enter("long", 1, **fields)).startswith(expected)
    assert bool(expected) == bool(unfit_prices(Enter("long", 1, **fields)))


@pytest.mark.parametrize(
    ("side", "limit", "stop"), [("long", "4990.00", "4980.25"), ("short", "4990.25", "4980.00")]
)
def test_a_price_off_the_grid_is_taken_to_the_tick_that_neither_pays_nor_loses_more(
    side: Side, limit: str, stop: str
) -> None:
    tick = Decimal("0.25")
    fitted = on_the_grid(Enter(side, 1, Decimal("4990.1"), 3, Decimal("4980.1")), tick)
    assert fitted == Enter(side, 1, Decimal(limit), 3, Decimal(stop))
    assert on_the_grid(fitted, tick) == fitted


@pytest.mark.parametrize(
    ("side", "stop", "wrong"),
    [
        ("long", "4989.75", ""),
        ("long", "4990.00", "stop: expected below the limit 4990.00 of a long, got 4990.00"),
        ("short", "4990.25", ""),
        ("short", "4990.00", "stop: expected above the limit 4990.00 of a short, got 4990.00"),
    ],
)
def test_a_stop_is_on_the_side_of_the_loss(side: Side, stop: str, wrong: str) -> None:
    assert wrong_side(Enter(side, 1, AT, stop=Decimal(stop)), AT) == wrong


def test_what_a_division_adds_behind_the_tenth_decimal_is_no_tick() -> None:
    third = AT * 3 / 7 / 3 * 7
    assert third != AT
    assert on_the_grid(Enter("long", 1, third, stop=third - 1), Decimal("0.25")).limit == AT


def test_without_a_stop_no_side_is_wrong() -> None:
    assert wrong_side(Enter("long", 1), AT) == ""
