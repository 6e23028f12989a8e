"""What backtest, walk-forward and tune begin with: symbols and bars of the past, and no broker but paper."""

from pathlib import Path

from portfold.cli.research.backtest import Past, past_plan
from portfold.workers.brokers.registry import is_paper
from tests.processes import config_folder


def test_with_a_broker_of_real_money_configured_the_past_is_traded_on_paper(tmp_path: Path) -> None:
    live = {
        "broker": {"kind": "traderspost", "options": {"webhook_url_env": "MY_ORDERS"}},
        "book": "/live.sqlite",
    }
    config = config_folder(tmp_path / "live", runtime=live)
    plan, symbols, _ = past_plan(
        Past("synthetic", ("ES,CL",), days=3), tmp_path, initial_cash=1_000.005, config=str(config)
    )
    assert (is_paper(plan.configuration), plan.configuration.runtime.book) == (True, None)
    assert (symbols, str(plan.cash)) == (["CL", "ES"], "1000.00")
