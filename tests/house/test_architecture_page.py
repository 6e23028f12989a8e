"""The picture of the house on its page is the tree, and its trips are as short as they say."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
HOUSES = ("cli", "config", "coordinator", "events", "research", "workers")
MOST_FILES = 10


def drawn() -> set[str]:
    """The folders in the picture, by path: two blanks are a level."""
    picture = PAGE.split("## The house", 1)[1].split("```")[1]
    found, path = set[str](), list[str]()
    for line in picture.strip().splitlines():
        room = re.fullmatch(r"( *)(\w+)/ +\S.*", line)
        assert room is not None, line
        path[len(room[1]) // 2 :] = [room[2]]
        found.add("/".join(path))
    return found


def test_the_picture_is_the_tree() -> None:
    packages = {path.parent for house in HOUSES for path in (ROOT / house).rglob("__init__.py")}
    assert drawn() == {path.relative_to(ROOT).as_posix() for path in packages} | {"portfold"}


def trips() -> list[tuple[str, list[str]]]:
    table = PAGE.split("### Four trips", 1)[1].split("\n## ", 1)[0].split("### ", 1)[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("|")][2:]
    return [(row[1].strip(), re.findall(r"`([^`]+)`", row[2])) for row in rows]


@pytest.mark.parametrize(
    ("trip", "files"), trips(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_trip_opens_few_files_and_each_is_there(trip: str, files: list[str]) -> None:
    assert 1 < len(files) <= MOST_FILES, trip
    assert [file for file in files if not (ROOT / file).is_file()] == []
