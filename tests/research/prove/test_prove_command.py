"""`portfold research prove` as people type it."""

import json
from decimal import Decimal
from pathlib import Path

from tests.cli.command_line import called
from tests.research.made import trade, write_results
from tests.research.prove.scenes import profile_of

COMMAND = ("research", "prove", "--profile")


def test_an_example_holds_and_what_no_limit_prevents_is_said_apart(tmp_path: Path) -> None:
    ran = called(*COMMAND, "example-end-of-day", "--histories", "60", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith("EXAMPLE of the kind")
    assert "Tried: 60 random histories, seed 1." in lines
    assert lines.index("The firm's rule was never broken before ours stopped.") < lines.index(
        "What no limit of ours prevents:"
    )


def test_trades_that_break_the_rule_are_shown_and_the_code_says_so(tmp_path: Path) -> None:
    profile_of(tmp_path, limits={"trailing_drawdown": 9_000})
    losing = [trade("ES", hours, hours + 1, -900, entry_price=Decimal(5000)) for hours in (0, 2, 4)]
    write_results(tmp_path / "results", losing)
    words = (*COMMAND, "profile.json", "--histories", "0", "--results-dir", "results")
    ran = called(*words, cwd=tmp_path)
    assert ran.code == 1
    assert "Tried: 0 random histories, seed 1, and 3 trades." in ran.out
    assert "THE FIRM'S RULE WAS BROKEN BEFORE OURS STOPPED." in ran.out
    assert "In the trades; the fewest that were found to show it, 3:" in ran.out
    tree = json.loads(called(*words, "--json", cwd=tmp_path).out)
    assert (tree["holds"], tree["trades"], tree["in_trades"]["how"]) == (False, 3, "unstopped")
    assert [one["pnl"] for one in tree["in_trades"]["trades"]] == [-900] * 3


def test_a_symbol_without_a_contract_is_a_sentence(tmp_path: Path) -> None:
    profile_of(tmp_path, limits={"symbols": ["ES", "XX"]})
    ran = called(*COMMAND, "profile.json", "--histories", "0", cwd=tmp_path)
    assert ran.code == 2
    assert "--profile: expected symbols that" in ran.err
    assert "got XX" in ran.err
