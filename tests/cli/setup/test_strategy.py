"""`portfold strategy`: the file that is written runs, its test passes, and a fault is one sentence."""

import importlib
import json
import sys
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, OK, UNUSABLE
from portfold.research.trades.results_folder import best_file
from tests.cli.command_line import portfold
from tests.processes import ROOT, config_folder

PAGE = (ROOT / "docs" / "own-strategies.md").read_text(encoding="utf-8")
FORGETFUL = """
import random
from portfold.workers.strategies.intent import Enter, Exit

class Forgetful:
    def __init__(self, parameters, trading_day): pass
    def decide(self, bar, held):
        if random.random() < 0.5: return None
        return Enter("long", 1) if held is None else Exit("luck")
"""


def test_what_is_written_is_a_strategy_and_passes_its_own_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = portfold("strategy", "new", "GapFade", "--folder", "mine", cwd=tmp_path)
    assert (ran.code, ran.err) == (OK, "")
    assert ran.out.splitlines()[:2] == ["mine/gap_fade.py", "mine/test_gap_fade.py"]
    assert "portfold strategy check mine/gap_fade.py:GapFade" in ran.out
    checked = portfold(
        "strategy", "check", "mine/gap_fade.py:GapFade", "--params", '{"hold": 3}', cwd=tmp_path
    )
    assert (checked.code, checked.err) == (OK, "")
    assert "is a strategy; its parameters: below 3, hold 3, size 1." in checked.out
    assert "traded twice and alike: " in checked.out
    monkeypatch.syspath_prepend(str(tmp_path / "mine"))
    tests = vars(importlib.import_module("test_gap_fade"))
    ours = [test for name, test in tests.items() if name.startswith("test_")]
    for test in ours:
        test()
    assert len(ours) == 2
    for module in ("gap_fade", "test_gap_fade"):
        del sys.modules[module]
    again = portfold("strategy", "new", "GapFade", "--folder", "mine", cwd=tmp_path)
    assert (again.code, again.out) == (UNUSABLE, "")
    assert "mine/gap_fade.py: expected no such file yet" in again.err


def test_it_can_be_backtested_by_its_entry(tmp_path: Path) -> None:
    """The page shows the file as it is written, and the entry that names it."""
    portfold("strategy", "new", "Dips", "--folder", "mine", cwd=tmp_path)
    assert (tmp_path / "mine" / "dips.py").read_text() in PAGE
    workers = json.loads(PAGE.split("<!-- entry: own -->\n```json\n")[1].split("```")[0])["workers"]
    config_folder(tmp_path / "other", runtime={"workers": workers})
    for file in (tmp_path / "other").iterdir():
        (tmp_path / "mine" / file.name).write_text(file.read_text())
    past = ("--bars", "synthetic", "--days", "20", "--symbols", "ES,CL")
    words = (*past, "--results-dir", "results", "--jobs", "1")
    ran = portfold("research", "backtest", *words, "--config", "mine", cwd=tmp_path)
    assert (ran.code, ran.err) == (OK, "")
    best = json.loads(best_file(tmp_path / "results", "ES").read_text())
    assert best["Params"]["strategy"] == "dips.py:Dips"
    assert best["Trades"] > 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("new", "../up"), UNUSABLE, "NAME: expected a name of up to 32 letters, digits and _"),
        (
            ("check", "moon"),
            UNUSABLE,
            "expected one of ibs, atr_dip, bollinger, opening_range, or FILE.py:NAME",
        ),
        (
            ("check", "forgetful.py:Forgetful", "--params", "3"),
            UNUSABLE,
            "--params: expected an object of JSON",
        ),
        (
            ("check", "forgetful.py:Forgetful", "--symbol", "X"),
            UNUSABLE,
            "--symbol: expected one with a contract",
        ),
        (("check", "forgetful.py:Other"), UNUSABLE, "has no attribute 'Other'"),
        (("check", "forgetful.py:Forgetful"), FAILED, "traded the same bars otherwise the second time"),
    ],
)
def test_a_fault_is_one_sentence(words: tuple[str, ...], code: int, told: str, tmp_path: Path) -> None:
    (tmp_path / "forgetful.py").write_text(FORGETFUL)
    ran = portfold("strategy", *words, cwd=tmp_path)
    assert ran.code == code
    assert told in ran.err
    assert ran.err.count("\n") == 1
