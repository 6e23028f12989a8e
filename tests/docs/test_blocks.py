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
        if block.mark.startswith("run by "):
            named = re.findall(r"tests/\S+\.py", block.mark)
            assert named, block.name
            source = "".join((ROOT / one).read_text(encoding="utf-8") for one in named)
            for line in block.lines:
                if found := re.match(r"portfold ([a-z][a-z -]*?)(?= [^a-z]|$)", line):
                    words = [word for word in found[1].split() if re.fullmatch(r"[a-z-]+", word)][:2]
                    lacking = [word for word in words if word not in source]
                    told = f"{block.name}: {' and '.join(named)} know no {' '.join(lacking)}"
                    assert not lacking or block.page.name in source, told
                elif line.startswith("XADD"):
                    assert "LockoutOrdered" in source or block.page.name in source, block.name
