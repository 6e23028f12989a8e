"""Traders and the flattener killed around their orders, a short run; and that the checks would notice."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kills import doomed_broker as places
from tests.kills.account import Books
from tests.kills.trading import Way, run
from tests.processes import ROOT

KILLS = 10


@pytest.mark.timeout(300)
def test_nothing_is_open_that_nobody_knows_and_nothing_closed_twice_whoever_dies_over_an_order(
    tmp_path: Path,
) -> None:
    words = ("--kills", "0", "--orders", str(KILLS), "--keep", str(tmp_path / "kept"))
    command = [sys.executable, "-m", "tests.kills", *words]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert ran.stdout.count("Everything holds.") == 2
    kills = [int(found) for found in re.findall(r"^(\d+) kills in ", ran.stdout, re.MULTILINE)]
    assert sum(kills) >= KILLS


@pytest.mark.parametrize(
    ("plant", "place", "found"),
    [
        ("confirms first", places.EXIT_FILLED, "counts 0 times"),
        ("sends again", places.EXIT_SENT, "came 2 times"),
    ],
)
def test_a_broker_that_loses_an_exit_or_sends_one_again_is_found(
    tmp_path: Path, plant: str, place: str, found: str
) -> None:
    broker = "paper" if place in places.PAPER_PLACES else "traderspost"
    report = run(tmp_path, broker, 1, 1, print, plant=plant, only=[Way("trader", place, "itself")])
    assert any(found in wrong for wrong in report.wrong), report.wrong


def test_a_position_that_goes_through_zero_is_found() -> None:
    books = Books()
    for action in ("buy", "exit", "sell", "buy"):
        order = {"order": action, "worker": "ibs-ES"}
        books.take({"ticker": "ESZ2025", "action": action, "quantity": 1, "extras": order})
    assert books.held == {"ESZ2025": 0}
    assert books.crossed == ["buy 1 ESZ2025 with -1 held"]
