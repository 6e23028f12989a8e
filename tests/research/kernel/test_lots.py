"""Many drawings of lots by the kernel are those that the fold would make of the same lots."""

import numpy as np
import pytest
from msgspec import structs

from portfold.research.kernel import lots
from portfold.research.kernel.judging import KernelDiffers
from portfold.research.kernel.kernel import Kernel
from portfold.research.statistics.lots import in_words
from tests.research.made import random_trades, scenario_of, trade

SYMBOLS = ("ES", "CL", "6E", "GC")
FEW = 12


def test_a_thousand_drawings_have_the_spread_that_the_fold_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lots, "DRAWINGS", FEW)
    scenario = scenario_of(random_trades(8, SYMBOLS, each=60), seed=3, drawings=FEW)
    chosen = ("6E", "CL", "GC")
    each = [scenario.figures(one) for one in scenario.simulations(chosen, 1)]
    found = lots.lots_spread(Kernel(structs.replace(scenario, drawings=scenario.drawings[:1])), chosen, 1, 3)
    assert found is not None
    sharpes = [one.sharpe for one in each]
    ends = np.quantile(sharpes, (0, 0.05, 0.5, 0.95, 1))
    assert (found.least, found.low, found.middle, found.high, found.most) == pytest.approx(ends)
    made = [one.total_return for one in each]
    assert (found.made_least, found.made_most) == pytest.approx((min(made), max(made)))
    assert found.drawings == sum(found.counts) == len(each) == FEW
    assert f"over 12 drawings of lots its Sharpe is {min(sharpes):.2f} to {max(sharpes):.2f}" in in_words(
        found
    )


def test_where_no_lot_decides_there_is_no_spread() -> None:
    scenario = scenario_of([trade("ES", 0, 1, 5), trade("CL", 0, 1, 5)])
    assert lots.lots_spread(Kernel(scenario), ("CL", "ES"), 2, 1) is None


def test_a_drawing_that_the_fold_makes_otherwise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lots, "DRAWINGS", 3)
    monkeypatch.setattr(lots, "_name", lambda _, number: f"another.{number}")
    kernel = Kernel(scenario_of(random_trades(8, SYMBOLS, each=20)))
    assert lots.lots_spread(kernel, SYMBOLS, 1, 1) is not None  # any lots are lots
    monkeypatch.setattr(lots, "sharpe_of", lambda _: 9.0)
    with pytest.raises(KernelDiffers, match=r"lots drawn from another\.0: Sharpe 9\.0 by the kernel"):
        lots.lots_spread(kernel, SYMBOLS, 1, 1)
