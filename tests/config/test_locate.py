"""Which folder is used, and how the choice is told."""

from pathlib import Path

import pytest

from portfold.config import ConfigError, ConfigSource, locate
from portfold.config.locate import PACKAGED


def a_folder_with_a_portfolio(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "portfolio_optimization.json").touch()
    return path


def test_the_argument_comes_first(tmp_path: Path) -> None:
    a_folder_with_a_portfolio(tmp_path / "config")

    source = locate("/given", {"PORTFOLD_CONFIG": "/told"}, tmp_path)

    assert source == ConfigSource(Path("/given"), "argument")


def test_then_the_environment(tmp_path: Path) -> None:
    a_folder_with_a_portfolio(tmp_path / "config")

    assert locate(None, {"PORTFOLD_CONFIG": "/told"}, tmp_path) == ConfigSource(Path("/told"), "environment")


@pytest.mark.parametrize("environ", [{}, {"PORTFOLD_CONFIG": ""}])
def test_then_config_in_the_working_folder(tmp_path: Path, environ: dict[str, str]) -> None:
    here = a_folder_with_a_portfolio(tmp_path / "config")

    assert locate(None, environ, tmp_path) == ConfigSource(here, "working folder")


def test_last_the_packaged_default_which_nobody_asked_for(tmp_path: Path) -> None:
    source = locate(None, {}, tmp_path)

    assert source == ConfigSource(PACKAGED, "packaged default")
    assert not source.asked_for


def test_a_config_folder_without_a_portfolio_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "runtime.json").touch()

    assert locate(None, {}, tmp_path).chosen_by == "packaged default"


def test_a_portfolio_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "portfolio_optimization.json").symlink_to("gone")

    assert locate(None, {}, tmp_path).chosen_by == "working folder"


def test_relative_names_are_taken_from_the_working_folder(tmp_path: Path) -> None:
    assert locate("mine", {}, tmp_path).folder == tmp_path / "mine"
    assert locate(None, {"PORTFOLD_CONFIG": "../told"}, tmp_path).folder == tmp_path / "../told"


def test_a_folder_is_wanted_not_the_file_in_it(tmp_path: Path) -> None:
    file = a_folder_with_a_portfolio(tmp_path / "mine") / "portfolio_optimization.json"

    with pytest.raises(ConfigError, match=r"--config: expected the folder that holds .*, got a file"):
        locate(str(file), {}, tmp_path)
    with pytest.raises(ConfigError, match=r"PORTFOLD_CONFIG: expected the folder that holds .*, got a file"):
        locate(None, {"PORTFOLD_CONFIG": str(file)}, tmp_path)


def test_an_empty_argument_names_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--config: expected the name of a folder, got nothing"):
        locate("", {}, tmp_path)
