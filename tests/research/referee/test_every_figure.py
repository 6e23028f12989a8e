"""Every public figure of statistics, filter and backtest has its referee: a new one without fails here.

A function counts as refereed where a test of this folder imports it. What computes no figure of its own is
named below, with what keeps it right instead; each name is there for a reason, and none that is not needed.
"""

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from portfold import research
from portfold.research.statistics.metrics import Metrics
from tests.research.referee.figures import Figures

HERE = Path(__file__).parent
RESEARCH = Path(research.__path__[0])
JUDGED = ("statistics", "filter", "backtest")
WITHIN_ANOTHER = {
    # what one refereed function does for another, and a referee sees only as part of that
    "statistics.intervals.until_ruin": "intervals",
    "statistics.metrics.account_in_cents": "Metrics",
    "statistics.metrics.daily_pnl": "Metrics",
    "statistics.metrics.daily_returns": "Metrics.sharpe",
    "statistics.metrics.days_within": "intervals",
    "statistics.metrics.dollar_sharpe": "Metrics.sharpe_dollars",
    "statistics.metrics.growth": "Metrics.cagr",
    "statistics.metrics.mean_of": "Scenario.measure",
    "statistics.metrics.measured": "Scenario.figures",
    "statistics.metrics.measured_record": "Scenario.figures",
    "statistics.metrics.moments_of": "Metrics.breach_periods",
    "statistics.metrics.offered_in": "Metrics.avg_positions",
    "statistics.metrics.profit_factor": "Metrics.profit_factor",
    "statistics.metrics.returns_of": "Metrics.sharpe",
    "statistics.metrics.sharpe": "Metrics.sharpe",
    "statistics.metrics.sharpes": "intervals",
    "statistics.metrics.volatility": "Metrics.volatility",
    "statistics.metrics.years": "Metrics.cagr",
    "statistics.overfitting.sharpes_of_sums": "overfitting",
    "filter.training.as_arrays": "train",
    "backtest.alone.AloneGate": "trade_alone",
    "backtest.trading.quiet_log": "trade_alone",
    "backtest.walk_forward.RefittedFilter": "walk_forward",
    "backtest.walk_forward.refitted": "walk_forward",
    "backtest.walk_forward.spans_of": "walk_forward",
    "backtest.walk_forward.walk_forward": "walked",
}
NO_FIGURE = {
    # files, pages and commands around the figures
    "backtest.best.done_before": "tests/research/backtest/test_backtest.py",
    "backtest.best.sha256": "tests/research/backtest/test_backtest.py",
    "backtest.best.write_results": "tests/research/backtest/test_backtest.py",
    "backtest.one.ask": "tests/research/backtest/test_backtest.py",
    "backtest.walk_forward.ask_walk": "tests/research/backtest/test_walk_forward.py",
    "backtest.one.backtest": "tests/research/backtest/test_backtest.py",
    "backtest.outcome.fingerprint_of": "tests/research/backtest/test_backtest.py",
    "backtest.outcome.past_of": "tests/research/backtest/test_backtest.py",
    "backtest.outcome.refused_rows": "tests/research/backtest/test_backtest_command.py",
    "backtest.outcome.measured": "tests/research/backtest/test_backtest.py",
    "backtest.outcome.same_as_asked": "tests/promises/test_on_a_cluster.py",
    "backtest.rows.signals_table": "tests/research/backtest/test_signals.py",
    "backtest.rows.trades_table": "tests/research/backtest/test_backtest.py",
    "backtest.several.attempted": "tests/research/backtest/test_backtest_command.py",
    "backtest.several.each_alone": "tests/research/backtest/test_backtest_command.py",
    "filter.exporting.as_onnx": "tests/research/filter/test_filter_models.py",
    "filter.exporting.export": "tests/research/filter/test_filter_models.py",
    "filter.exporting.served": "tests/research/filter/test_filter_models.py",
    "filter.model_page.chosen_in_words": "tests/research/filter/test_filter_models.py",
    "filter.model_page.figures_in_words": "tests/research/filter/test_filter_models.py",
    "filter.model_page.model_page": "tests/research/filter/test_filter_models.py",
}


def public_functions() -> Iterator[str]:
    """Yields every public function at the top of a module, and every public class that does something."""
    for package in JUDGED:
        for file in sorted((RESEARCH / package).glob("*.py")):
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and _acts(node):
                    yield f"{package}.{file.stem}.{node.name}"


def _acts(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Returns whether it is public, and is made to do something: no record of figures."""
    makes = isinstance(node, ast.FunctionDef) or any(
        isinstance(one, ast.FunctionDef) and one.name == "__init__" for one in node.body
    )
    return makes and not node.name.startswith("_")


def imported_by_tests() -> set[str]:
    """Returns what the tests of this folder import of research, as package.module.name."""
    found = set()
    for file in HERE.rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("portfold.research."):
                module = (node.module or "").removeprefix("portfold.research.")
                found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def test_every_public_name_has_a_referee_or_a_reason_to_have_none() -> None:
    every, refereed = set(public_functions()), imported_by_tests()
    excused = {*WITHIN_ANOTHER, *NO_FIGURE}
    assert len(every) > len(excused)
    assert every - refereed == excused


def test_what_keeps_the_others_right_is_there() -> None:
    for file in set(NO_FIGURE.values()):
        assert (HERE.parents[2] / file).is_file(), file


def test_every_figure_of_a_portfolio_has_one_of_the_referees() -> None:
    assert {field.name for field in fields(Figures)} == set(Metrics.__struct_fields__)


def test_the_referee_knows_nothing_of_what_it_judges() -> None:
    own = [file for file in HERE.rglob("*.py") if not file.name.startswith("test_")]
    assert len(own) > 5
    for file in own:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.split(".")[0] in ("portfold", "numpy", "scipy")], file
