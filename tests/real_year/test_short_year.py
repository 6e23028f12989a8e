"""A short year of the synthetic market: simulator and live processes agree on denials, breaches, dollars."""

from pathlib import Path

import pytest

from benchmarks.measuring.stage import Stage
from portfold.research.simulate.market import SYNTHETIC, ResearchMarket
from portfold.research.trades.trading_days import DaySpan
from tests.real_year.live import played
from tests.real_year.told import Told, differences
from tests.real_year.year import Year, backtested, configured, simulated
from tests.server import EmbeddedServer

DAYS = 12
CONSTRAINTS = {
    "max_positions": 2,
    "daily_stop_loss": 900,
    "start_balance": 50_000,
    "trailing_drawdown": 1_500,
    "trailing_at": "15:10",
    "trailing_zone": "America/Chicago",
    "trailing_locks_at": 50_100,
}


@pytest.fixture
def year(tmp_path: Path) -> Year:
    configuration = configured(tmp_path / "config", ("CL", "ES", "RTY"), CONSTRAINTS, {})
    market = ResearchMarket(SYNTHETIC, DAYS, 5)
    return backtested(configuration, market, DaySpan(), tmp_path / "results")


def test_a_year_with_a_trailing_floor_is_the_same_simulated_and_by_live_processes(
    year: Year, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    expected, stage = simulated(year), Stage(tmp_path / "stage", server)
    try:
        found = played(year, stage, portfolio)
    finally:
        stage.end()
    assert differences(expected, found) == []
    assert happened(expected) == {"trailing_drawdown", "stopped_out", "max_positions"}


def happened(told: Told) -> set[str]:
    """The codes of what was denied: it is no proof if nothing was."""
    return {code for _, _, code, _ in told.answers if code} - {"symbol_in_position"}


def test_a_dollar_that_differs_is_found(year: Year) -> None:
    told = simulated(year)
    money = told.money._replace(net=told.money.net + 1)
    assert [one[:6] for one in differences(told, told._replace(money=money))] == ["money:"]
    [first] = differences(told, told._replace(closes=told.closes[:-1]))
    assert first.startswith(f"closes: {len(told.closes)} simulated, {len(told.closes) - 1} live; number")
