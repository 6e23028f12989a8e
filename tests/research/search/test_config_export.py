"""What is exported is what the coordinator loads; what it changes is said before it is changed."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfold.config import ConfigError, read_portfolio, write_defaults
from portfold.research.errors import ResearchError
from portfold.research.search.config_changes import changes, in_force
from portfold.research.search.config_export import (
    UNMEASURED,
    PortfolioChoice,
    checked,
    configuration_text,
    read_choice,
    stop_of,
)
from portfold.research.search.tables import GREEDY_COLUMNS

ROW = {
    "max_positions": "4",
    "n_symbols": "3",
    "symbols": "\"['6A', 'CL', 'ES']\"",
    "sharpe": "14.574",
    "cagr": "0.844",
    "total_return": "123456.78",
    "max_dd": "5878.99",
    "breach_events": "0",
    "breach_periods": "0",
    "pct_time_in_breach": "0.0",
    "daily_stops": "12",
    "profit_factor": "2.5",
    "avg_positions": "1.78",
}


def table(folder: Path, *rows: dict[str, str], columns: tuple[str, ...] = GREEDY_COLUMNS) -> Path:
    """A table of another program, with rows like ROW but for what is given."""
    path = folder / "greedy_optimization_results.csv"
    lines = [",".join((ROW | row)[name] for name in columns) for row in rows]
    path.write_text("\n".join([",".join(columns), *lines]) + "\n")
    return path


def exported(choice: PortfolioChoice, stop: str = "2500") -> dict[str, Any]:
    """The tree of the file."""
    tree: dict[str, Any] = json.loads(configuration_text(choice, Decimal(stop)))
    return tree


# --- reading the table ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "\"['ES', '6A', 'CL']\"",
        '"[""ES"", ""6A"", ""CL""]"',
        "ES 6A CL",
        '"ES,6A, CL"',
        "\"('ES', '6A', 'CL')\"",
    ],
)
def test_symbols_are_read_however_the_table_writes_them(tmp_path: Path, text: str) -> None:
    assert read_choice(table(tmp_path, {"symbols": text}), 0).symbols == ("6A", "CL", "ES")


def test_a_row_is_chosen_by_its_number_from_the_best(tmp_path: Path) -> None:
    path = table(tmp_path, {}, {"max_positions": "3.0"})
    assert [read_choice(path, row).max_positions for row in (0, 1)] == [4, 3]


@pytest.mark.parametrize("row", [2, -1])
def test_a_row_that_is_not_there_is_refused(tmp_path: Path, row: int) -> None:
    with pytest.raises(ResearchError, match=f"--row: expected a row from 0 to 1 of .*, got {row}"):
        read_choice(table(tmp_path, {}, {}), row)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"max_positions": "4.5"}, "max_positions: expected a whole number, got '4.5'"),
        ({"sharpe": "high"}, "sharpe: expected a number, got 'high'"),
        ({"symbols": "\"['ES', 6]\""}, "symbols: expected a list"),
        ({"symbols": '"[__import__(1)]"'}, "symbols: expected a list"),
    ],
)
def test_a_cell_that_is_none_is_named(tmp_path: Path, changed: dict[str, str], why: str) -> None:
    with pytest.raises(ResearchError) as error:
        read_choice(table(tmp_path, changed), 0)
    assert why in str(error.value)


def test_a_table_without_a_column_rows_or_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResearchError, match="The optimizer writes it"):
        read_choice(tmp_path / "nothing.csv", 0)
    with pytest.raises(ResearchError, match="got none: no set kept to its constraints"):
        read_choice(table(tmp_path), 0)
    with pytest.raises(ResearchError, match="sharpe is missing"):
        read_choice(
            table(tmp_path, {}, columns=tuple(name for name in GREEDY_COLUMNS if name != "sharpe")), 0
        )


# --- the file -------------------------------------------------------------------------------------------


def test_the_file_is_the_one_its_users_know(tmp_path: Path) -> None:
    tree = exported(read_choice(table(tmp_path, {}), 0))
    assert tree["portfolio_constraints"] == {
        "max_positions": 4,
        "daily_stop_loss": 2500.0,
        "symbols": ["6A", "CL", "ES"],
    }
    assert (
        tree["expected_performance"] | {"sharpe_ratio": 14.574, "cagr": 0.844} == tree["expected_performance"]
    )
    assert tree["expected_performance"]["max_drawdown_dollars"] == 5878.99
    assert tree["expected_performance"]["daily_stops_hit"] == 12


def test_the_coordinators_loader_reads_it_without_a_warning(tmp_path: Path) -> None:
    text = configuration_text(read_choice(table(tmp_path, {}), 0), Decimal("2500.50"))
    path = tmp_path / "portfolio_optimization.json"
    path.write_text(text)
    read = read_portfolio(path)
    assert (read.max_positions, read.daily_stop_loss, read.symbols) == (
        4,
        Decimal("2500.5"),
        ("6A", "CL", "ES"),
    )
    assert read.expected_performance is not None
    assert read.warnings == ()


def test_a_table_of_unknown_days_says_so(tmp_path: Path) -> None:
    choice = read_choice(table(tmp_path, {}), 0)
    optimization = exported(choice)["optimization"]
    assert (
        optimization["chosen_on"],
        optimization["judged_on"],
        optimization["judged_on_the_same_data"],
    ) == (None, None, None)
    assert stop_of(choice) is None


def test_the_sharpe_of_another_programs_table_is_marked(tmp_path: Path) -> None:
    performance = exported(read_choice(table(tmp_path, {}), 0))["expected_performance"]
    assert (performance["sharpe_ratio"], performance["sharpe_ratio_is"]) == (14.574, UNMEASURED)
    assert "growth over volatility" in UNMEASURED


def test_an_infinite_figure_is_left_out_of_the_file(tmp_path: Path) -> None:
    tree = exported(read_choice(table(tmp_path, {"profit_factor": "inf"}), 0))
    assert tree["expected_performance"]["profit_factor"] is None


# --- the judge ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"max_positions": "0"}, "portfolio_constraints.max_positions: expected a whole number"),
        ({"symbols": "es"}, "symbols[0]: expected a symbol of 1 to 12 capitals"),
        ({"symbols": "ES ES"}, "each once"),
        ({"symbols": "ZZ"}, "expected a symbol that"),
    ],
)
def test_what_no_coordinator_would_load_is_refused(tmp_path: Path, changed: dict[str, str], why: str) -> None:
    text = configuration_text(read_choice(table(tmp_path, changed), 0), Decimal(2500))
    with pytest.raises(ConfigError) as error:
        checked(text, tmp_path / "config" / "portfolio_optimization.json")
    assert why in str(error.value)
    assert str(tmp_path / "config" / "portfolio_optimization.json") in str(error.value)


def test_it_is_judged_together_with_the_other_files_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    write_defaults(folder)
    contracts = json.loads((folder / "contracts.json").read_text())
    (folder / "contracts.json").write_text(json.dumps({name: contracts[name] for name in ("ES", "CL")}))
    (folder / "runtime.json").unlink()
    text = configuration_text(read_choice(table(tmp_path, {}), 0), Decimal(2500))
    with pytest.raises(ConfigError, match=r'expected a symbol that .*contracts\.json describes, got "6A"'):
        checked(text, folder / "portfolio_optimization.json")


def test_changes_are_told_limit_by_limit(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    write_defaults(folder)
    old = in_force(folder / "portfolio_optimization.json")
    assert old is not None
    text = configuration_text(
        read_choice(table(tmp_path, {"max_positions": "3", "symbols": "6A ES GC"}), 0), Decimal("1999.50")
    )
    new = checked(text, folder / "portfolio_optimization.json").portfolio
    assert changes(old, new) == [
        "max_positions: 4 → 3",
        "daily_stop_loss: $2,500 → $1,999.50",
        "symbols added: GC",
        "symbols left out: 6B, 6C, 6N, 6S, CL, PL, RTY, SI",
    ]
    assert changes(new, new) == []


def test_the_rules_of_money_of_the_file_that_is_overwritten_stay_and_where_they_are_from(
    tmp_path: Path,
) -> None:
    output = tmp_path / "config" / "portfolio_optimization.json"
    write_defaults(output.parent)
    tree = json.loads(output.read_text())
    tree["portfolio_constraints"] |= {
        "start_balance": 50_000,
        "trailing_drawdown": 2000.5,
        "loss_tiers": "50%=tell",
    }
    tree["profile"] = {"source": "its page", "margin": 250.5}
    output.write_text(json.dumps(tree))
    before = in_force(output)
    assert before is not None
    text = configuration_text(read_choice(table(tmp_path, {}), 0), Decimal(2500), before)
    after = checked(text, output).portfolio
    assert (after.rules, after.profile) == (before.rules, before.profile)


def test_where_there_is_no_file_nothing_is_in_force(tmp_path: Path) -> None:
    assert in_force(tmp_path / "portfolio_optimization.json") is None
