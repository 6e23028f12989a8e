"""What is committed works for everyone: no address of a package registry, no path of somebody's machine.

And every module says in a docstring why it exists, under a name that says something.
"""

import ast
import re
from pathlib import Path

import pytest

from tests.house.committed import ROOT, committed

ADDRESS = re.compile(
    r"(?:pypi|pythonhosted|npmjs|anaconda)\.org"
    r"|(?:--|_)(?:extra-)?(?:index|find)-(?:url|links)"
    r"|file:/{2}"
    r"|(?<![\w.~-])/(?:root|home|Users|work|opt)/\w"
)
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "manager", "managers", "data", "common", "misc"}


def addresses_in(text: str) -> list[str]:
    """`line: what` for each address or path that only works somewhere."""
    lines = enumerate(text.splitlines(), start=1)
    return [f"{number}: {found.group()}" for number, line in lines for found in ADDRESS.finditer(line)]


def fault_of_module(name: Path, source: str) -> str | None:
    """Why a module may not stay as it is."""
    if empty := EMPTY_NAMES & {name.stem, *name.parts[:-1]}:
        return f"{empty.pop()} says nothing about what is inside"
    if not ast.get_docstring(ast.parse(source)):
        return "opens without a docstring"
    return None


def test_no_committed_file_holds_an_address_that_works_only_somewhere() -> None:
    texts = {name: (ROOT / name).read_text(encoding="utf-8", errors="replace") for name in committed()}
    assert Path("constraints.txt") in texts
    assert Path("pyproject.toml") in texts
    assert {name.as_posix(): found for name, text in texts.items() if (found := addresses_in(text))} == {}


def test_every_module_has_a_telling_name_and_opens_with_a_docstring() -> None:
    modules = [name for name in committed() if name.suffix == ".py"]
    assert Path("events/wire/embedded.py") in modules
    faults = {name.as_posix(): fault_of_module(name, (ROOT / name).read_text("utf-8")) for name in modules}
    assert {name: fault for name, fault in faults.items() if fault} == {}


@pytest.mark.parametrize(
    "line",
    [
        "redis @ https://files.pythonhosted" + ".org/packages/redis.whl",
        "--index" + "-url https://mirror.example/simple",
        "-e file:" + "///somewhere",
        "open('/" + "home/me/bars.csv')",
        "see /" + "root/notes",
    ],
)
def test_an_address_is_found(line: str) -> None:
    assert [found.split(":")[0] for found in addresses_in(f"fine\n{line}")] == ["2"]


@pytest.mark.parametrize(
    "line", ["redis==8.1.0", "redis://127.0.0.1:6379/0", "docs/work/plan.md", "https://example.com/home/page"]
)
def test_what_works_everywhere_is_no_address(line: str) -> None:
    assert addresses_in(line) == []


@pytest.mark.parametrize(
    ("name", "source", "fault"),
    [
        ("events/utils.py", '"""Says."""', "utils says nothing about what is inside"),
        ("events/data/bars.py", '"""Says."""', "data says nothing about what is inside"),
        ("events/wire/keys.py", "import os", "opens without a docstring"),
        ("events/wire/keys.py", '"""Says."""', None),
    ],
)
def test_a_faulty_module_is_found(name: str, source: str, fault: str | None) -> None:
    assert fault_of_module(Path(name), source) == fault
