"""What a strategy of Backtrader says that its entry may lose: it is asked for with that, and held to it."""

from pathlib import Path
from typing import Any

import backtrader as bt
import pytest

from tests.workers.adapters.backtests import Backtest, bars_of
from tests.workers.adapters.bt_strategies import Told
from tests.workers.adapters.cerebros import configured, plan

BUDGET = {"loss_budget": "deny", "stop_costs": "ES=5"}
AT_THE_STOP = {"stop_price": "4991", "price": "5001"}  # bar 2 closes at 5,001: $500 a contract, and $5


@pytest.mark.parametrize(("limit", "becomes"), [(505.01, "Completed"), (505, "Rejected")])
@pytest.mark.parametrize(
    ("terms", "asked"), [({"stop_price": 4991}, AT_THE_STOP), ({"risk": 500.0}, {"risk": "500"})]
)
def test_a_plan_reaches_the_request_and_the_budget(
    tmp_path: Path, terms: dict[str, Any], asked: dict[str, str], limit: float, becomes: str
) -> None:
    backtest = Backtest(configured(tmp_path, limits={**BUDGET, "daily_stop_loss": limit}))
    ran = backtest.run(bars_of(5000, 5001, 5002), Told, plan=plan(bar2=lambda s: s.buy(**terms)))
    (request,) = backtest.said("EntryRequested")
    assert {name: request[name] for name in ("stop_price", "price", "risk") if name in request} == asked
    assert [status for _, _, status in ran.told] == [becomes]
    full = "Day's P&L would be $-505.00 of $-505.00 (daily_stop_loss) if every stop filled"
    assert [reason.split(", and")[0] for reason in ran.reasons] == ([full] if becomes == "Rejected" else [])


def test_a_limit_order_plans_from_its_own_price_and_without_a_plan_there_is_no_entry(tmp_path: Path) -> None:
    def enter(strategy: Any) -> None:
        strategy.buy()
        strategy.buy(exectype=bt.Order.Limit, price=4990.0, stop_price=4980)

    backtest = Backtest(configured(tmp_path, limits=BUDGET))
    ran = backtest.run(bars_of(5000, 5001, 5002), Told, plan=plan(bar2=enter))
    assert ran.reasons == ["ES names no stop: it needs stop_price with price, or risk"]
    planned = backtest.said("EntryRequested")[1]
    assert (planned["stop_price"], planned["price"]) == ("4980", "4990")
