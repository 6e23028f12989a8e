"""Traders and the flattener killed around their orders, a short run; and that the checks would notice."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kills.trading import ways
from tests.processes import ROOT

KILLS = 12


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
    assert "did not come to its place" not in ran.stdout


def test_every_place_of_an_order_is_among_the_ways_to_die() -> None:
    for broker in ("paper", "traderspost"):
        for who in ("trader", "told trader", "flattener"):
            assert {way.first for way in ways(broker) if way.who == who} == {"itself", "the other"}
