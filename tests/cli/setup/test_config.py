"""`portfold config check` and `show`, and the page of all keys: what is in force and what is wrong."""

import json
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, OK, UNUSABLE
from portfold.cli.setup.config_keys import portfolio_keys, runtime_keys
from portfold.cli.setup.config_meanings import MEANINGS
from portfold.cli.setup.config_page import page
from portfold.config import ConfiguredRules
from tests.cli.command_line import portfold
from tests.processes import ROOT, config_folder

OWN = """
class Mine:
    def __init__(self, parameters, trading_day): pass
    def decide(self, bar, held): return None
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = config_folder(tmp_path / "mine")
    (made / "mine.py").write_text(OWN)
    return made


def shown(folder: Path, *words: str) -> dict[str, tuple[str, str]]:
    """Each key with its value and where it is from."""
    ran = portfold("config", "show", "mine", *words, cwd=folder.parent)
    assert (ran.code, ran.err) == (OK, "")
    rows = ran.out.split("Value\n", 1)[1].splitlines()
    return {key: (value, origin) for key, origin, value in (row.split(None, 2) for row in rows)}


def runtime_of(folder: Path, tree: dict[str, object]) -> None:
    (folder / "runtime.json").write_text(json.dumps(tree))


def test_each_value_is_shown_with_where_it_comes_from(folder: Path) -> None:
    default = {"entry_below": 0.1, "size": 2}
    workers = {"default": default, "ES": {"size": 1}, "CL": {"strategy": "bollinger"}}
    runtime_of(folder, {"lease_ms": 3000, "workers": workers})
    found = shown(folder)
    told = ("lease_ms", "mark_seconds", "workers.ES.size", "workers.ES.entry_below", "workers.ES.exit_above")
    assert [found[key] for key in told] == [
        ("3000", "runtime.json"),
        ("5", "default"),
        ("1", "runtime.json"),
        ("0.1", "workers.default"),
        ("0.8", "default"),
    ]
    assert found["workers.CL.min_probability"] == ("0.5", "default")
    assert found["portfolio_constraints.daily_stop_loss"] == ("2500", "portfolio_optimization.json")
    own = shown(folder, "--own")
    assert own.items() < found.items()
    assert {origin for _, origin in own.values()} == {
        "runtime.json",
        "workers.default",
        "portfolio_optimization.json",
    }


def test_a_configuration_that_can_be_used_is_said_to_be_so(folder: Path) -> None:
    runtime_of(folder, {"workers": {"default": {"strategy": "mine.py:Mine"}}})
    ran = portfold("config", "check", "mine", cwd=folder.parent)
    assert (ran.code, ran.err) == (OK, "")
    assert ran.out.splitlines()[-1] == "All of it can be used."


def test_everything_that_a_worker_would_refuse_is_found_at_once(folder: Path) -> None:
    workers = {
        "ES": {"strategy": "mine.py:Mine", "params": {"size": 1}},
        "CL:late": {"strategy": "gone.py:Gone"},
        "RTY": {"model": "models/RTY.onnx"},
    }
    runtime_of(folder, {"redis_password_env": "NOBODYS_PASSWORD", "workers": workers})
    ran = portfold("config", "check", "mine", cwd=folder.parent)
    assert (ran.code, ran.err) == (FAILED, "")
    lines = ran.out.splitlines()[3:]
    begins = sorted(line.partition(": ")[0] for line in lines)
    variable = "redis_password_env names the variable NOBODYS_PASSWORD, which is not set here"
    assert begins == ["CL:late", "ES", "RTY", variable]
    assert any(
        "workers.ES.params: expected nothing: this kind has no options, got size" in line for line in lines
    )


def test_what_cannot_be_read_is_one_sentence(folder: Path) -> None:
    runtime_of(folder, {"lease": 3000})
    for command in ("check", "show"):
        ran = portfold("config", command, "mine", cwd=folder.parent)
        assert (ran.code, ran.out) == (UNUSABLE, "")
        assert "lease: expected a known key (the nearest is lease_ms), got an unknown key" in ran.err


def test_every_key_has_a_meaning_and_the_page_is_current() -> None:
    keys = {key.path for key in (*runtime_keys(), *portfolio_keys())}
    rules = {f"portfolio_constraints.{name}" for name in ConfiguredRules.__struct_fields__}
    assert keys - rules == MEANINGS.keys()
    written = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
    assert written == page(), "python -m portfold.cli.setup.config_page > docs/reference/configuration.md"
