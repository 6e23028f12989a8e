"""The whole configuration: where its files come from, what they must agree on, what a missing one means."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from portfold.config import ConfigError, ConfigFile, MissingConfigError, load
from portfold.config.locate import PACKAGED

if TYPE_CHECKING:
    from tests.config.conftest import Folder

PORTFOLIO, RUNTIME, CONTRACTS = "portfolio_optimization.json", "runtime.json", "contracts.json"


def test_the_packaged_default_loads_from_any_folder(tmp_path: Path) -> None:
    configuration = load(None, {}, tmp_path)

    assert configuration.source.chosen_by == "packaged default"
    assert configuration.files.portfolio == ConfigFile(PACKAGED / PORTFOLIO, packaged=True)
    assert configuration.files.runtime.packaged
    assert configuration.files.contracts.packaged
    assert set(configuration.portfolio.symbols) <= set(configuration.contracts)


def test_a_folder_with_all_files_needs_nothing_packaged(folder: Folder) -> None:
    files = folder.load().files

    assert files.portfolio == ConfigFile(folder.path / PORTFOLIO, packaged=False)
    assert files.runtime == ConfigFile(folder.path / RUNTIME, packaged=False)
    assert files.contracts == ConfigFile(folder.path / CONTRACTS, packaged=False)


@pytest.mark.parametrize("missing", [RUNTIME, CONTRACTS])
def test_a_missing_runtime_or_contracts_file_is_the_packaged_one_and_says_so(
    folder: Folder, missing: str
) -> None:
    (folder.path / missing).unlink()

    files = folder.load().files

    packaged = {file.path for file in (files.portfolio, files.runtime, files.contracts) if file.packaged}
    assert packaged == {PACKAGED / missing}


def test_a_runtime_file_that_cannot_be_read_is_not_replaced(folder: Folder) -> None:
    (folder.path / RUNTIME).unlink()
    (folder.path / RUNTIME).symlink_to("gone")

    assert folder.refusal().startswith(f"{RUNTIME}: expected a readable file, got an error: No such file")


def test_a_missing_portfolio_file_is_told_with_the_way_to_make_one(tmp_path: Path) -> None:
    file = tmp_path / "mine" / PORTFOLIO

    with pytest.raises(MissingConfigError) as caught:
        load("mine", {}, tmp_path)

    sentence = str(caught.value)
    assert sentence.startswith(f"No portfolio optimization config found: {file}. ")
    assert (
        "`python3 research/export_portfolio_config.py "
        f"--results results/greedy_optimization_results.csv --output {file}`"
    ) in sentence
    assert f"`portfold config init {file.parent}`" in sentence


def test_a_missing_folder_from_the_environment_is_no_reason_to_fall_back(tmp_path: Path) -> None:
    with pytest.raises(MissingConfigError):
        load(None, {"PORTFOLD_CONFIG": "gone"}, tmp_path)


def test_the_way_to_make_a_file_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    with pytest.raises(MissingConfigError, match=re.escape(f"init '{tmp_path}/my files'")):
        load("my files", {}, tmp_path)


@pytest.mark.parametrize("name", ["n" * 5000, "a\0b"])
def test_an_impossible_folder_is_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="expected a readable file, got an error"):
        load(name, {}, tmp_path)


@pytest.mark.parametrize("file", [PORTFOLIO, RUNTIME, CONTRACTS])
@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"{}"'])
def test_a_file_with_the_wrong_content_is_named(folder: Folder, file: str, text: str) -> None:
    folder.write(file, text)

    assert folder.refusal().startswith(f"{file}: ")


def test_max_contracts_is_as_many_as_positions_unless_told(folder: Folder) -> None:
    assert folder.load().max_contracts == 4

    folder.change(RUNTIME, "max_contracts", 9)
    assert folder.load().max_contracts == 9


def test_a_worker_larger_than_the_portfolio_is_refused(folder: Folder) -> None:
    folder.change(RUNTIME, "workers.ES", {"size": 4})
    folder.load()

    folder.change(RUNTIME, "workers.ES", {"size": 5})
    assert (
        folder.refusal() == f"{RUNTIME}: workers.ES.size: expected at most max_contracts, which is 4, got 5."
    )

    folder.change(RUNTIME, "max_contracts", 5)
    folder.load()


def test_a_configuration_cannot_be_changed(folder: Folder) -> None:
    configuration = folder.load()

    with pytest.raises(AttributeError):
        configuration.portfolio.max_positions = 5  # type: ignore[misc]  # the point of the test


def test_the_digest_is_that_of_the_values(folder: Folder, tmp_path: Path) -> None:
    packaged = load(None, {}, tmp_path).digest()
    assert re.fullmatch(r"[0-9a-f]{64}", packaged)

    folder.replace(PORTFOLIO, "2500.0", "2500")
    folder.change(PORTFOLIO, "notes", "none of its business")
    assert folder.load().digest() == packaged


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        (PORTFOLIO, "portfolio_constraints.daily_stop_loss", 2500.01),
        (PORTFOLIO, "portfolio_constraints.symbols", ["ES"]),
        (RUNTIME, "reservation_seconds", 31),
        (CONTRACTS, "ES.tick_value", "12.75"),
    ],
)
def test_the_digest_changes_with_any_value(folder: Folder, file: str, key: str, value: object) -> None:
    before = folder.load().digest()

    folder.change(file, key, value)

    assert folder.load().digest() != before


def test_a_configuration_can_be_written_as_json(folder: Folder) -> None:
    assert msgspec.json.decode(msgspec.json.encode(folder.load().runtime))["portfolio"] == "main"


def test_the_defaults_travel_with_the_package(tmp_path: Path) -> None:
    """As in an installed wheel: it and what all share, in a folder of another name, used from elsewhere."""
    shutil.copytree(
        PACKAGED, tmp_path / "site" / "portfold" / "config", ignore=shutil.ignore_patterns("__pycache__")
    )
    shared = PACKAGED.parent / "portfold"
    for module in (
        *shared.glob("*.py"),
        shared / "servers" / "__init__.py",
        shared / "servers" / "several.py",
    ):
        there = tmp_path / "site" / "portfold" / module.relative_to(shared)
        there.parent.mkdir(exist_ok=True)
        shutil.copy(module, there)
    script = (
        "import portfold.config, pathlib\n"
        "loaded = portfold.config.load(None, {}, pathlib.Path.cwd())\n"
        "print(loaded.source.chosen_by, loaded.source.folder, len(loaded.portfolio.symbols))\n"
    )
    (tmp_path / "elsewhere").mkdir()

    told = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path / "elsewhere",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert told.stdout == f"packaged default {tmp_path.resolve() / 'site' / 'portfold' / 'config'} 10\n"
