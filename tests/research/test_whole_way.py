"""The way from bars to a portfolio that trades, as docs/research.md has it in one line."""

import re
import shlex
from pathlib import Path

from portfold.config import load
from tests.cli.command_line import called, portfold

PAGE = Path(__file__).parents[2] / "docs" / "research.md"
SHORT = ("--days", "4")
SMALLER = {
    "backtest": ("--symbols", "6C,6S,PL,RTY", "--jobs", "1"),
    "optimize": ("--max-dd-limit", "99999", "--max-breach-events", "99", "--jobs", "1"),
}
"""What else each command is given, by its name: limits loose enough for so few days among it."""


def documented() -> list[list[str]]:
    """The words of each command, as they stand on the page."""
    (line,) = re.findall(
        r"```\n(portfold research backtest .*?portfold run .*?)\n```", PAGE.read_text(), re.S
    )
    return [shlex.split(command) for command in line.replace("\\\n", " ").split("&&")]


def test_the_documented_line_ends_with_the_portfolio_it_found_trading_on_paper(tmp_path: Path) -> None:
    """On fewer days and symbols."""
    *research, (_, *run) = documented()
    for _, *words in research:
        shorter = SHORT if "--bars" in words else ()
        ran = called(*words, *shorter, *SMALLER.get(words[1], ()), cwd=tmp_path)
        assert ran.code == 0, (words, ran.err)
    found = load(None, {}, tmp_path).portfolio
    run[run.index("--pace") + 1] = "0"
    run[run.index("--days") + 1] = "1"
    ran = portfold(*run, cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert f"optimized_symbols={', '.join(found.symbols)}" in ran.err
    assert "All bars are traded" in ran.err
