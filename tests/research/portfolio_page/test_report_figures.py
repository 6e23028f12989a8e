"""The figures of the page: the account by day and month, by symbol, alike or not; the row again or not."""

import itertools
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from portfold.research.portfolio_page.account import AccountDay, account_days, years
from portfold.research.portfolio_page.by_symbol import (
    alike_together,
    all_of,
    correlated,
    outcomes,
    pnl_by_day,
)
from portfold.research.portfolio_page.replayed import changed, differing
from portfold.research.portfolio_page.subject import Subject
from portfold.research.portfolio_page.wording import money, percent, ratio, short_money
from portfold.research.report.wording import NOTHING
from portfold.research.simulate.scenario import Scenario
from tests.research.made import random_trades, scenario_of, trade
from tests.research.searched import searched

SYMBOLS = ("ES", "CL", "6E", "GC")
CASH = Decimal(150_000)
CHICAGO = {"zone": "America/Chicago", "roll": "17:00"}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return scenario_of(random_trades(4, SYMBOLS, each=40))


@pytest.fixture(scope="module")
def subject(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return searched(tmp_path_factory.mktemp("searched"), scenario)


# --- the account ----------------------------------------------------------------------------------------


def test_the_accounts_days_have_the_figures_that_were_measured(scenario: Scenario) -> None:
    for positions in (1, 3):
        simulated = scenario.simulate(SYMBOLS, positions)
        figures, days = scenario.figures(simulated), account_days(simulated, scenario.days, CASH)
        assert [day.date for day in days] == list(scenario.days)
        assert days[-1].account == pytest.approx(150_000 + figures.total_return, abs=0.005)
        assert max(day.drawdown for day in days) == figures.max_dd
        assert sum(day.drawdown >= 6000 for day in days) == figures.breach_periods


def test_a_drawdown_within_the_day_is_seen_though_the_day_ends_higher() -> None:
    made = scenario_of(
        [trade("ES", 0, 1, 400), trade("ES", 1, 2, -900), trade("ES", 3, 4, 1200), trade("ES", 24, 25, 1)]
    )
    days = account_days(made.simulate(["ES"], 1), made.days, CASH)
    assert days == [AccountDay("2025-01-06", 150_700, 900), AccountDay("2025-01-07", 150_701, 0)]


def test_months_make_their_year_and_a_month_without_a_day_is_none() -> None:
    ends = [
        ("2023-12-29", 110_000.0),
        ("2024-02-01", 99_000.0),
        ("2024-02-02", 104_500.0),
        ("2024-03-01", 125_400.0),
    ]
    first, second = years([AccountDay(day, account, 0) for day, account in ends], Decimal(100_000))
    assert first.year == 2023
    assert [first.months[11], first.total] == pytest.approx([0.10, 0.10])
    assert first.months[:11] == (None,) * 11
    assert second.months[0] is None
    assert [*second.months[1:3], second.total] == pytest.approx([-0.05, 0.20, 0.95 * 1.20 - 1])


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=90))
def test_the_months_of_a_year_multiply_to_its_total(accounts: list[int]) -> None:
    days = [
        AccountDay(f"{2020 + place // 24}-{place // 2 % 12 + 1:02}-{1 + place % 2:02}", float(account), 0)
        for place, account in enumerate(accounts)
    ]
    found = years(days, CASH)
    for year in found:
        assert year.total is not None
        months = math.prod(1 + one for one in year.months if one is not None)
        assert months == pytest.approx(1 + year.total, rel=1e-9)
    assert math.prod(1 + (year.total or 0) for year in found) * 150_000 == pytest.approx(accounts[-1])


def test_where_nothing_was_left_nothing_is_earned() -> None:
    lost = [
        AccountDay("2024-01-02", 0.0, 1),
        AccountDay("2024-02-01", 50.0, 1),
        AccountDay("2025-01-02", 60.0, 1),
    ]
    first, second = years(lost, CASH)
    assert first.months[:2] == (-1.0, None)
    assert first.total == pytest.approx(50 / 150_000 - 1)
    assert second.total == pytest.approx(0.2)


# --- by symbol ------------------------------------------------------------------------------------------


def test_the_symbols_outcomes_add_up_to_what_was_measured(scenario: Scenario) -> None:
    simulated = scenario.simulate(SYMBOLS, 2)
    figures, each = scenario.figures(simulated), outcomes(simulated, scenario.timeline.trades)
    total = all_of(each)
    assert sorted(one.symbol for one in each) == sorted(SYMBOLS)
    assert (total.trades, total.forced, total.at_final) == (figures.trades, figures.forced, figures.at_final)
    assert float(total.pnl) == pytest.approx(figures.total_return, abs=0.005)
    assert total.block_rate == pytest.approx(figures.block_rate)
    assert total.denied > 0, "two positions for four symbols"


def test_a_symbol_of_which_nothing_was_asked_has_no_block_rate() -> None:
    made = scenario_of([trade("ES", 0, 1, 5)])
    es, gc = sorted(
        outcomes(made.simulate(["ES", "GC"], 1), made.timeline.trades), key=lambda one: one.symbol
    )
    assert (es.trades, es.won, es.pnl, es.block_rate) == (1, 1, Decimal(5), 0.0)
    assert (gc.trades, gc.block_rate) == (0, None)


