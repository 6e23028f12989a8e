"""The walk-forward against the referee: its spans, what each fit knows, and every trade that is written."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from portfold.config import Configuration
from portfold.research.backtest.outcome import BacktestPlan
from portfold.research.backtest.walk_forward import (
    Every,
    WalkPlan,
)
from portfold.research.errors import ResearchError
from portfold.research.filter import training
from portfold.research.filter.examples import Example
from portfold.research.filter.exporting import Served
from portfold.research.filter.training import THRESHOLDS
from portfold.research.simulate.market import ResearchMarket
from portfold.research.trades.results_folder import best_file, read_results
from portfold.research.trades.trading_days import DaySpan
from portfold.workers.feeds.bar import Bar
from tests.research.backtested import walked as walked_forward
from tests.research.counting import WEEKDAY, Counting
from tests.research.referee.cases import cases, unhurried
from tests.research.referee.exchange_day import weekdays
from tests.research.referee.test_trading import (
    ROLLS,
    as_judged,
    as_told,
    configured,
    measured,
    random_bars,
    random_parameters,
    random_resting,
    refereed,
)
from tests.research.referee.trading import Outcome, Traded
from tests.research.referee.walking.walk import Fit, Walk, fits, refused

pytestmark = unhurried

FEWEST = 12
DAY_LONG = 24 * 60
EVERY: tuple[Every, Every, Every] = ("month", "quarter", "year")


class Counted:
    """The model that counts, where a model of ONNX is served."""

    def __init__(self, model: Counting) -> None:
        self._model = model

    def probability(self, features: Sequence[float]) -> float:
        """Returns the score of a signal."""
        return float(self._model.of[int(features[WEEKDAY])])


def counted(model: Counting, _: str, known: Sequence[Example]) -> Served:
    content = json.dumps([model.of, len(known)]).encode()
    opened: Any = Counted(model)
    return Served(content, opened, ())


@pytest.fixture(autouse=True)
def _counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is one of known arithmetic, and a few examples are enough."""
    monkeypatch.setattr(training, "KINDS", {"random_forest": Counting})
    monkeypatch.setattr("portfold.research.filter.training._FEWEST", FEWEST)
    monkeypatch.setattr("portfold.research.filter.exporting.served", counted)
    monkeypatch.setattr("portfold.research.statistics.intervals.RESAMPLES", 10)


@dataclass
class Case:
    """A history, how it is walked, and what the referee makes of both."""

    configuration: Configuration
    bars: list[Bar]
    plan: WalkPlan
    by: Traded
    walk: Walk
    fits: list[Fit]


def a_case(seed: int, folder: Path) -> Case:
    """Bars of four hours to a day, so that months, quarters and years end in them."""
    random = Random(seed)
    bars = random_bars(random, random.randint(100, 130), steps=(240, 720, DAY_LONG, DAY_LONG))
    parameters = random_parameters(random) | {"entry_below": 0.5, "exit_at": None, "entry_hours": None}
    parameters["min_probability"] = random.choice([0.3, 0.48, 0.52, 0.56])
    configuration = configured(parameters, random_resting(random), random)
    own_exits = structs.replace(configuration.runtime, protective_stop=None)
    by = refereed(configuration, bars)
    learned = refereed(structs.replace(configuration, runtime=own_exits), bars)

    first = by.day(random.choice([0, random.randint(1, 30)]))
    begins = next(number for number in range(len(bars)) if by.day(number) >= first)
    tests = by.day(random.randint(75, 98)) + timedelta(days=random.choice([0, 0, 1]))
    every, embargo = random.choice(EVERY), random.choice(["0", "0.01", "0.05", "0.2"])
    thresholds = sorted({Fraction(str(at)) for at in (*THRESHOLDS, parameters["min_probability"])})
    walk = Walk(begins, tests, every, embargo, thresholds)
    market = ResearchMarket("bars")
    alone = BacktestPlan(configuration, market, DaySpan(first=first), Decimal(150_000), folder)
    plan = WalkPlan(alone, tests, every, "random_forest", float(embargo))
    return Case(configuration, bars, plan, by, walk, fits(by, learned, walk, FEWEST))


def rows(case: Case, made: Sequence[Outcome], unfiltered: Sequence[Outcome]) -> list[dict[str, object]]:
    """What best.json has of each test span."""
    by, found = case.by, []
    for fit in case.fits:
        own, all_of_them = ([one for one in some if one.entered in fit.bars] for some in (made, unfiltered))
        assert fit.threshold is not None
        found.append(
            {
                "First_Day": by.day(fit.bars[0]).isoformat(),
                "Last_Day": by.day(fit.bars[-1]).isoformat(),
                "Learned_Until": case.bars[fit.until - 1].time.isoformat(),
                "Examples": len(fit.known),
                "Threshold": float(fit.threshold),
                "Trades": len(own),
                "PnL_USD": float(sum((one.pnl for one in own), Fraction(0))),
                "Unfiltered_Trades": len(all_of_them),
                "Unfiltered_PnL_USD": float(sum((one.pnl for one in all_of_them), Fraction(0))),
            }
        )
    return found


def test_what_is_walked_forward_is_the_referees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walked = trades = turned_away = several = 0
    for seed in cases(12):
        case = a_case(seed, tmp_path / f"{seed}")
        feed = SimpleNamespace(bars=lambda _, of=case.bars: of)
        monkeypatch.setattr(ResearchMarket, "open", lambda *_, feed=feed: feed)
        if not case.fits or any(fit.threshold is None for fit in case.fits):
            with pytest.raises(ResearchError, match="ES"):
                walked_forward(case.plan, "ES")
            continue
        walked_forward(case.plan, "ES")

        by, first, missed = case.by, case.fits[0].bars[0], refused(case.by, case.fits)
        made = [one for one in by.alone(first, missed)[0] if one.ended]
        unfiltered = [one for one in by.alone(first)[0] if one.ended]
        best = json.loads(best_file(case.plan.backtest.folder, "ES").read_text())
        told = [{name: row[name] for name in row if name != "Model_SHA256"} for row in best["Walk_Forward"]]
        assert told == rows(case, made, unfiltered), seed
        if by.way.zone == ROLLS[0][0]:
            days = weekdays(by.day(first), by.day(len(by.bars) - 1))
            assert best["Sharpe"] == pytest.approx(measured(made, by, days).sharpe), seed
        if made:
            written = read_results(case.plan.backtest.folder, zone=ZoneInfo(by.way.zone)).symbols[0]
            assert [as_told(one) for one in written.trades] == [as_judged(one, by) for one in made], seed
            signals = [as_judged(one, by) for one in by.signals(first, missed)]
            assert [as_told(one) for one in written.signals or ()] == signals, seed
        walked, trades, turned_away = walked + 1, trades + len(made), turned_away + len(missed)
        several += len(case.fits) > 1
    assert min(walked, trades, turned_away, several) > 0  # it is no proof if nothing happened
