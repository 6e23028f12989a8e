"""The tear sheet against empyrical, and against what a person counts with the finger on the page."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import empyrical  # type: ignore[import-untyped]  # has no types
import pandas as pd  # type: ignore[import-untyped]  # has no types
import pytest

from portfold.coordinator.audit.report.tear_sheet import (
    DAYS_A_YEAR,
    SheetTrade,
    TearSheet,
    returns_csv,
    tear_sheet,
    weekdays,
)
from tests.audit.report.test_expected_command import told
from tests.coordinator.story import HOUR, chicago

__all__ = ["told"]

CHICAGO = ZoneInfo("America/Chicago")
CASH = Decimal(100_000)


def trade(ms: int, pnl: str, hours: float = 1, commission: str | None = None) -> SheetTrade:
    """A trade that was entered at `ms`."""
    return SheetTrade(ms, ms + int(hours * HOUR), Decimal(pnl), Decimal(commission) if commission else None)


def sheet_of(*trades: SheetTrade, pnl_of: dict[str, str]) -> TearSheet:
    """The sheet of these trades and days."""
    return tear_sheet(trades, {day: Decimal(made) for day, made in pnl_of.items()}, CASH, CHICAGO)


@pytest.mark.parametrize("seed", range(20))
def test_ratios_of_returns_are_those_of_empyrical(seed: int) -> None:
    random = Random(seed)
    days = weekdays("2023-01-02", "2024-06-28")
    pnl_of = {day: f"{random.gauss(60, 900):.2f}" for day in days if random.random() < 0.8}
    pnl_of[days[0]], pnl_of[days[-1]] = "100", "-50"
    found = sheet_of(trade(0, "1"), pnl_of=pnl_of)
    theirs = pd.Series(found.returns.values(), index=pd.DatetimeIndex(list(found.returns)))
    assert found.sharpe == pytest.approx(empyrical.sharpe_ratio(theirs, annualization=DAYS_A_YEAR))
    assert found.sortino == pytest.approx(empyrical.sortino_ratio(theirs, annualization=DAYS_A_YEAR))
    assert found.growth == pytest.approx(empyrical.annual_return(theirs, annualization=DAYS_A_YEAR))
    assert found.drawdown_share == pytest.approx(-empyrical.max_drawdown(theirs))
    assert found.calmar == pytest.approx(empyrical.calmar_ratio(theirs, annualization=DAYS_A_YEAR))
    months = theirs.groupby(theirs.index.strftime("%Y-%m"))
    assert list(found.by_month) == [month for month, _ in months]
    assert float(sum(found.by_month.values())) == pytest.approx(float(found.pnl))


def test_a_fortnight_counted_by_hand() -> None:
    monday, tuesday = chicago(2025, 1, 13, 9), chicago(2025, 1, 14, 9)
    found = sheet_of(
        trade(monday, "300", 2, "5"),
        trade(monday + HOUR, "-100", 2, "5"),
        trade(tuesday, "0"),
        trade(tuesday + HOUR, "-200", 1),
        trade(tuesday + 2 * HOUR, "-50", 1),
        pnl_of={"2025-01-13": "200", "2025-01-14": "-250", "2025-01-16": "-50", "2025-01-17": "400"},
    )
    assert (found.days, found.trades, int(found.pnl)) == (5, 5, 300)
    assert found.win_rate == 0.2
    assert found.profit_factor == pytest.approx(300 / 350)
    assert (found.average_win, found.average_loss) == (Decimal(300), Decimal("-116.67"))
    assert (found.best, found.worst) == (Decimal(300), Decimal(-200))
    assert (found.winning_streak, found.losing_streak) == (1, 2), "what made nothing ends a row"
    assert (int(found.drawdown), found.drawdown_days) == (300, 3), "Tuesday, Wednesday and Thursday"
    assert found.drawdown_share == pytest.approx(300 / 100_200)
    assert found.exposure == pytest.approx((3 + 3) / 27)
    assert (int(found.costs), found.costed) == (10, 2)
    assert found.by_hour == {"09:00": 300, "10:00": -300, "11:00": -50}
    assert found.by_weekday == {"Monday": 200, "Tuesday": -250}
    assert found.by_month == {"2025-01": 300}


def test_without_a_loss_or_a_spread_a_ratio_is_not_defined() -> None:
    found = sheet_of(trade(0, "10"), pnl_of={"2025-01-13": "10"})
    nothing = (found.sharpe, found.sortino, found.calmar, found.profit_factor, found.average_loss)
    assert nothing == (None,) * 5


def test_from_ruin_on_returns_are_nothing() -> None:
    pnl_of = {"2025-01-13": "-100000", "2025-01-14": "5000"}
    found = sheet_of(trade(0, "10"), pnl_of=pnl_of)
    assert list(found.returns.values()) == [-1.0, 0.0]
    assert found.growth == -1


def test_the_returns_are_a_file_that_pandas_reads(tmp_path: Path) -> None:
    found = sheet_of(trade(0, "10"), pnl_of={"2025-01-13": "100", "2025-01-14": "-50.25"})
    path = tmp_path / "returns.csv"
    path.write_text(returns_csv(found))
    read = pd.read_csv(path, index_col="date", parse_dates=True)["return"]
    assert read.tolist() == list(found.returns.values())


@pytest.mark.usefixtures("told")
def test_the_log_as_a_tear_sheet(audit: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, said = audit("tear-sheet", "--json", "--returns", str(tmp_path / "returns.csv"))
    found = json.loads(said)
    assert (code, found["trades"], found["pnl"], found["days"]) == (0, 10, -2110, 10)
    assert (found["winning_streak"], found["losing_streak"], found["best"]) == (5, 1, 100)
    assert (tmp_path / "returns.csv").read_text().count("\n") == 11
    code, said = audit("tear-sheet")
    assert code == 0
    assert "Most in a row won, lost" in said
    assert "10:00" in said
