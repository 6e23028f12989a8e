"""A file is one idea, and shorter than it takes to lose it: at most 350 lines, in the tests too."""

from collections.abc import Mapping
from pathlib import Path

from tests.house.committed import ROOT, committed

MOST_LINES = 350


def too_long(lines: Mapping[Path, int]) -> dict[str, int]:
    """The modules with more lines than that, and how many they have."""
    return {
        file.as_posix(): count
        for file, count in lines.items()
        if file.suffix in (".py", ".lua") and count > MOST_LINES
    }


def test_no_module_is_longer_than_one_idea() -> None:
    lines = {file: len((ROOT / file).read_bytes().splitlines()) for file in committed()}
    assert Path("tests/house/test_file_length.py") in lines
    assert too_long(lines) == {}


def test_350_lines_fit_and_one_more_is_found() -> None:
    assert too_long({Path("workers/fits.py"): 350, Path("docs/pages.md"): 999}) == {}
    assert too_long({Path("workers/long.py"): 351}) == {"workers/long.py": 351}
