"""`portfold audit copy` and `portfold audit export`: both keep a whole log as files, and both end alike."""

from collections.abc import Callable
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, OK, UNREACHABLE, UNUSABLE
from portfold.coordinator.store.archiver import Keep, archive_history
from tests.archive.past import Past, contents

Audit = Callable[..., tuple[int, str]]

BOTH = pytest.mark.parametrize("question", ["copy", "export"])
MISTAKES: list[tuple[list[str], int, str]] = [
    (["--to", "full"], UNUSABLE, "full is not empty. Name a folder that is new or empty"),
    (["--to", "full/a-file/x"], UNUSABLE, "cannot be written: Not a directory."),
    (["--to", "new", "--portfolio", "nobody"], FAILED, "Nothing has been decided yet for portfolio nobody"),
    (["--to", "new", "--archive", "nowhere", "--archive-only"], FAILED, "nowhere/archive.json: "),
    ([], UNUSABLE, "--to"),
]


@BOTH
def test_archive_and_server_are_one_log(
    question: str, past: Past, audit: Audit, folder: Path, tmp_path: Path
) -> None:
    past.happens(200)
    assert audit(question, "--to", str(folder))[0] == OK
    archive_history(past.bus, tmp_path / "archive", Keep(events=20))
    assert audit(question, "--to", str(tmp_path / "both"), "--archive", str(tmp_path / "archive"))[0] == OK
    assert contents(tmp_path / "both") == contents(folder)
    code, said = audit(question, "--to", str(tmp_path / "none"))
    assert code == FAILED
    assert "they were moved to the archive" in said
    assert not (tmp_path / "none").exists()


@BOTH
def test_a_mistake_is_told_in_one_sentence(
    question: str, audit: Audit, past: Past, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    past.happens(60)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a-file").write_text("")
    for words, code, sentence in MISTAKES:
        with subtests.test(" ".join(words)):
            ended, said = audit(question, *words)
            assert (ended, said.count("\n")) == (code, 1)
            assert sentence in said
            assert not (tmp_path / "new").exists()


@BOTH
def test_a_server_that_is_not_there_is_told(question: str, audit: Audit, folder: Path) -> None:
    code, said = audit(question, "--to", str(folder), url="redis://127.0.0.1:1/0")
    assert code == UNREACHABLE
    assert said.startswith("portfold: Redis at 127.0.0.1:1 did not answer")
