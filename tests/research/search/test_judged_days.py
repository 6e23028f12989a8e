"""The days that are expected of a portfolio are those the fold made of it, on the span it was judged on."""

from datetime import date
from decimal import Decimal
from pathlib import Path

from portfold.research.search.config_export import read_choice
from portfold.research.search.expected_export import expected_of
from portfold.research.search.judged.days import judged_days
from portfold.research.statistics.metrics import daily_pnl
from tests.research.made import random_trades, scenario_of, trade
from tests.research.searched import searched

SINCE = date(2025, 6, 2)


def test_a_day_has_its_dollars_trades_and_denials_by_the_exchanges_clock() -> None:
    scenario = scenario_of(
        [
            trade("ES", 0, 1, 100),
            trade("CL", 0.5, 2, 40),  # ES has the only place
            trade("ES", 8, 9, -2600),  # 18:00: the next trading day's, and its stop
            trade("CL", 10, 11, 5),  # stopped out
            trade("ES", 32, 33, 7),  # 18:00 on Tuesday
        ]
    )
    found = judged_days(scenario.simulate(("CL", "ES"), 1), scenario)
    assert (found.first_day, found.last_day) == ("2025-01-06", "2025-01-08")
    assert found.pnl == (100.0, -2600.0, 7.0)
    assert (found.trades, found.won) == ((1, 1, 1), (1, 0, 1))
    assert (found.asked, found.denied, found.stops) == ((2, 2, 1), (1, 1, 0), (0, 1, 0))


def test_the_findings_keep_the_days_of_the_test_span_and_the_export_expects_them(tmp_path: Path) -> None:
    train, test = (scenario_of(random_trades(seed, ("ES", "CL"), each=60)) for seed in (4, 5))
    searched(tmp_path, train, test, levels=(2,))
    choice = read_choice(tmp_path / "table.csv", 0)
    assert choice.winner is not None
    days = choice.winner.days
    assert days is not None
    assert days.pnl == tuple(daily_pnl(test.simulate(choice.symbols, 2), test.days).round(2).tolist())
    expected = expected_of(choice, Decimal(2500), SINCE)
    assert not isinstance(expected, str)
    assert expected.is_of(choice.symbols, 2, Decimal(2500))
    assert (expected.since, expected.pnl, expected.stops) == ("2025-06-02", days.pnl, days.stops)
    assert expected_of(choice, Decimal(2000), SINCE) == "it was simulated with another daily stop"


def test_few_days_are_expected_of_nobody(tmp_path: Path) -> None:
    few = scenario_of([trade("ES", 24 * number, 24 * number + 1, 10 * number) for number in range(19)])
    searched(tmp_path, few, levels=(1,))
    why = expected_of(read_choice(tmp_path / "table.csv", 0), Decimal(2500), SINCE)
    assert why == "it was judged on 15 days, and bands need at least 20"
