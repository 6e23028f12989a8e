"""The test and the chart keep the rates that they state: by arithmetic, and on drawn histories."""

import math
from random import Random

import pytest

from portfold.coordinator.expected.sequential import (
    FALSE_SIGN,
    FOUND_SHARE,
    MISSED,
    Followed,
    Hypotheses,
    hypotheses_of,
)
from tests.coordinator.expected.made import normal_days

_HISTORIES = 400


def known(pnl: list[float]) -> Hypotheses:
    """What is tested, of days that can be."""
    found = hypotheses_of(pnl)
    assert found is not None
    return found


def lived(pnl: list[float], hypotheses: Hypotheses, random: Random, days: int, *, tilted: bool) -> Followed:
    """A history of so many days drawn from those expected, or with half the edge."""
    weights = [math.exp(hypotheses.weight(one)) for one in pnl] if tilted else None
    followed = Followed()
    for day, made in enumerate(random.choices(pnl, weights, k=days)):
        followed = followed.after(f"{day:05}", made, hypotheses)
    return followed


def share(pnl: list[float], days: int, verdict: str, *, tilted: bool) -> float:
    """How many of drawn histories get that verdict within so many days."""
    hypotheses, random = known(pnl), Random(7)
    ended = (lived(pnl, hypotheses, random, days, tilted=tilted) for _ in range(_HISTORIES))
    return sum(one.verdict == verdict for one in ended) / _HISTORIES


FAT_TAILED = [*(-9000.0 for _ in range(8)), *normal_days(0.8, 392)]


@pytest.mark.parametrize("pnl", [normal_days(0.5), FAT_TAILED], ids=["normal", "fat-tailed"])
def test_the_rates_stated_are_kept(pnl: list[float]) -> None:
    within, margin = known(pnl).found_within, 3 * math.sqrt(FALSE_SIGN * (1 - FALSE_SIGN) / _HISTORIES)
    assert share(pnl, 2 * within, "half the edge", tilted=False) <= FALSE_SIGN + margin
    assert share(pnl, within, "half the edge", tilted=True) >= FOUND_SHARE - margin
    assert share(pnl, 2 * within, "as expected", tilted=True) <= MISSED + 2 * margin


def test_a_day_adds_nothing_on_average_to_the_odds_where_all_is_as_expected() -> None:
    for pnl in (normal_days(0.1), normal_days(0.5), FAT_TAILED):
        hypotheses = known(pnl)
        odds = [math.exp(hypotheses.weight(one)) for one in pnl]
        assert sum(odds) / len(odds) == pytest.approx(1)
        weighed = sum(one * weight for one, weight in zip(pnl, odds, strict=True)) / len(pnl)
        assert weighed == pytest.approx(sum(pnl) / len(pnl) / 2), "the tilted mean is half"


def test_of_normal_days_it_is_the_test_of_the_books() -> None:
    edge = 0.3
    hypotheses = known(normal_days(edge, 5_000))
    assert hypotheses.tilt == pytest.approx(edge / 2 / 1000, rel=0.02)
    assert hypotheses.drift == pytest.approx(edge**2 / 8, rel=0.1)
    assert hypotheses.spread == pytest.approx(edge / 2, rel=0.05)


@pytest.mark.parametrize(
    "pnl",
    [[-1.0, -2.0] * 20, [5.0] * 40, [0.0] * 40, [100.0, 101.0] * 20],
    ids=["no edge", "all alike", "nothing", "none below half"],
)
def test_without_an_edge_to_halve_nothing_is_tested(pnl: list[float]) -> None:
    assert hypotheses_of(pnl) is None


def test_the_verdict_comes_at_the_bound_and_stands() -> None:
    hypotheses = Hypotheses(tilt=1.0, offset=0.0, drift=1.0, spread=1.0, chart_bound=7.0)
    bound = math.log(1 / FALSE_SIGN)
    below = Followed().after("1", -bound + 0.01, hypotheses)
    assert (below.verdict, below.has_sign) == ("", False)
    at = Followed().after("1", -bound, hypotheses)
    assert (at.verdict, at.decided_on, at.has_sign) == ("half the edge", "1", True)
    later = at.after("2", 100.0, hypotheses)
    assert (later.verdict, later.decided_on) == ("half the edge", "1")
    good = Followed().after("1", -math.log(MISSED), hypotheses)
    assert (good.verdict, good.has_sign) == ("as expected", False)


def test_the_chart_forgets_good_days_and_signs_at_its_bound() -> None:
    hypotheses = Hypotheses(tilt=1.0, offset=0.0, drift=1.0, spread=1.0, chart_bound=7.0)
    bound = hypotheses.chart_bound
    good = Followed().after("1", 50.0, hypotheses)
    assert good.chart == 0
    nearly = good.after("2", -bound + 0.01, hypotheses)
    assert (nearly.chart_on, nearly.has_sign) == ("", False)
    over = nearly.after("3", -0.02, hypotheses)
    assert (over.chart_on, over.verdict, over.has_sign) == ("3", "as expected", True)
    assert over.after("4", 50.0, hypotheses).chart_on == "3"
