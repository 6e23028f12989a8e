"""Each figure against a familiar tool, and against what can be worked out by hand."""

import math
from datetime import date
from decimal import Decimal

import empyrical  # type: ignore[import-untyped]  # has no types
import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # has its types apart
import pytest

from portfold.research.statistics.clusters import Tries
from portfold.research.statistics.metrics import (
    DAYS_A_YEAR,
    daily_pnl,
    daily_returns,
    dollar_sharpe,
    growth,
    sharpe,
    volatility,
    years,
)
from portfold.research.statistics.significance import deflated_sharpe
from portfold.research.trades.trading_days import days_between
from tests.research.made import priced, random_trades, scenario_of, trade

CASH = 150_000.0
DAY = 24


def series(returns: np.ndarray, days: tuple[str, ...]) -> "pd.Series[float]":
    """As empyrical wants it."""
    return pd.Series(returns, index=pd.to_datetime(list(days)))


# --- against empyrical ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sharpe_volatility_and_growth_are_those_of_empyrical(seed: int) -> None:
    scenario = scenario_of(random_trades(seed, each=60), cash=CASH)
    played = scenario.simulate(scenario.symbols, 4)
    figures = scenario.figures(played)
    returns = daily_returns(daily_pnl(played, scenario.days), CASH)
    theirs = series(returns, scenario.days)
    assert figures.sharpe == pytest.approx(empyrical.sharpe_ratio(theirs, annualization=DAYS_A_YEAR))
    assert figures.volatility == pytest.approx(empyrical.annual_volatility(theirs, annualization=DAYS_A_YEAR))
    dollars = series(daily_pnl(played, scenario.days), scenario.days)
    assert figures.sharpe_dollars == pytest.approx(empyrical.sharpe_ratio(dollars, annualization=DAYS_A_YEAR))
    days_a_year = len(scenario.days) / years(scenario.days)
    assert figures.cagr == pytest.approx(empyrical.cagr(theirs, annualization=days_a_year))
    assert figures.total_return_pct / 100 == pytest.approx(empyrical.cum_returns_final(theirs))
    assert figures.cagr_over_vol == pytest.approx(figures.cagr / figures.volatility)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_drawdown_in_percent_is_that_of_empyrical_over_the_curve(seed: int) -> None:
    scenario = scenario_of(random_trades(seed, each=60), cash=CASH)
    played = scenario.simulate(scenario.symbols, 4)
    account = np.array([CASH, *(CASH + float(point) for point in played.curve)])
    steps = pd.Series(account[1:] / account[:-1] - 1)
    assert scenario.figures(played).max_dd_pct / 100 == pytest.approx(-empyrical.max_drawdown(steps))


# --- returns --------------------------------------------------------------------------------------------


def test_a_return_is_the_days_pnl_over_the_account_before_it() -> None:
    assert daily_returns(np.array([100.0, -110.0, 0.0]), 1000.0) == pytest.approx([0.1, -0.1, 0.0])


@pytest.mark.parametrize(("first", "last"), [("2010-01-01", "2019-12-31"), ("2024-03-01", "2025-02-28")])
def test_a_year_has_the_days_that_are_counted_in_it(first: str, last: str) -> None:
    counted = days_between(date.fromisoformat(first), date.fromisoformat(last))
    assert len(counted) / years(counted) == pytest.approx(DAYS_A_YEAR, rel=5e-3)


def test_the_sharpe_of_dollars_does_not_fall_as_the_account_grows() -> None:
    once = np.random.default_rng(9).normal(150, 900, 500)
    twice = np.concatenate((once, once))
    small, large = (sharpe(daily_returns(twice, cash)) for cash in (50_000.0, 5_000_000.0))
    assert dollar_sharpe(twice) == pytest.approx(dollar_sharpe(once), rel=1e-3)
    assert small < 0.98 * large
    assert large == pytest.approx(dollar_sharpe(twice), rel=0.03)


@pytest.mark.parametrize("by_day", [[], [5.0], [5.0, 5.0], [100.0, 101.0, 99.0]])
def test_dollars_that_hardly_vary_have_no_sharpe(by_day: list[float]) -> None:
    assert dollar_sharpe(np.array(by_day)) == 0.0


