"""`portfold audit export` as a person runs it: what it says, and how it ends."""

from collections.abc import Callable
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, OK, UNUSABLE
from portfold.coordinator.audit.tables.table_files import FORMATS, Format
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.recorded import Recorded, chain_after
from portfold.events.codec import encode
from portfold.events.incoming import EntryRequested
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
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


def test_what_was_never_decided_so_is_named_and_written_as_it_lies_there(
    past: Past, audit: Audit, folder: Path
) -> None:
    past.happens(60)
    at = commits_no_answer(past)
    code, said = audit("export", "--to", str(folder))
    assert code == FAILED
    assert f"Decision {at.decision(0)} of event {at} is not on record." in said
    assert "Trades and days may show what was never decided. See: portfold audit verify --url " in said
    assert len((folder / "events.jsonl").read_bytes().splitlines()) == 61


def commits_no_answer(past: Past) -> StreamId:
    """A leader of its own mind commits a request, chained rightly, and decides nothing on it."""
    words = encode(EntryRequested("ibs-ES", "s", 1, "ES", "long", 1))
    at = StreamId.parse(past.client.execute_command("XADD", past.bus.keys.events, "*", *words))
    before, chain, _ = past.place
    head = past.bus.head()
    assert head is not None
    past.bus.commit(
        epoch=head.epoch,
        before=before,
        after=at,
        chain=chain_after(chain, Recorded(Entry(at, words), [])),
        events=1,
        decisions=[],
        status={},
    )
    return at


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
