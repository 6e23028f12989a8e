"""What the page of the architecture lists is what there is: the tree, keys, rules of entry, files."""

import re
from pathlib import Path

import pytest

from portfold.coordinator.fold.rules.table import BY_A_SCOPE, RULES
from portfold.events.wire.keys import Keys

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
    shared = {
        path.parent for path in (ROOT / "portfold").glob("*/__init__.py") if not path.parent.is_symlink()
    }
    assert drawn() == {path.relative_to(ROOT).as_posix() for path in packages | shared} | {"portfold"}


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


def test_every_key_is_in_the_table_and_no_other() -> None:
    table = PAGE.split("## Keys", 1)[1].split("\n## ", 1)[0]
    first = "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|"))
    named = {
        re.sub(r"<\w+>", "", one).rpartition("}:")[2].strip(":") for one in re.findall(r"`([^`]+)`", first)
    }
    keys = Keys("main")
    of_one = {f"{keys.prefix}:{named}:" for named in ("worker", "claim", "notifier", "notifier-lease")}
    there = {getattr(keys, name) for name, value in vars(Keys).items() if isinstance(value, property)}
    there = (there | of_one) - {keys.prefix}
    assert named == {one.rpartition("}:")[2].strip(":") for one in there}
    assert {method("") for method in (keys.worker, keys.claim, keys.notifier, keys.notifier_lease)} == of_one


def test_the_rules_of_entry_are_told_in_the_order_they_are_asked() -> None:
    told = " ".join(PAGE.split("`entry.answer` asks the rules in order", 1)[1].split("\n3. ", 1)[0].split())
    rules = [rule.code.replace("_", " ") for rule in RULES if rule not in BY_A_SCOPE]
    assert told.partition(": ")[2] == f"{', '.join(rules)}."
