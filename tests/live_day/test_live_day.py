"""A short day: four workers, orders in parts, a worker killed over one, the stop while TWS is gone."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live_day.day import DidNotHappen, require
from tests.processes import ROOT


@pytest.mark.timeout(300)
def test_account_books_and_log_agree_to_the_cent_at_the_end_of_a_day_of_trouble(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.live_day", "--short", "--seconds", "0", "--keep", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert "Everything holds." in ran.stdout
    assert "the same in account, book and log" in ran.stdout
    executions = re.search(r"(\d+) executions", ran.stdout)
    assert executions is not None
    assert int(executions[1]) > 10


def test_a_trouble_that_did_not_happen_is_one() -> None:
    require("it happened", "nothing is said")
    with pytest.raises(DidNotHappen, match="nobody was killed"):
        require(0, "nobody was killed")
