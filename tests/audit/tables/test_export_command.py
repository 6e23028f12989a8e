"""`portfold audit export` as a person runs it: what it says, and how it ends."""

from collections.abc import Callable
from pathlib import Path

import pytest

from portfold.cli.exits import OK, UNUSABLE
from portfold.coordinator.audit.tables.table_files import FORMATS, Format
from portfold.coordinator.store.archiver import Keep, archive_history
from tests.archive.past import Past

Audit = Callable[..., tuple[int, str]]


@pytest.mark.parametrize("form", FORMATS)
def test_it_tells_what_it_wrote(past: Past, audit: Audit, folder: Path, form: Format) -> None:
    past.happens(120)
    code, said = audit("export", "--to", str(folder), "--format", form)
    assert code == OK
    decisions = len(past.whole().decisions)
    started = (
        f"120 events and {decisions} decisions of {past.bus.keys.name} on {past.url} exported to {folder}"
    )
    assert said.startswith(f"{started}: events")
    assert {path.suffix for path in folder.iterdir()} == {f".{form}"}


def test_of_the_archive_alone_what_is_in_it_is_exported(
    past: Past, audit: Audit, folder: Path, tmp_path: Path
) -> None:
    past.happens(200)
    archive_history(past.bus, tmp_path / "archive", Keep(events=20))
    named = ("--archive", str(tmp_path / "archive"), "--archive-only")
    assert audit("export", "--to", str(folder), *named)[0] == OK
    assert 0 < len((folder / "events.jsonl").read_bytes().splitlines()) < 200


def test_a_format_that_is_none_is_told_in_one_sentence(audit: Audit, past: Past, folder: Path) -> None:
    past.happens(60)
    code, said = audit("export", "--to", str(folder), "--format", "xml")
    assert (code, said.count("\n")) == (UNUSABLE, 1)
    assert "xml" in said
    assert not folder.exists()
