"""Spans of trading days: the exchange's, both ends included, with no trade across their ends."""

from datetime import date

import pytest

from portfold.research.errors import ResearchError
from portfold.research.trades.trade_file import Trade
from portfold.research.trades.trading_days import Chosen, DaySpan, apart, days_between, trades_within
from tests.research.made import trade

MONDAY, TUESDAY, WEDNESDAY = date(2025, 1, 6), date(2025, 1, 7), date(2025, 1, 8)
TO_THE_ROLL = 7  # hours from 10:00 to 17:00


def chosen(span: DaySpan, *trades: Trade) -> Chosen:
    return trades_within(trades, span, zone="America/Chicago", roll="17:00")


def test_without_a_span_all_trades_are_in_it() -> None:
    found = chosen(DaySpan(), trade("ES", 0, 1, 5), trade("ES", 50, 51, 5))
    assert (len(found.trades), found.straddling) == (2, 0)
    assert found.days == ("2025-01-06", "2025-01-07", "2025-01-08")


@pytest.mark.parametrize(("exit_", "inside"), [(TO_THE_ROLL - 0.001, 1), (TO_THE_ROLL, 0)])
def test_a_day_ends_at_the_roll(exit_: float, inside: int) -> None:
    earlier = trade("CL", 0, 1, 5)
    assert len(chosen(DaySpan(MONDAY, MONDAY), earlier, trade("ES", 0, exit_, 5)).trades) == 1 + inside


def test_trades_across_an_end_of_the_span_are_left_out_and_counted() -> None:
    across_both = [trade("ES", 0, 24, 5), trade("CL", 24, 48, 5)]
    found = chosen(DaySpan(TUESDAY, TUESDAY), trade("SI", 24, 25, 5), *across_both)
    assert ([one.symbol for one in found.trades], found.straddling) == (["SI"], 2)


def test_the_days_are_those_from_the_first_trade_to_the_last() -> None:
    found = chosen(DaySpan(date(2024, 1, 1), date(2030, 1, 1)), trade("ES", 24, 25, 5))
    assert found.days == ("2025-01-07",)


def test_a_weekend_belongs_to_monday() -> None:
    sunday = trade("ES", -15, -14, 5)
    assert chosen(DaySpan(MONDAY, MONDAY), sunday).days == ("2025-01-06",)


def test_a_span_without_trades_is_refused() -> None:
    with pytest.raises(ResearchError, match=r"Expected trades from 2026-01-01 to the last, got none\."):
        chosen(DaySpan(date(2026, 1, 1)), trade("ES", 0, 1, 5))


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ResearchError, match="Expected a last day from 2025-01-07 on"):
        DaySpan(TUESDAY, MONDAY)


def test_days_are_monday_to_friday() -> None:
    assert days_between(date(2025, 1, 3), date(2025, 1, 6)) == ["2025-01-03", "2025-01-06"]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (DaySpan(None, MONDAY), DaySpan(TUESDAY)),
        (DaySpan(MONDAY, TUESDAY), DaySpan(WEDNESDAY, WEDNESDAY)),
        (DaySpan(WEDNESDAY), DaySpan(None, TUESDAY)),
    ],
)
def test_spans_that_share_no_day_are_apart(train: DaySpan, test: DaySpan) -> None:
    apart(train, test)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (DaySpan(None, TUESDAY), DaySpan(TUESDAY)),
        (DaySpan(), DaySpan(TUESDAY)),
        (DaySpan(MONDAY), DaySpan(None, MONDAY)),
        (DaySpan(None, MONDAY), DaySpan(None, WEDNESDAY)),
    ],
)
def test_spans_that_share_a_day_are_refused(train: DaySpan, test: DaySpan) -> None:
    with pytest.raises(ResearchError, match="what was chosen on a day cannot be judged by it"):
        apart(train, test)
