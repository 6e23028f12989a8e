"""The page of what portfold is built on names what `pyproject.toml` names, each as it is pinned."""

import re
import tomllib
from pathlib import Path

_ROW = re.compile(
    r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE
)
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def plain(name: str) -> str:
    return name.lower().replace("_", "-")


def named() -> dict[str, set[str]]:
    """Each package by its name, with the extras that have it."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: dict[str, set[str]] = {}
    for extra, packages in {"–": project["dependencies"], **project["optional-dependencies"]}.items():  # noqa: RUF001
        for package in packages:
            name = _NAME.match(package)
            assert name is not None
            found.setdefault(plain(name.group()), set()).add(extra)
    return found


def rows() -> dict[str, tuple[str, ...]]:
    page = Path("docs/dependencies.md").read_text(encoding="utf-8")
    return {plain(row[0]): row[1:] for row in _ROW.findall(page)}


def test_every_package_has_a_row_and_every_row_a_package() -> None:
    assert rows().keys() == named().keys()


def test_a_row_names_the_extras_that_a_user_asks_for_and_leaves_nothing_blank() -> None:
    for name, (extra, *others) in rows().items():
        assert set(extra.split(", ")) == (named()[name] - {"dev"} or {"dev"}) | (
            {"dev"} & set(extra.split(", "))
        )
        assert all(other.strip() for other in others), name


def test_the_release_is_the_one_that_is_installed() -> None:
    pinned = dict(
        line.partition(";")[0].strip().split("==")
        for line in Path("constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line and not line.startswith("#")
    )
    pins = {plain(name): release for name, release in pinned.items()}
    for name, (_, _, release, *_) in rows().items():
        assert release == pins.get(name, "not pinned"), name
