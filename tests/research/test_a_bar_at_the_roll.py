"""A bar that ends at the roll belongs to one day everywhere: with it the new trading day begins.

A boundary pair, a millisecond apart, put to each place that gives a bar, or what is done at its end, a day.
"""

from datetime import date
from decimal import Decimal

import pytest

from portfold.cli.demo.market import day_of as demo_day_of
from portfold.config.runtime import TradingDayRoll
from portfold.coordinator.audit.record.moment import Exchange
from portfold.exchange_time import utc
from portfold.research.portfolio_page.by_symbol import pnl_by_day
from portfold.research.simulate.bars_within import bars_within, day_of
from portfold.research.statistics.metrics import daily_pnl
from portfold.research.trades.trading_days import DaySpan, trades_within
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.session_clock import SessionClock
from tests.research.made import hour, scenario_of, trade

ROLL_MS = hour(7)
"""17:00 in Chicago on Monday."""
DAY = TradingDayRoll()
MONDAY, TUESDAY = "2025-01-06", "2025-01-07"


def bar_that_ends(ms: int) -> Bar:
    price = Decimal(5000)
    return Bar("ES", utc(ms), price, price, price, price)


@pytest.mark.parametrize(("ends_ms", "expected"), [(ROLL_MS - 1, MONDAY), (ROLL_MS, TUESDAY)])
def test_the_roll_is_the_first_moment_of_the_new_day_everywhere(ends_ms: int, expected: str) -> None:
    bar, hours = bar_that_ends(ends_ms), (ends_ms - hour(0)) / 3_600_000
    closes_then = trade("ES", 0, hours, 100)
    opens_then = trade("CL", hours, hours + 1, 30)
    assert SessionClock(DAY).day_of(bar.time) == expected
    assert day_of(bar, DAY) == demo_day_of(bar.time, DAY) == expected

    span = DaySpan(date.fromisoformat(expected), date.fromisoformat(expected))
    assert bars_within("ES", [bar], span, DAY, "made") == (0, 1)
    later = trade("SI", 27, 28, 1)  # Tuesday
    chosen = trades_within([opens_then, later], DaySpan(), zone=DAY.zone, roll=DAY.roll)
    assert chosen.days[0] == expected

    scenario = scenario_of([closes_then, later])
    simulated = scenario.simulate(["ES", "SI"], 2)  # by the fold's own days
    made = dict(zip(scenario.days, daily_pnl(simulated, scenario.days), strict=True))
    drawn = pnl_by_day(simulated, scenario.timeline.trades, scenario.days, zone=DAY.zone, roll=DAY.roll)
    shown = dict(zip(scenario.days, drawn["ES"], strict=True))
    assert made[expected] - (1 if expected == TUESDAY else 0) == shown[expected] == 100

    exchange, day = Exchange(DAY.zone, DAY.roll), date.fromisoformat(expected)
    assert exchange.day_begins_ms(day) <= ends_ms < exchange.day_ends_ms(day)
