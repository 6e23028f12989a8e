"""A symbol with a part of the days is named, with the part; one that has nearly all is not."""

import pytest

from portfold.research.trades.short_histories import in_words, short_histories
from portfold.research.trades.trade_file import Trade
from portfold.research.trades.trading_days import DaySpan, trades_within
from tests.research.made import trade

ZONE, ROLL = "America/Chicago", "17:00"
WEEK = 7 * 24


def weekly(symbol: str, weeks: range) -> list[Trade]:
    return [trade(symbol, WEEK * week, WEEK * week + 1, 10) for week in weeks]


@pytest.mark.parametrize(("weeks", "named"), [(45, ["CL"]), (46, [])])
def test_a_symbol_with_less_than_nine_tenths_of_the_days_is_named(weeks: int, named: list[str]) -> None:
    # 251 trading days from the first Monday to the last; 45 weeks have 221 of them, 46 weeks 226.
    trades = weekly("ES", range(51)) + weekly("CL", range(weeks))
    chosen = trades_within(trades, DaySpan(), zone=ZONE, roll=ROLL)
    assert [one.symbol for one in short_histories(chosen, zone=ZONE, roll=ROLL)] == named


def test_what_is_said_names_the_days_it_has() -> None:
    trades = weekly("ES", range(11)) + weekly("CL", range(2))
    chosen = trades_within(trades, DaySpan(), zone=ZONE, roll=ROLL)
    assert in_words(short_histories(chosen, zone=ZONE, roll=ROLL)) == (
        "CL has trades from 2025-01-06 to 2025-01-13 only, 6 of 51 trading days"
    )