def test_the_sharpe_of_own_days_leaves_out_the_days_before_the_first_trade_and_after_the_last() -> None:
    own = [trade("CL", DAY * at, DAY * at + 1, pnl) for at, pnl in ((28, 300), (29, -100), (31, 200))]
    others = [trade("ES", 0, 1, 5), trade("ES", 56 * DAY, 56 * DAY + 1, 5)]
    alone, among = scenario_of(own), scenario_of([*own, *others])
    assert among.measure(["CL"], 1).sharpe_own_days == pytest.approx(alone.measure(["CL"], 1).sharpe)
    assert among.measure(["CL"], 1).sharpe < among.measure(["CL"], 1).sharpe_own_days


def test_when_nothing_is_left_of_the_account_returns_end() -> None:
    found = daily_returns(np.array([-1000.0, 500.0, 100.0]), 1000.0)
    assert found == pytest.approx([-1.0, 0.0, 0.0])


def test_days_without_a_trade_count() -> None:
    scenario = scenario_of([trade("ES", 0, 1, 100), trade("ES", 4 * DAY, 4 * DAY + 1, 100)])
    by_day = daily_pnl(scenario.simulate(["ES"], 1), scenario.days)
    assert by_day.tolist() == [100, 0, 0, 0, 100]


@pytest.mark.parametrize("returns", [[0.0, 0.0], [0.01], []])
def test_where_nothing_varies_there_is_no_sharpe(returns: list[float]) -> None:
    found = np.array(returns)
    assert (sharpe(found), volatility(found)) == (0.0, 0.0)


@pytest.mark.parametrize("wobble", [0.0, 1e-16, 1e-8])
def test_where_hardly_anything_varies_there_is_no_sharpe_and_nothing_is_deflated(wobble: float) -> None:
    found = 0.1 + wobble * np.array([1.0, -1.0, 0.5, -0.5])
    assert (sharpe(found), volatility(found)) == (0.0, 0.0)
    assert deflated_sharpe([found], Tries(2, 2, 1.0)) is None


@pytest.mark.parametrize("days", [20, 60, 250, 1000])
@pytest.mark.parametrize(("cents", "cash"), [(0, 100_000), (1, 100_000), (1, 1_000_000), (100, 100_000)])
def test_a_file_too_even_to_be_true_in_dollars_has_no_sharpe(days: int, cents: int, cash: int) -> None:
    by_day = np.array([100 + cents / 100 * (-1) ** place for place in range(days)])
    assert sharpe(daily_returns(by_day, float(cash))) == 0.0
    assert sharpe(daily_returns(-by_day, float(cash))) == 0.0


def test_what_varies_as_little_as_the_best_of_traders_has_its_sharpe() -> None:
    by_day = np.array([100.0 + 10 * (-1) ** place for place in range(250)])
    assert sharpe(daily_returns(by_day, 100_000.0)) > 100


def test_even_percents_that_outgrow_a_float_and_an_account_that_is_gone_are_no_error() -> None:
    assert sharpe(np.full(2000, 9.0)) == 0.0
    assert math.isfinite(sharpe(np.array([8.0, 9.5] * 1000)))
    assert sharpe(np.array([0.5, -1.0, 0.0])) < 0


def test_a_file_too_even_to_be_true_has_no_sharpe() -> None:
    even = [trade("CL", DAY * place, DAY * place + 1, 100_000 * 1.1**place) for place in range(5)]
    figures = scenario_of(even, cash=1_000_000).measure(["CL"], 1)
    assert (figures.sharpe, figures.volatility, figures.cagr_over_vol) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("times", "over", "by_year"), [(1.21, 2, 0.1), (1, 1, 0), (0, 1, -1), (-0.5, 1, -1), (0.25, 2, -0.5)]
)
def test_growth_is_by_the_year_and_all_is_the_most_to_lose(times: float, over: float, by_year: float) -> None:
    assert growth(times, over) == pytest.approx(by_year)


def test_a_gain_of_one_day_is_still_a_number_by_the_year() -> None:
    assert math.isfinite(growth(1000.0, 1 / 365.25))


def test_years_are_calendar_years_both_days_included() -> None:
    assert years(["2025-01-01", "2025-12-31"]) == pytest.approx(365 / 365.25)


# --- drawdown and breach --------------------------------------------------------------------------------


def test_the_drawdown_is_from_the_highest_so_far_its_beginning_counts() -> None:
    scenario = scenario_of(
        [trade("ES", 0, 1, -100), trade("ES", 2, 3, 50), trade("ES", 4, 5, -30)], cash=1000
    )
    figures = scenario.measure(["ES"], 1)
    assert (figures.max_dd, figures.max_dd_pct) == (100, 10)


