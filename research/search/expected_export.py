"""Keeps the days that a portfolio was chosen for beside its exported configuration: expected_days.json."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec

from portfold.config.expected import EXPECTED_FILE, FEWEST_DAYS, ExpectedDays
from portfold.research.search.config_export import PortfolioChoice, stop_of
from portfold.research.trades.whole_files import write_whole


def expected_of(choice: PortfolioChoice, daily_stop_loss: Decimal, since: date) -> ExpectedDays | str:
    """Returns what is expected of the choice from a day on, or why nothing is."""
    winner = choice.winner
    if winner is None or winner.days is None:
        return "no days of it are known: portfold research optimize keeps them with its findings"
    if stop_of(choice) != daily_stop_loss:
        return "it was simulated with another daily stop"
    if len(winner.days.pnl) < FEWEST_DAYS:
        return f"it was judged on {len(winner.days.pnl)} days, and bands need at least {FEWEST_DAYS}"
    return winner.days.expected(choice.symbols, choice.max_positions, daily_stop_loss, since)


def write_expected(output: Path, expected: ExpectedDays) -> Path:
    """Writes them beside the configuration `output`, whole or not at all; returns where. Raises
    ResearchError.
    """
    path = output.parent / EXPECTED_FILE
    write_whole(path, f"{msgspec.json.encode(expected).decode()}\n")
    return path
