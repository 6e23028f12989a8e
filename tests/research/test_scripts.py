"""What becomes of mistakes, and the scripts that call the commands, with the options they once had."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_line import called, environment, portfold
from tests.research.test_commands import LOOSE, TABLE

ROOT = Path(__file__).parents[2]


# --- mistakes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("simulate", "--results-dir", "nowhere"), "nowhere: expected the folder of results"),
        (("simulate", "--symbols", "NQ"), "expected trades of NQ"),
        (("simulate", "--min-positions", "5", "--max-positions", "4"), "--max-positions: expected at least"),
        (("simulate", "--max-positions", "51"), "--max-positions"),
        (("simulate", "--initial-cash", "0"), "--initial-cash"),
        (("simulate", "--daily-stop-loss", "0.001"), "--daily-stop-loss"),
        (("simulate", "--from", "2025-02-30"), "--from"),
        (("simulate", "--from", "2030-01-01"), "Expected trades from 2030-01-01"),
        (("simulate", "--zone", "Chicago"), "--zone: expected the name of a time zone"),
        (("simulate", "--bars", "nowhere"), "nowhere is not a folder"),
        (("simulate", "--config", "nowhere"), "No portfolio optimization config found"),
        (("simulate", "--max-positions", "1", "--output", "results/ES_optimization"), "cannot be written"),
        (("optimize", "--test-from", "2025-01-08"), "Expected a train span that ends before"),
        (("optimize", "--exhaustive", "maybe"), "--exhaustive"),
        (("export",), "greedy_optimization_results.csv: cannot be read"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(folder: Path, words: tuple[str, ...], why: str) -> None:
    ran = called("research", *words, cwd=folder)
    assert ran.code == 2, ran.err
    assert why in " ".join(ran.err.split())
    assert "Traceback" not in ran.err
    assert ran.err.startswith("portfold: ")


# --- the scripts ----------------------------------------------------------------------------------------


def script(
    name: str, *words: str, cwd: Path, python: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, str(ROOT / "research" / f"{name}.py"), *words],
        cwd=cwd,
        env=environment(cwd),
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def test_the_scripts_are_the_commands(folder: Path) -> None:
    for name, command, words in (
        ("portfolio_simulator", "simulate", ("--results-dir", "results", "--max-positions", "2")),
        (
            "portfolio_optimizer_greedy",
            "optimize",
            ("--results-dir", "results", "--max-positions", "2", *LOOSE),
        ),
        (
            "export_portfolio_config",
            "export",
            ("--results", TABLE, "--output", "config/portfolio_optimization.json"),
        ),
    ):
        by_script = script(name, *words, cwd=folder)
        by_command = portfold("research", command, *words, cwd=folder)
        assert (by_script.returncode, by_script.stderr) == (0, "")
        assert by_script.stdout == by_command.out


def test_a_scripts_mistakes_have_the_same_exit_code(folder: Path) -> None:
    ran = script("portfolio_simulator", "--results-dir", "nowhere", cwd=folder)
    assert (ran.returncode, ran.stderr) == (
        2,
        "portfold: nowhere: expected the folder of results, got no folder of that name.\n",
    )


def test_a_folder_of_that_name_where_it_is_run_is_no_matter(folder: Path) -> None:
    for name in ("research", "cli", "config"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise SystemExit('the wrong one')")
    assert script("portfolio_simulator", "--max-positions", "1", cwd=folder).returncode == 0


def test_a_python_without_portfold_uses_that_of_the_checkout_or_says_what_to_do(tmp_path: Path) -> None:
    # -S leaves out what is installed, as a Python that has none of it would.
    checkout = tmp_path / "checkout"
    (checkout / "research").mkdir(parents=True)
    shutil.copytree(ROOT / "portfold", checkout / "portfold", symlinks=True)
    for name in ("__init__.py", "launch.py", "portfolio_simulator.py"):
        (checkout / "research" / name).write_text((ROOT / "research" / name).read_text())
    command = [sys.executable, "-S", str(checkout / "research" / "portfolio_simulator.py"), "--help"]
    lost = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert lost.returncode == 1
    assert f"portfold is not installed for {sys.executable}" in lost.stderr
    own = checkout / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.write_text(f'#!/bin/sh\nexec env PYTHONPATH={ROOT} {sys.executable} "$@"\n')
    own.chmod(0o755)
    found = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=50, env=dict(os.environ)
    )
    assert (found.returncode, "Usage: portfold research simulate" in found.stdout) == (0, True)


# --- options of the scripts that were there before ------------------------------------------------------


FAMILIAR: list[tuple[tuple[str, ...], str]] = [
    (("--initial-capital", "100000"), "--initial-capital: it is called --initial-cash here"),
    (("--initial-capital=100000",), "--initial-capital: it is called --initial-cash here"),
    (("--exit-slippage", "2"), "--exit-slippage: there is none here: with --bars"),
    (("--ranking-method", "sharpe"), "--ranking-method: there is none here: sets are ranked"),
    (("--train-start", "2023-01-02"), "--train-start: optimize calls it --train-from here"),
]


@pytest.mark.parametrize("command", ["backtest", "simulate", "optimize", "export", "report"])
def test_a_familiar_option_is_told_by_what_it_is_called_or_why_it_is_not_needed(
    folder: Path, command: str, subtests: pytest.Subtests
) -> None:
    for option, message in FAMILIAR:
        with subtests.test(" ".join(option)):
            ran = called("research", command, *option, cwd=folder)
            assert (ran.code, ran.out) == (2, "")
            (line,) = ran.err.splitlines()
            assert line.startswith(f"portfold: {message}")


def test_the_scripts_tell_it_too(folder: Path) -> None:
    ran = script("portfolio_optimizer_greedy", "--ranking-method", "sharpe", cwd=folder)
    assert ran.returncode == 2
    assert ran.stderr.startswith("portfold: --ranking-method: there is none here")
