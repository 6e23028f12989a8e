"""A folder is taken in at a look: at most fifteen modules lie in one, of the source as of the tests."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.house.committed import committed

MOST_MODULES = 15


def overfull(files: Iterable[Path]) -> dict[str, int]:
    """The folders with more modules than that, and how many they have; `__init__.py` is the folder itself."""
    modules = (file for file in files if file.suffix == ".py" and file.name != "__init__.py")
    found = Counter(module.parent.as_posix() for module in modules)
    return {folder: count for folder, count in found.items() if count > MOST_MODULES}


def test_no_folder_has_more_modules_than_are_taken_in_at_a_look() -> None:
    files = committed()
    assert Path("tests/simulation/memory/server.py") in files
    assert overfull(files) == {}


def test_fifteen_modules_fit_and_the_sixteenth_is_found() -> None:
    fifteen = [Path("workers", f"{number}.py") for number in range(15)]
    beside = [Path("workers/__init__.py"), Path("workers/notes.md"), Path("workers/run/trader.py")]
    assert overfull([*fifteen, *beside]) == {}
    assert overfull([*fifteen, *beside, Path("workers/sixteenth.py")]) == {"workers": 16}
