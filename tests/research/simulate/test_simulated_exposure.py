"""A limit of exposure that live has the simulation has too: the same fold, the same answers."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from portfold.research.simulate.simulator import Simulated
from portfold.research.trades.trade_file import Trade
from tests.research.made import scenario_of, trade


def simulated(trades: tuple[Trade, ...], **rule: Any) -> tuple[Simulated, list[str]]:
    """What comes of the trades under the rule, and the symbols of those that were denied."""
    scenario = scenario_of(trades, stop=2500)
    limited = structs.replace(scenario, limits=structs.replace(scenario.limits, **rule))
    found = limited.simulate(limited.symbols, 4)
    return found, [limited.timeline.trades[one.trade].symbol for one in found.denied]


@pytest.mark.parametrize(
    ("rule", "symbols"),
    [
        ({"max_request_contracts": 1}, []),
        ({"max_symbol_contracts": "1"}, []),
        ({"groups": "both=ES,CL", "group_positions": "1"}, ["CL"]),
        ({"groups": "both=ES,CL", "group_one_side": "1"}, ["CL"]),
        ({"contract_weights": "ES=4"}, ["CL", "SI"]),
        ({"start_balance": Decimal(50_000), "contracts_ladder": "50000=2"}, ["SI"]),
    ],
)
def test_a_limit_of_exposure_that_live_has_the_simulation_has_too(
    rule: dict[str, Any], symbols: list[str]
) -> None:
    trades = (trade("ES", 0, 6, 10), trade("CL", 1, 5, 10), trade("SI", 2, 4, 10))
    assert simulated(trades, **rule)[1] == symbols


def test_a_workers_own_loss_closes_that_worker_and_no_other() -> None:
    trades = (trade("ES", 0, 1, -600), trade("ES", 2, 3, 10), trade("CL", 4, 5, 10))
    found, denied = simulated(trades, worker_daily_loss="600")
    assert denied == ["ES"]
    assert [rule for _, rule in found.reached] == ["worker_daily_loss"]
