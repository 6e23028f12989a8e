"""expected_days.json: read whole or refused by its field, and never believed of another portfolio."""

import json
from typing import Any

import msgspec
import pytest

from tests.config.conftest import PORTFOLIO, Folder
from tests.coordinator.expected.made import expected_days

FILE = "expected_days.json"
TEN = ("6A", "6B", "6C", "6N", "6S", "CL", "ES", "PL", "RTY", "SI")


def writes(folder: Folder, **changed: Any) -> None:
    tree = json.loads(msgspec.json.encode(expected_days([float(n) for n in range(20)], symbols=TEN)))
    folder.write(FILE, json.dumps(tree | changed))


def test_without_the_file_nothing_is_expected(folder: Folder) -> None:
    assert folder.load().expected is None


def test_days_of_this_portfolio_are_expected(folder: Folder) -> None:
    writes(folder)
    configuration = folder.load()
    assert configuration.expected == expected_days([float(n) for n in range(20)], symbols=TEN)
    assert configuration.portfolio.warnings == ()


@pytest.mark.parametrize(
    ("key", "value"), [("max_positions", 3), ("daily_stop_loss", 2000), ("symbols", ["CL", "ES"])]
)
def test_days_of_another_portfolio_are_passed_over_with_a_warning(
    folder: Folder, key: str, value: object
) -> None:
    writes(folder)
    folder.change(PORTFOLIO, f"portfolio_constraints.{key}", value)
    configuration = folder.load()
    assert configuration.expected is None
    assert "these days are of another portfolio" in configuration.portfolio.warnings[0]


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"pnl": [1.0] * 19}, "expected_days.json: pnl: expected at least 20 days, got 19."),
        ({"won": [1] * 21}, "expected_days.json: won: expected 20 days, as pnl has, got 21."),
        ({"stops": [-1] * 20}, "expected_days.json: stops: expected counts of 0 or more, got -1."),
        ({"pnl": [1e13] * 20}, "expected_days.json: pnl: expected dollars of a sensible size, got others."),
        ({"block_days": 0.9}, "expected_days.json: block_days: expected 1 to 20 days, got 0.9."),
        (
            {"since": "soon"},
            f"{FILE}: since: expected a trading day such as 2025-01-15, got 'soon'.",
        ),
        (
            {"trades": "many"},
            "expected_days.json: trades: expected what portfold research export writes, "
            "got Expected `array`, got `str`.",
        ),
    ],
)
def test_a_file_that_was_edited_is_refused_by_its_field(
    folder: Folder, changed: dict[str, object], refusal: str
) -> None:
    writes(folder, **changed)
    assert folder.refusal() == refusal


def test_a_key_given_twice_is_refused(folder: Folder) -> None:
    folder.write(FILE, '{"since": "2025-01-15", "since": "2025-01-16"}')
    assert folder.refusal() == f'{FILE}: expected each key once in an object, got "since" twice.'
