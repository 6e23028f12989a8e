"""A limit of exposure that live has the simulation has too: the same fold, the same answers."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from portfold.research.simulate.restated import Bars, filled_at_the_next_open
from portfold.research.simulate.simulator import Simulated
from portfold.research.trades.trade_file import Trade
from tests.research.made import hour, packaged, priced, scenario_of, trade


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


STOPPED = {"entry_price": Decimal(5000), "side": "long"}


@pytest.mark.parametrize(
    ("plan", "denied"),
    [
        ({"risk": Decimal("2499.99")}, []),
        ({"risk": Decimal(2500)}, ["ES"]),
        ({**STOPPED, "stop_price": Decimal("4950.25")}, []),
        ({**STOPPED, "stop_price": Decimal(4950)}, ["ES"]),
        ({**STOPPED, "stop_price": Decimal("4975.25"), "size": 2}, []),
        ({**STOPPED, "stop_price": Decimal(4975), "size": 2}, ["ES"]),
        ({"entry_price": Decimal(5000), "stop_price": Decimal("5049.75")}, []),
        ({}, ["ES"]),
    ],
)
def test_what_the_file_says_of_a_stop_is_what_the_budget_counts_else_the_default_risk(
    plan: dict[str, Any], denied: list[str]
) -> None:
    trades = (trade("ES", 0, 6, 10, **plan),)
    assert simulated(trades, loss_budget="default", default_risk="ES=2500")[1] == denied


@pytest.mark.parametrize(("default_risk", "denied"), [("ES=400", [1, 2]), ("", [1, 2, 3])])
def test_where_live_denies_what_names_no_stop_a_silent_row_counts_by_the_default_risk(
    default_risk: str, denied: list[int]
) -> None:
    read = packaged()
    budget = structs.replace(read.portfolio.rules, loss_budget="deny", default_risk=default_risk)
    rules = structs.replace(read.portfolio, rules=budget)
    trades = (
        trade("ES", 0, 1, 10, risk=Decimal(400)),
        trade("ES", 2, 3, 10, risk=Decimal(2500)),
        trade("XX", 4, 5, 10, **STOPPED, stop_price=Decimal(4999)),  # nobody knows what a point of it is
        trade("ES", 6, 7, 10),
    )
    scenario = scenario_of(trades, configuration=structs.replace(read, portfolio=rules))
    assert [one.trade for one in scenario.simulate(("ES", "XX"), 4).denied] == denied


def test_filled_later_a_stop_is_as_far_off_and_a_risk_as_much() -> None:
    bars = {"ES": Bars([hour(1), hour(7)], [Decimal(5010), Decimal(5020)], [Decimal(5010), Decimal(5020)])}
    pricing = priced({"ES": {1: "5010", 7: "5020"}})
    stopped = trade("ES", 0, 6, 500, **STOPPED, exit_price=Decimal(5010), stop_price=Decimal(4990))
    risked = structs.replace(stopped, stop_price=None, risk=Decimal(700))
    later = filled_at_the_next_open((stopped, risked), pricing, bars).trades
    assert [(one.entry_price, one.stop_price, one.risk) for one in later] == [
        (Decimal(5010), Decimal(5000), None),
        (Decimal(5010), None, Decimal(700)),
    ]


def test_a_search_under_other_plans_is_another_search() -> None:
    planned = [scenario_of((trade("ES", 0, 6, 10, **plan),)) for plan in ({}, {"risk": Decimal(400)})]
    assert planned[0].digest() != planned[1].digest()
