"""Days held against those expected: bands by drawn histories, what counts, and in what words."""

import math
from decimal import Decimal

import pytest

from portfold.coordinator.expected.bands import band, histories
from portfold.coordinator.expected.comparison import Comparison, compare
from portfold.coordinator.expected.lived import DayLived, Expectation, Lived
from portfold.coordinator.expected.words import lines, rarity, rates_text, sign_text, span_of
from tests.coordinator.expected.made import expected_days, normal_days


def day(name: str, pnl: str = "0", **changed: int) -> DayLived:
    """A day on which two trades were closed and one of them won."""
    counts = {"trades": 2, "won": 1, "asked": 3, "denied": 1, "stops": 0} | changed
    return DayLived(name, Decimal(pnl), *counts.values())


def after(expectation: Expectation, *days: DayLived) -> Lived:
    """What these days come to."""
    lived = Lived()
    for one in days:
        lived = lived.after(one, expectation)
    return lived


def compared(lived: Lived, expectation: Expectation) -> Comparison:
    """The comparison of days that are over."""
    found = compare(lived, expectation)
    assert found is not None
    return found


# --- bands ----------------------------------------------------------------------------------------------


def test_the_band_of_a_sum_of_days_is_that_of_the_normal_distribution() -> None:
    drawn = histories(expected_days(normal_days(0.5)), 25, count=4000)
    found = band(drawn, lambda one: one.pnl)
    assert found is not None
    low, high = (25 * 500 + sign * 1.96 * 1000 * math.sqrt(25) for sign in (-1, 1))
    assert found == pytest.approx((low, high), rel=0.05)


def test_days_that_go_together_make_wider_bands() -> None:
    runs = [sign * 1000.0 + 100 for sign in (1, -1) * 20 for _ in range(10)]
    apart, together = (
        band(histories(expected_days(runs, block_days=length), 20), lambda one: one.pnl)
        for length in (1.0, 10.0)
    )
    assert apart is not None
    assert together is not None
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


def test_the_same_days_give_the_same_bands_and_all_columns_are_drawn_together() -> None:
    days = expected_days(block_days=3.0)
    drawn = histories(days, 30, count=50)
    assert drawn == histories(days, 30, count=50)
    assert {one.trades for one in drawn} == {60}
    assert {(one.won, one.asked, one.denied) for one in drawn} == {(30, 90, 30)}
    alike = expected_days(pnl=[float(number) for number in range(400)], trades=tuple(range(400)))
    assert all(one.pnl == one.trades for one in histories(alike, 7, count=50))


# --- what counts ----------------------------------------------------------------------------------------


def test_days_count_once_and_from_the_first_that_does() -> None:
    expectation = Expectation.of(expected_days(since="2025-01-14"))
    lived = after(
        expectation, day("2025-01-13", "-900"), day("2025-01-14", "10.50"), day("2025-01-14", "10.50")
    )
    assert (lived.days, lived.first, lived.last, lived.pnl) == (
        1,
        "2025-01-14",
        "2025-01-14",
        Decimal("10.50"),
    )
    assert compare(after(expectation, day("2025-01-13")), expectation) is None


def test_other_days_expected_begin_anew() -> None:
    one, other = (Expectation.of(expected_days(max_positions=most)) for most in (4, 3))
    lived = after(one, day("2025-01-14", "-5000"))
    assert lived.after(day("2025-01-15", "7"), other).pnl == 7
    assert lived.after(day("2025-01-15", "7"), one).pnl == -4993


def test_a_figure_is_outside_only_beyond_its_band() -> None:
    expectation = Expectation.of(expected_days())
    usual = compared(after(expectation, day("2025-01-14", "500")), expectation)
    assert not any(beside.outside for beside in usual.figures)
    denied = compared(after(expectation, day("2025-01-14", "500", denied=2)), expectation)
    assert [beside.name for beside in denied.figures if beside.outside] == ["block_rate"]
    idle = compared(after(expectation, day("2025-01-14", trades=0, won=0, asked=0, denied=0)), expectation)
    assert {beside.name: beside.lived for beside in idle.figures}["win_rate"] is None


# --- words ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "text"), [(1, "1 day"), (4, "4 days"), (5, "1 week"), (15, "3 weeks"), (16, "16 days")]
)
def test_whole_weeks_are_said_as_weeks(days: int, text: str) -> None:
    assert span_of(days) == text


@pytest.mark.parametrize(
    ("as_bad", "text"),
    [
        (0, "3 weeks of this would be seen in fewer than 1 of 1,000 histories"),
        (25, "3 weeks of this would be seen in 1 of 40 histories"),
        (100, "3 weeks of this would be seen in 1 of 10 histories"),
        (101, "3 weeks of this or worse would be seen in 1 of 10 histories"),
        (640, "3 weeks of this or worse would be seen in 6 of 10 histories"),
    ],
)
def test_how_rare_it_is(as_bad: int, text: str) -> None:
    assert rarity(Comparison(Lived(days=15), (), as_bad, 1000)) == text


def test_three_bad_weeks_in_words() -> None:
    expectation = Expectation.of(expected_days())
    days = [day(f"2025-01-{number:02}", "-600", stops=int(number == 3)) for number in range(1, 16)]
    lived = after(expectation, *days)
    first, second, third = lines(compared(lived, expectation), expectation)
    assert first.startswith("Against what was expected, 3 weeks from 2025-01-01: ⚠️ P&L $-9,000 ($")
    assert "| trades 30 (30 to 30) | win rate 50% (50% to 50%) | entries denied 33% (33% to 33%) |" in first
    assert second == "3 weeks of this would be seen in fewer than 1 of 1,000 histories"
    assert third == (
        "Test: half the edge or less, since 2025-01-13 | Control chart: 87% of the way to a sign"
    )
    assert sign_text(lived) == (
        "less is made than the portfolio was chosen for, since 2025-01-13: $-9,000 in 3 weeks"
    )
    assert "get the test's within" in rates_text(expectation)


def test_without_an_edge_the_words_say_that_nothing_is_tested() -> None:
    expectation = Expectation.of(expected_days([-1.0, 0.5] * 20))
    lived = after(expectation, day("2025-01-14", "-90"))
    assert lines(compared(lived, expectation), expectation)[2].startswith("No test: ")
    assert (rates_text(expectation), sign_text(lived)) == ("", "")


def test_an_edge_too_small_to_be_found_is_not_promised_to_be() -> None:
    assert "more than 5,000 trading days" in rates_text(Expectation.of(expected_days(normal_days(0.01))))
