"""A folder of one's own to start from, made once and never overwritten."""

from pathlib import Path

import pytest

from portfold.config import ConfigError, load, write_defaults
from portfold.config.locate import PACKAGED

NAMES = ("portfolio_optimization.json", "runtime.json", "contracts.json")


def test_the_packaged_files_are_copied_and_load_alike(tmp_path: Path) -> None:
    mine = tmp_path / "new" / "mine"

    assert write_defaults(mine) == tuple(mine / name for name in NAMES)

    for name in NAMES:
        assert (mine / name).read_bytes() == (PACKAGED / name).read_bytes()
    assert load(str(mine), {}, tmp_path).digest() == load(None, {}, tmp_path).digest()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_there_is_kept_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")

    with pytest.raises(
        ConfigError, match=rf"{name}: expected no such file yet, got one that would be overwritten"
    ):
        write_defaults(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_link_to_nowhere_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "runtime.json").symlink_to(tmp_path / "target")

    with pytest.raises(ConfigError, match="would be overwritten"):
        write_defaults(tmp_path)

    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("name", ["file", "file/below", "n" * 5000, "a\0b"])
def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match="expected a folder to write to, got an error"):
        write_defaults(tmp_path / name)
