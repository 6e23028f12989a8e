"""Servers fail over under load, a short run; and that the checks would notice a yes that is gone."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("by", "times"), [("sentinel", 3), ("cluster", 4)])
def test_no_yes_that_an_order_rests_on_is_lost_whoever_takes_over(
    tmp_path: Path, by: str, times: int
) -> None:
    words = {"--sentinel": "0", "--cluster": "0", f"--{by}": str(times), "--keep": str(tmp_path / "kept")}
    command = [sys.executable, "-m", "tests.failovers", *(word for pair in words.items() for word in pair)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=380, check=False)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert f"{times} failovers by {by} under load" in ran.stdout
    assert "Everything holds." in ran.stdout
    sent = re.search(r"([0-9,]+) orders sent on a yes that was replicated", ran.stdout)
    assert sent is not None
    assert int(sent[1].replace(",", "")) >= times
