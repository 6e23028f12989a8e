"""Every command block of README and docs is run, or says above it why it is not."""

import re

from tests.docs.blocks import PAGES, blocks_of
from tests.processes import ROOT

BLOCKS = [block for page in PAGES for block in blocks_of(page) if block.is_of_commands]


def test_each_is_marked_as_run_or_says_why_it_is_not() -> None:
    assert len(BLOCKS) > 50, "they are found"
    assert [block.name for block in BLOCKS if not block.mark] == []
    unreasoned = [block.name for block in BLOCKS if re.fullmatch(r"not run:?\s*\S{0,10}", block.mark)]
    assert unreasoned == []


def test_a_test_that_is_named_is_there_and_runs_the_command() -> None:
    for block in BLOCKS:
        if named := re.match(r"run by (\S+)", block.mark):
            source = (ROOT / named[1]).read_text(encoding="utf-8")
            first = next(line for line in block.lines if re.match(r"portfold |XADD|HGETALL|\.venv", line))
            word = "LockoutOrdered" if first.startswith("XADD") else first.split()[1]
            assert word in source or block.page.name in source, f"{block.name}: {named[1]} knows no {word}"
