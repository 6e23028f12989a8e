"""The pictures of all sets and of luck: what they draw is what was found."""

from pathlib import Path

import pytest
from msgspec import structs

from portfold.research.kernel.anew import in_words as anew_in_words
from portfold.research.portfolio_page.page import report_html
from portfold.research.portfolio_page.subject import Subject
from portfold.research.search.findings import Findings
from tests.audit.pages import Elements
from tests.research.kernel.test_all_sets import stretched
from tests.research.made import random_trades, scenario_of
from tests.research.searched import searched


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    each = stretched(random_trades(5, ("ES", "CL", "6E", "GC"), each=40), by=30)
    trades = [structs.replace(one, pnl=one.pnl + 400) for one in each]  # so that several are the best
    folder: Path = tmp_path_factory.mktemp("all")
    return searched(folder, scenario_of(trades, drawings=2), levels=(1,), kernel="always")


def findings_of(subject: Subject) -> Findings:
    assert subject.findings is not None
    return subject.findings


def test_the_map_has_the_sets_the_frontier_greedys_way_and_what_was_chosen(subject: Subject) -> None:
    findings, winner = findings_of(subject), subject.winner
    assert winner is not None
    assert findings.all_sets is not None
    page = Elements(report_html(subject))
    [drawn] = [one for one in page.charts if one["data"][0]["name"] == "sets"]
    sets, front, way, star = ([*zip(one["x"], one["y"], strict=True)] for one in drawn["data"])
    assert len(sets) == findings.all_sets.sets == 15
    figures = winner.train
    assert star == [(figures.max_dd, figures.sharpe)]
    assert star[0] in way
    assert way == [(one.metrics.max_dd, one.metrics.sharpe) for one in findings.paths[winner.max_positions]]
    assert front == [(one.metrics.max_dd, one.metrics.sharpe) for one in findings.all_sets.front]
    best = max(sets, key=lambda one: one[1])
    assert best[1] == pytest.approx(max(one[1] for one in front), abs=1e-4)


def test_luck_is_drawn_as_ranks_quarters_and_drawings(subject: Subject) -> None:
    findings, winner = findings_of(subject), subject.winner
    assert winner is not None
    assert winner.lots is not None
    assert findings.all_sets is not None
    overfitting, anew = findings.all_sets.overfitting, findings.all_sets.anew
    assert overfitting is not None
    assert anew is not None
    page = Elements(report_html(subject))
    ranks, quarters, lots = [one["data"][0] for one in page.charts if one["data"][0]["type"] == "bar"]
    assert sum(ranks["y"]) == overfitting.choices == 924
    low = sum(many for at, many in zip(ranks["x"], ranks["y"], strict=True) if at < 50)
    assert low / 924 == pytest.approx(overfitting.probability, abs=0.1)  # the median itself may be beside
    assert quarters["y"] == [quarter.made for quarter in anew.quarters]
    assert sum(lots["y"]) == winner.lots.drawings == 1000
    assert f"{anew_in_words(anew)}." in page.said


def test_where_not_all_sets_were_looked_at_the_page_says_so(tmp_path: Path) -> None:
    few = searched(tmp_path, scenario_of(random_trades(4, ("ES", "CL"), each=10)), levels=(1,))
    page = Elements(report_html(few))
    assert "Not all sets were looked at, so there is no map of them." in page.said
    assert not [one for one in page.charts if one["data"][0]["type"] == "bar"]