def test_pnl_stands_on_the_trading_day_of_the_close() -> None:
    # 10:00 on Monday; 8 hours later, at 18:00, it is Tuesday's trading day.
    made = scenario_of([trade("ES", 0, 6.9, 10), trade("ES", 6.95, 8, 20), trade("CL", 1, 24, -5)])
    by_day = pnl_by_day(made.simulate(["CL", "ES"], 2), made.timeline.trades, made.days, **CHICAGO)
    assert {symbol: each.tolist() for symbol, each in by_day.items()} == {"CL": [0, -5], "ES": [10, 20]}


def test_the_symbols_days_add_up_to_the_accounts(scenario: Scenario) -> None:
    simulated = scenario.simulate(SYMBOLS, 3)
    by_day = pnl_by_day(simulated, scenario.timeline.trades, scenario.days, **CHICAGO)
    account = [day.account for day in account_days(simulated, scenario.days, CASH)]
    assert np.cumsum(sum(by_day.values())) + 150_000 == pytest.approx(account)


# --- correlation ----------------------------------------------------------------------------------------


def test_the_correlation_is_that_of_the_days_and_like_stands_beside_like() -> None:
    random = np.random.default_rng(1)
    metal, money_ = random.normal(size=400), random.normal(size=400)
    noise = 0.3 * random.normal(size=(6, 400))
    by_day = {
        symbol: group + noise[place]
        for place, (symbol, group) in enumerate(
            [("SI", metal), ("6E", money_), ("GC", metal), ("6B", money_), ("HG", metal), ("6A", money_)]
        )
    }
    found = correlated(by_day)
    groups = ["metal" if symbol in ("SI", "GC", "HG") else "money" for symbol in found.symbols]
    assert [len(list(same)) for _, same in itertools.groupby(groups)] == [3, 3]
    for symbol, row in zip(found.symbols, found.values, strict=True):
        for other, value in zip(found.symbols, row, strict=True):
            assert value == pytest.approx(np.corrcoef(by_day[symbol], by_day[other])[0, 1])


def test_a_symbol_that_never_varies_has_no_correlation_and_comes_last() -> None:
    found = correlated({"A": np.zeros(4), "Z": np.array([1.0, 2, 3, 5]), "M": np.array([5.0, 3, 2, 1])})
    assert (set(found.symbols[:2]), found.symbols[2]) == ({"M", "Z"}, "A")
    assert found.values[2] == (None, None, None)
    assert [row[2] for row in found.values] == [None] * 3
    assert found.values[0][1] == pytest.approx(-33 / 35)
    assert correlated({"A": np.zeros(4)}).values == ((None,),)
    assert correlated({"A": np.ones(1), "B": np.ones(1)}).symbols == ("A", "B")


@given(st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_the_order_leaves_out_no_symbol(count: int, seed: int) -> None:
    between = np.atleast_2d(np.corrcoef(np.random.default_rng(seed).normal(size=(count, 30))))
    assert sorted(alike_together(between)) == list(range(count))


# --- the row again --------------------------------------------------------------------------------------


def test_the_row_again_has_the_figures_that_the_search_wrote_down(subject: Subject) -> None:
    again, findings, winner = subject.replayed, subject.findings, subject.winner
    assert again is not None
    assert findings is not None
    assert winner is not None
    assert again.train.metrics == winner.train
    assert differing(again, winner) == ""
    for row, (own,) in zip(findings.rows, again.each, strict=True):
        assert float(all_of(own).pnl) == pytest.approx(row.train.total_return, abs=0.005)


def test_other_figures_than_the_searchs_are_named(subject: Subject) -> None:
    assert subject.replayed is not None
    assert subject.winner is not None
    other = structs.replace(subject.winner.train, max_dd=subject.winner.train.max_dd + 0.01)
    sentence = differing(subject.replayed, structs.replace(subject.winner, train=other))
    assert sentence.startswith("Simulated again, its max_dd is ")


def test_the_same_trades_are_not_changed_and_one_cent_is(scenario: Scenario, subject: Subject) -> None:
    assert subject.findings is not None
    assert changed(scenario, None, subject.findings) == ""
    first, *others = scenario.timeline.trades
    richer = scenario_of([structs.replace(first, pnl=first.pnl + Decimal("0.01")), *others])
    assert "160 trades, as then" in changed(richer, None, subject.findings)
    assert "159 trades now, 160 then" in changed(scenario_of(others), None, subject.findings)
    assert "have changed since the search" in changed(
        scenario_of(scenario.timeline.trades, stop=2000), None, subject.findings
    )


# --- wording --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dollars", "short"),
    [
        *((0.4, "0"), (-0.4, "0"), (999.4, "999"), (1000, "1.0k"), (-6_710, "-6.7k"), (99_949, "99.9k")),
        *((99_950, "100k"), (999_499, "999k"), (999_500, "1.0M"), (Decimal("-1234567.89"), "-1.2M")),
    ],
)
def test_short_money_keeps_to_five_letters(dollars: float | Decimal, short: str) -> None:
    assert short_money(dollars) == short


def test_no_figure_is_a_negative_zero() -> None:
    assert (money(-0.3), percent(-0.0001, 1), ratio(-0.001)) == ("$0", "0.0%", "0.00")
    assert (money(-1234.5), percent(-0.123), ratio(None)) == ("$-1,234", "-12.3%", NOTHING)
