"""What all sets come to, against each of them simulated by the fold alone."""

import pytest

from portfold.research.kernel.available import surveyed_sets
from portfold.research.kernel.kernel import Kernel
from portfold.research.kernel.survey import survey
from portfold.research.search.all_sets import AllSets, FrontSet, Objective
from portfold.research.search.search import Constraints, all_sets
from portfold.research.simulate.scenario import Scenario
from portfold.research.statistics.metrics import Metrics
from tests.research.made import random_trades, scenario_of

SYMBOLS = ("ES", "CL", "6E", "GC")
LEVELS = (1, 2, 3)
CONSTRAINTS = Constraints(9_000, 40)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return scenario_of(random_trades(11, SYMBOLS, each=80), drawings=2)


@pytest.fixture(scope="module")
def each(scenario: Scenario) -> list[FrontSet]:
    sets = [(level, symbols) for level in LEVELS for symbols in all_sets(SYMBOLS)]
    measured = [FrontSet(level, symbols, scenario.measure(symbols, level)) for level, symbols in sets]
    return [one for one in measured if CONSTRAINTS.met_by(one.metrics)]


def found(scenario: Scenario, objective: Objective) -> AllSets:
    kernel = Kernel(scenario)
    return surveyed_sets(kernel, LEVELS, CONSTRAINTS, print).found(objective, scenario.measure)


def figures(metrics: Metrics) -> tuple[float, float, float]:
    return metrics.sharpe, -metrics.max_dd, metrics.total_return


def test_the_best_is_the_best_of_each_by_every_objective(scenario: Scenario, each: list[FrontSet]) -> None:
    assert 0 < len(each) < 45  # some are not valid
    of_objective: dict[Objective, int] = {"sharpe": 0, "drawdown": 1, "return": 2}
    for objective, place in of_objective.items():
        all_of_them = found(scenario, objective)
        highest = max(figures(one.metrics)[place] for one in each)
        assert all_of_them.best is not None
        assert figures(all_of_them.best.metrics)[place] == highest
        assert (all_of_them.sets, all_of_them.valid) == (45, len(each))


def test_no_set_of_the_frontier_is_bettered_and_every_other_is(
    scenario: Scenario, each: list[FrontSet]
) -> None:
    front = found(scenario, "sharpe")
    known = {figures(one.metrics) for one in each}
    free = {
        one
        for one in known
        if not any(other != one and all(a >= b for a, b in zip(other, one, strict=True)) for other in known)
    }
    assert front.front_of == len(free) > 1
    assert {figures(one.metrics) for one in front.front} <= free


def test_the_choice_among_all_is_judged_on_other_days(scenario: Scenario) -> None:
    judged = found(scenario, "sharpe").overfitting
    assert judged is not None
    assert (judged.sets, judged.choices) == (45, 924)


def test_ctrl_c_keeps_the_sets_that_were_looked_at_and_says_how_many_there_are(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.research.kernel.survey._AT_ONCE", 4)

    def interrupting(done: int) -> None:
        if done == 16:
            raise KeyboardInterrupt

    kernel = Kernel(scenario)
    surveyed = surveyed_sets(kernel, LEVELS, CONSTRAINTS, interrupting)
    partial = surveyed.found("sharpe", scenario.measure)
    assert surveyed.partial
    assert (partial.sets, partial.there_are) == (16, 45)
    assert partial.overfitting is not None
    assert partial.overfitting.sets == 16
    looked = survey(kernel, LEVELS, interrupting).surveyed
    assert [len(looked[level].number) for level in LEVELS] == [8, 4, 4]
    assert looked[1].number.tolist() != list(range(1, 9))  # a sample of all, not the first of them
    whole = survey(kernel, LEVELS, lambda _: None).surveyed
    for level, one in looked.items():
        assert (one.sharpe == whole[level].sharpe[one.number - 1]).all()


def test_ctrl_c_before_any_set_was_looked_at_ends_the_search(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("portfold.research.kernel.survey._look", interrupt)
    with pytest.raises(KeyboardInterrupt):
        survey(Kernel(scenario), LEVELS, lambda _: None)
