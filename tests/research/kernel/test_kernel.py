"""The kernel is held to the fold: random markets under random limits; and planted bugs."""

from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from portfold.config import Configuration
from portfold.pieces.place import Place
from portfold.research.kernel.available import UseKernel, why_not
from portfold.research.kernel.judging import KernelDiffers, agree
from portfold.research.kernel.kernel import Kernel
from portfold.research.kernel.stream import EXIT
from portfold.research.kernel.survey import members, number_of, survey
from portfold.research.search.grid import Cell, own_stop
from portfold.research.search.optimizer import Optimized, optimize
from portfold.research.search.plan import SearchPlan
from portfold.research.search.resume_log import ResumeLog
from portfold.research.search.search import Constraints
from portfold.research.simulate.scenario import Scenario
from portfold.research.statistics.metrics import Metrics
from tests.research.made import packaged, priced, random_trades, scenario_of, trade
from tests.research.referee.cases import cases
from tests.research.referee.test_simulation import SYMBOLS, random_bars, random_signals

USES: tuple[UseKernel, UseKernel] = ("always", "never")


def limited(random: Random) -> Configuration:
    configuration = packaged()
    runtime = structs.replace(
        configuration.runtime,
        stop_loss_on=random.choice(("total", "realized")),
        max_contracts=random.choice((None, 2, 9)),
    )
    return structs.replace(configuration, runtime=runtime)


def a_case(seed: int) -> tuple[Scenario, list[str], int]:
    """Trades or signals, with bars or without, some of the symbols, and a number of positions."""
    random = Random(seed)
    signals = random.random() < 0.5
    trades = random_signals(seed) if signals else random_trades(seed, each=random.randint(5, 20))
    bars = random_bars(random, trades, entry_bar=random.random() < 0.5) if random.random() < 0.7 else None
    scenario = scenario_of(
        trades,
        pricing=bars,
        stop=random.choice((300, 900, 2500)),
        seed=seed,
        drawings=2,
        breach=random.choice((400, 1500, 6000)),
        configuration=limited(random),
    )
    return scenario, random.sample(SYMBOLS, random.randint(1, 6)), random.randint(1, 6)


def test_kernel_and_fold_agree_on_every_trade_point_day_and_figure() -> None:
    stops = forced = denied = open_at_end = 0
    for seed in cases(40):
        scenario, symbols, level = a_case(seed)
        kernel = Kernel(scenario)
        simulations = scenario.simulations(symbols, level)
        agree(kernel, simulations)
        assert kernel.measure(symbols, level) == scenario.mean_figures(simulations), seed
        stops += sum(len(one.stop_days) for one in simulations)
        forced += sum(len(one.forced) for one in simulations)
        denied += sum(len(one.denied) for one in simulations)
        open_at_end += sum(one.open_at_end for one in simulations)
    assert min(stops, forced, denied, open_at_end) > 0  # it is no proof if nothing happened


def test_a_survey_says_of_all_sets_what_the_fold_says_of_each() -> None:
    scenario, _, level = a_case(3)
    kernel = Kernel(scenario)
    seen: list[int] = []
    symbols = kernel.compiled.symbols
    found = survey([kernel], [level], seen.append).surveyed[Cell(own_stop(scenario), level)]
    assert seen == [2 ** len(symbols) - 1]
    for number in range(1, 2 ** len(symbols)):
        chosen = members(number, symbols)
        assert number_of(chosen, symbols) == number == found.number[number - 1]
        figures: Metrics = scenario.measure(chosen, level)
        row = number - 1
        ranked = (found.sharpe[row], found.max_dd[row], found.made[row], found.breach_events[row])
        assert ranked == pytest.approx(
            (figures.sharpe, figures.max_dd, figures.total_return, figures.breach_events), abs=1e-9
        )
        returns = scenario.returns(chosen, level)
        assert found.sums[row].sum() == pytest.approx(returns.sum())
        assert found.squares[row].sum() == pytest.approx((returns**2).sum())


def test_a_cent_in_one_exit_is_found_and_the_trade_named() -> None:
    scenario = scenario_of([trade("ES", 0, 1, "-10"), trade("CL", 2, 3, "250.01"), trade("ES", 4, 5, "7")])
    kernel = Kernel(scenario)
    exits = np.flatnonzero(kernel.compiled.streams.kind[0] == EXIT)
    kernel.compiled.streams.cents[0, exits[1]] += 1
    with pytest.raises(
        KernelDiffers, match="trade 2 of those taken is CL, 2025-01-06 18:00:00 to"
    ) as differs:
        agree(kernel, scenario.simulations(["ES", "CL"], 2))
    assert b'"taken_by_kernel":[[0,' in differs.value.case


def test_a_stop_a_cent_off_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = scenario_of([trade("ES", 0, 1, -300), trade("CL", 0, 3, 10)], stop=300)
    kernel = Kernel(scenario)
    agree(kernel, scenario.simulations(["ES", "CL"], 2))
    right = kernel.bounds(2)
    monkeypatch.setattr(kernel, "bounds", lambda _: right._replace(stop_cents=right.stop_cents + 1))
    with pytest.raises(KernelDiffers, match=r"trade 2 of those taken is CL, .* by a stop, .* by the fold"):
        agree(kernel, scenario.simulations(["ES", "CL"], 2))


@pytest.mark.parametrize(
    ("rules", "closes", "unknown"),
    [
        ({"max_request_contracts": 1}, {}, "max_request_contracts"),
        ({"loss_budget": "default", "default_risk": "ES=400"}, {}, "loss_budget"),
        ({"default_risk": "ES=400", "marks_together_seconds": 60}, {}, ""),
        ({"marks_together_seconds": 60}, {"ES": {0.5: "5000", 1: "5000"}}, "marks_together_seconds"),
    ],
)
def test_a_limit_that_the_kernel_does_not_know_is_the_folds(
    rules: dict[str, Any], closes: dict[str, dict[float, str]], unknown: str
) -> None:
    prices = {"entry_price": Decimal(5000), "exit_price": Decimal(5000), "side": "long"}
    scenario = scenario_of([trade("ES", 0, 1, -5, **prices)], pricing=priced(closes))
    assert why_not(scenario) == ""
    limited = structs.replace(scenario, limits=structs.replace(scenario.limits, **rules))
    assert why_not(limited) == (f"the kernel does not know {unknown}" if unknown else "")


def test_a_search_by_the_kernel_finds_to_the_last_digit_what_one_by_the_fold_finds(tmp_path: Path) -> None:
    scenario = scenario_of(random_trades(6, SYMBOLS[:4], each=20), drawings=3)
    found = []
    for number, use in enumerate(USES):
        plan = SearchPlan((1, 2), Constraints(1e9, 1_000), "always", Place(), 1, kernel=use)
        with ResumeLog(tmp_path / f"{number}.search", scenario.digest()) as resume_log:
            found.append(optimize(scenario, None, plan, resume_log, lambda _: None))
    assert found[0].all_sets is not None
    assert without_what_the_kernel_adds(found[0]) == found[1]


def without_what_the_kernel_adds(found: Optimized) -> Optimized:
    """What a search by the kernel found, but for all sets and the many drawings of lots."""
    rows = tuple(structs.replace(row, lots=None) for row in found.rows)
    return structs.replace(found, rows=rows, all_sets=None, best_of_all=None)
