"""Several drawings of lots: figures are means over them, and where no lot decides there is one history."""

from statistics import mean

import pytest
from hypothesis import given
from msgspec import structs

from portfold.research.simulate.scenario import Scenario
from portfold.research.simulate.trade_events import Happening
from portfold.research.statistics.metrics import mean_of
from tests.research.made import random_trades, scenario_of, trade
from tests.research.simulate.test_laws import LAW, SYMBOLS, content, seeds

CROWDED = [
    trade(symbol, at, at + 1, pnl) for at in range(0, 300, 2) for symbol, pnl in (("ES", 9), ("CL", -4))
]


def test_figures_are_means_over_the_drawings_with_the_lowest_and_the_highest_sharpe() -> None:
    scenario = scenario_of(CROWDED, drawings=7)
    each = [scenario.figures(one) for one in scenario.simulations(["CL", "ES"], 1)]
    found = scenario.measure(["CL", "ES"], 1)
    assert len({one.sharpe for one in each}) == found.drawings == 7
    assert found.sharpe == pytest.approx(mean(one.sharpe for one in each))
    assert found.total_return == pytest.approx(mean(one.total_return for one in each))
    assert found.max_dd == pytest.approx(mean(one.max_dd for one in each))
    assert found.sharpe_least == min(one.sharpe for one in each)
    assert found.sharpe_most == max(one.sharpe for one in each)


def returned(drawings: int, seed: int) -> float:
    return scenario_of(CROWDED, drawings=drawings, seed=seed).measure(["CL", "ES"], 1).total_return


def test_more_drawings_bring_the_means_of_two_seeds_together() -> None:
    few, many = ([returned(count, seed) for seed in range(6)] for count in (1, 25))
    assert max(many) - min(many) < 0.6 * (max(few) - min(few))


def test_where_there_is_room_for_all_no_lot_decides_and_there_is_one_history() -> None:
    scenario = scenario_of(CROWDED, drawings=5)
    assert len(scenario.simulations(["CL", "ES"], 2)) == 1
    assert scenario.measure(["CL", "ES"], 2).drawings == 1


def outcome(scenario: Scenario, level: int) -> tuple[object, ...]:
    """What it came to, whoever was looked at first within a moment."""
    symbols, days, curve, taken, denied, stops = content(scenario, scenario.simulate(SYMBOLS, level))
    return symbols, days, curve, sorted(map(str, taken)), sorted(map(str, denied)), stops


@LAW
@given(seeds)
def test_where_it_is_said_that_no_lot_decides_every_drawing_is_the_same(seed: int) -> None:
    scenario = scenario_of(random_trades(seed), drawings=3, stop=800)
    for level in (3, 4, 5):
        if len(scenario.simulations(SYMBOLS, level)) == 1:
            expected = outcome(scenario, level)
            for lots in (2, 3):
                assert outcome(scenario_of(random_trades(seed), seed=lots, stop=800), level) == expected


@LAW
@given(seeds)
def test_a_drawing_changes_the_order_of_entries_within_a_moment_and_nothing_else(seed: int) -> None:
    def apart_from_lots(happening: Happening) -> tuple[object, ...]:
        return happening.at.ms, happening.request is None, happening.trade, happening.fact

    first, second = scenario_of(random_trades(seed), drawings=2).drawings
    ids = [happening.at for happening in second.happenings]
    assert ids == sorted(set(ids)) == [happening.at for happening in first.happenings]
    assert sorted(map(apart_from_lots, first.happenings), key=str) == sorted(
        map(apart_from_lots, second.happenings), key=str
    )


def test_the_first_drawing_is_that_of_the_seed_alone() -> None:
    one, several = scenario_of(CROWDED), scenario_of(CROWDED, drawings=3)
    assert several.timeline == one.timeline
    assert several.digest() != one.digest()


def test_a_profit_factor_without_losses_in_any_drawing_has_no_mean() -> None:
    scenario = scenario_of(CROWDED, drawings=2)
    figures = [scenario.figures(one) for one in scenario.simulations(["CL", "ES"], 1)]
    assert mean_of([figures[0], structs.replace(figures[1], profit_factor=None)]).profit_factor is None
