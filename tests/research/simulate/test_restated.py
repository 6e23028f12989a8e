"""Trades restated, worked out by hand: twice the costs, the next bar's open, the close a day later."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.research.simulate.prices import Pricing
from portfold.research.simulate.restated import (
    Bars,
    costs_twice,
    filled_a_day_later,
    filled_at_the_next_open,
)
from portfold.research.trades.trade_file import Trade
from tests.research.made import hour, priced, trade

ES_POINT, TICK, FEES = 50, Decimal("0.25"), 5
HOURS: tuple[float, ...] = (0, 1, 2, 3, 4, 24, 26, 50)
OPENS = ("4000", "4001", "3998", "4007", "4011", "4100", "4110", "1")
CLOSES = ("4000", "4002", "3990", "4008", "4010", "4102", "4090", "2")
BARS = {"ES": Bars([hour(at) for at in HOURS], list(map(Decimal, OPENS)), list(map(Decimal, CLOSES)))}


def pricing(slippage_ticks: int = 0) -> Pricing:
    closes = dict(zip(HOURS, CLOSES, strict=True))
    return priced({"ES": closes}, slippage_ticks=slippage_ticks)


def es(begins: float = 0, ends: float = 2, **more: Any) -> Trade:
    """Long from 4000 to 4010, net of $5."""
    prices: dict[str, Any] = {"entry_price": Decimal(4000), "exit_price": Decimal(4010), "side": "long"}
    return trade("ES", begins, ends, 10 * ES_POINT - FEES, **(prices | more))


@pytest.mark.parametrize(("ticks", "size", "left"), [(0, 1, 490), (2, 1, 440), (2, 3, 495 - 3 * 55)])
def test_twice_the_costs_are_commission_and_slippage_of_both_sides_once_more(
    ticks: int, size: int, left: int
) -> None:
    [found] = costs_twice([es(size=size)], pricing(ticks)).trades
    assert found.pnl == left


def test_an_order_is_filled_at_the_open_of_the_bar_after_and_reported_at_its_end() -> None:
    [found] = filled_at_the_next_open([es()], pricing(), BARS).trades
    assert (found.entry_ms, found.exit_ms) == (hour(1), hour(3))
    assert (found.entry_price, found.exit_price) == (Decimal(4001), Decimal(4007))
    assert found.pnl == 6 * ES_POINT - FEES


def test_slippage_is_paid_on_both_sides_of_the_later_fills() -> None:
    [found] = filled_at_the_next_open([es()], pricing(2), BARS).trades
    assert (found.entry_price, found.exit_price) == (4001 + 2 * TICK, 4007 - 2 * TICK)
    sold = trade("ES", 0, 2, -505, entry_price=Decimal(4000), exit_price=Decimal(4010), side="short")
    [short] = filled_at_the_next_open([sold], pricing(2), BARS).trades
    assert (short.entry_price, short.exit_price) == (4001 - 2 * TICK, 4007 + 2 * TICK)


def test_a_day_later_is_the_close_of_the_first_bar_that_ends_then() -> None:
    [found] = filled_a_day_later([es()], pricing(), BARS).trades
    assert (found.entry_ms, found.exit_ms) == (hour(24), hour(26))
    assert found.pnl == (4090 - 4102) * ES_POINT - FEES


@pytest.mark.parametrize(
    "made",
    [es(2, 50), es(entry_price=None), trade("CL", 0, 2, 5), es(0, 0.5)],
    ids=["end", "price", "bars", "one bar"],
)
def test_what_the_bars_cannot_fill_later_is_left_out_and_counted(made: Trade) -> None:
    found = filled_at_the_next_open([made], pricing(), BARS)
    assert (found.trades, found.left_out, found.at_open) == ((), 1, True)


def test_what_was_filled_and_stopped_in_one_bar_is_so_later_too_and_costs_what_fills_cost() -> None:
    prices = {"entry_price": Decimal(4000), "exit_price": Decimal(3998), "stop_price": Decimal(3998)}
    stopped = trade("ES", 1, 1, -2 * ES_POINT - FEES, side="long", **prices)
    [found] = filled_at_the_next_open([stopped], pricing(2), BARS).trades
    assert (found.entry_ms, found.exit_ms) == (hour(2), hour(2))
    assert (found.entry_price, found.exit_price) == (3998 + 2 * TICK, 3998 - 2 * TICK)
    assert found.stop_price == 3998 + 2 * TICK - 2
    assert found.pnl == -4 * TICK * ES_POINT - FEES
    [late] = filled_a_day_later([stopped], pricing(), BARS).trades
    assert (late.entry_ms, late.exit_ms, late.pnl) == (hour(26), hour(26), Decimal(-FEES))


def test_fills_at_an_open_have_passed_when_they_are_reported() -> None:
    assert filled_at_the_next_open([es()], pricing(), BARS).at_open
    assert not filled_a_day_later([es()], pricing(), BARS).at_open
