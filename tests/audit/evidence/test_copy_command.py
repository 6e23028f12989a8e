"""`portfold audit copy` as a person runs it, and the questions that are put to what it wrote."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, OK, UNUSABLE
from portfold.coordinator.audit.tables.table_files import FORMATS, Format
from tests.archive.past import Past, contents
from tests.cli.command_line import exit_code

Audit = Callable[..., tuple[int, str]]

NOWHERE = "redis://127.0.0.1:1/0"
EARLIER = Path(__file__).with_name("earlier")


def test_it_tells_what_it_wrote(past: Past, audit: Audit, folder: Path) -> None:
    past.happens(120)
    code, said = audit("copy", "--to", str(folder))
    assert code == OK
    decisions = len(past.whole().decisions)
    copied = f"120 events and {decisions} decisions of {past.bus.keys.name} on {past.url} copied to {folder}"
    assert said == f"{copied}: 1 segment.\n"


def test_a_copy_needs_neither_server_nor_configuration(
    past: Past, audit: Audit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.happens(120)
    audit("copy", "--to", str(folder))
    monkeypatch.setenv("PORTFOLD_CONFIG", "/not/there")
    code, said = audit("verify", "--archive", str(folder), "--archive-only", url=NOWHERE)
    assert code == OK
    assert said.startswith(f"Reproduced: {past.bus.keys.name} in the archive {folder}\n120 events and ")


def test_the_copy_of_another_portfolio_is_refused(past: Past, audit: Audit, folder: Path) -> None:
    past.happens(120)
    audit("copy", "--to", str(folder))
    where = ("--archive", str(folder), "--archive-only", "--portfolio", "other")
    code, said = audit("show", *where)
    assert code == FAILED
    assert f"this is the archive of portfolio {past.bus.keys.name}, not of other." in said


def test_an_archive_that_is_damaged_cannot_be_read_and_the_file_is_named(
    past: Past, audit: Audit, folder: Path
) -> None:
    past.happens(120)
    audit("copy", "--to", str(folder))
    damaged = folder / "segment-000001.jsonl.gz"
    damaged.write_bytes(damaged.read_bytes()[:-9] + b"damaged!\n")
    code, said = audit("verify", "--archive", str(folder), "--archive-only")
    assert code == UNUSABLE
    assert said.startswith(f"portfold: {damaged}: this segment is not the one that archive.json lists")


@pytest.mark.parametrize(
    "question",
    [["day"], ["week"], ["show"], ["why", "--last"], ["at", "2025-01-15T14:30"], ["export"], ["copy"]],
    ids=lambda question: question[0],
)
@pytest.mark.parametrize("damaged", ["segment-000001.jsonl.gz", "archive.json"])
def test_other_questions_to_an_archive_that_is_damaged_fail(
    past: Past, audit: Audit, folder: Path, tmp_path: Path, question: list[str], damaged: str
) -> None:
    past.happens(120)
    audit("copy", "--to", str(folder))
    (folder / damaged).write_bytes(b"damaged!")
    to = ["--to", str(tmp_path / "to")] if question[0] in ("export", "copy") else []
    code, said = audit(*question, *to, "--archive", str(folder), "--archive-only")
    assert code == FAILED
    assert said.startswith(f"portfold: {folder / damaged}: ")


def test_a_copy_is_verified_like_any_archive(past: Past, audit: Audit, folder: Path) -> None:
    past.happens(120)
    audit("copy", "--to", str(folder))
    assert exit_code(["archive", "--dir", str(folder), "--verify"]) == OK


@pytest.mark.parametrize("form", FORMATS)
def test_what_an_earlier_version_exported_is_verified_and_damage_to_it_differs(
    audit: Audit, folder: Path, form: Format
) -> None:
    folder.mkdir()
    for name, content in contents(EARLIER / form).items():
        (folder / name).write_bytes(content)
    where = ("--archive", str(folder), "--archive-only", "--portfolio", "main")
    code, said = audit("verify", *where, url=NOWHERE)
    assert code == OK
    assert said.startswith(f"Reproduced: main in the export {folder}\n80 events and 28 decisions")
    damaged = next(folder.glob("events*"))
    damaged.write_bytes(damaged.read_bytes()[:-9] + b"damaged!\n")
    code, said = audit("verify", *where)
    assert code == FAILED
    assert said.startswith(f"portfold: {damaged}: ")
    damaged.unlink()
    code, said = audit("verify", *where)
    assert (code, said.partition(". ")[0]) == (UNUSABLE, f"portfold: {damaged}: this file is missing")
    code, said = audit("verify", *where[:-1], "other")
    assert (code, said) == (UNUSABLE, "portfold: --archive: it is of portfolio main, not of other.\n")


@pytest.mark.parametrize(
    "question", [["verify"], ["show"], ["copy", "--to"]], ids=lambda question: question[0]
)
def test_an_earlier_export_that_was_altered_is_1_and_one_with_a_file_missing_2(
    audit: Audit, tmp_path: Path, question: list[str]
) -> None:
    export = Path(shutil.copytree(EARLIER / "jsonl", tmp_path / "export"))
    words = [*question, *([str(tmp_path / "to")] if question[-1] == "--to" else [])]
    where = ("--archive", str(export), "--archive-only", "--portfolio", "main")
    (export / "events.jsonl").write_bytes(b"altered\n")
    assert audit(*words, *where)[0] == FAILED
    (export / "events.jsonl").unlink()
    assert audit(*words, *where)[0] == UNUSABLE