def test_the_drawdown_sees_what_happened_within_a_day() -> None:
    scenario = scenario_of([trade("ES", 0, 1, -900), trade("ES", 2, 3, 900)])
    assert scenario.measure(["ES"], 1).max_dd == 900


def test_with_marks_the_drawdown_sees_open_losses() -> None:
    bars = priced({"ES": {1: "3990"}})
    prices = {"entry_price": Decimal(4000), "exit_price": Decimal(4000)}
    scenario = scenario_of([trade("ES", 0, 2, -5, **prices)], pricing=bars)
    assert scenario.measure(["ES"], 1).max_dd == 500


@pytest.mark.parametrize(("loss", "events"), [("-600", 1), ("-599.99", 0), ("-600.01", 1)])
def test_a_drawdown_of_exactly_the_limit_is_a_breach(loss: str, events: int) -> None:
    scenario = scenario_of([trade("ES", 0, 1, loss)], breach=600)
    figures = scenario.measure(["ES"], 1)
    assert (figures.breach_events, figures.breach_periods) == (events, events)


def test_a_breach_is_counted_each_time_it_begins_and_on_each_day_it_lasts() -> None:
    scenario = scenario_of(
        [
            trade("ES", 0, 1, -700),  # in breach on Monday
            trade("ES", DAY, DAY + 1, -50),  # and all of Tuesday, and Wednesday, on which nothing happens
            trade("ES", 3 * DAY, 3 * DAY + 1, 500),  # out of it on Thursday
            trade("ES", 3 * DAY + 2, 3 * DAY + 3, -600),  # and in again
            trade("ES", 4 * DAY, 4 * DAY + 1, 2000),  # Friday begins in it
            trade("ES", 7 * DAY, 7 * DAY + 1, 1),  # Monday does not
        ],
        breach=600,
    )
    figures = scenario.measure(["ES"], 1)
    assert (figures.breach_events, figures.breach_periods) == (2, 5)
    assert figures.pct_time_in_breach == pytest.approx(100 * 5 / 6)


def test_what_happens_at_one_moment_is_one_step_of_the_account_in_whatever_order() -> None:
    """A loss and a gain at one moment: no drawdown, and no breach, lies between them."""
    made = [trade("ES", 0, 1, -700), trade("CL", 0, 1, 900), trade("GC", 2, 3, -100)]
    for seed in range(8):
        scenario = scenario_of(made, breach=600, seed=seed)
        assert scenario.simulate(["CL", "ES", "GC"], 3).curve == [200, 100]
        figures = scenario.measure(["CL", "ES", "GC"], 3)
        assert (figures.breach_events, figures.breach_periods, figures.max_dd) == (0, 0, 100)


# --- trades ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "factor"), [([300, -100, -50, 0], 2.0), ([-100], 0.0), ([100], None), ([0], None)]
)
def test_the_profit_factor_is_gains_over_losses(made: list[int], factor: float | None) -> None:
    trades = [trade("ES", 2 * place, 2 * place + 1, pnl) for place, pnl in enumerate(made)]
    assert scenario_of(trades).measure(["ES"], 1).profit_factor == factor


def test_average_positions_are_those_of_the_time_when_any_is_open() -> None:
    # Open: one from 0 to 1, two to 3, one to 4; nothing to 8; one to 10.
    trades = [trade("ES", 0, 3, 1), trade("CL", 1, 4, 1), trade("ES", 8, 10, 1)]
    figures = scenario_of(trades).measure(["CL", "ES"], 2)
    assert figures.avg_positions == pytest.approx(8 / 6)
    assert figures.time_in_market_pct == pytest.approx(60)


def test_what_was_denied_is_in_the_block_rate_and_nowhere_else() -> None:
    trades = [trade("ES", 0, 3, 10), trade("CL", 1, 4, 1000), trade("SI", 2, 3, -50), trade("CL", 5, 6, 7)]
    figures = scenario_of(trades).measure(["CL", "ES", "SI"], 1)
    assert (figures.block_rate, figures.trades, figures.symbols_used) == (0.5, 2, 2)
    assert (figures.total_return, figures.max_dd) == (17, 0)


def test_without_a_trade_all_is_nothing() -> None:
    scenario = scenario_of([trade("ES", 0, 1, 10, size=3)])
    figures = scenario.measure(["ES"], 2)
    assert (figures.trades, figures.block_rate, figures.sharpe, figures.cagr) == (0, 1.0, 0.0, 0.0)
    assert (figures.avg_positions, figures.time_in_market_pct, figures.profit_factor) == (0.0, 0.0, None)
