"""Several processes come to what one comes to: the same result, and of all that is wrong the same words."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from portfold.cli.exits import UNUSABLE
from portfold.coordinator.audit.evidence.copying import copy_record
from portfold.coordinator.audit.record.anchor import Anchor
from portfold.coordinator.audit.record.pieces import prove_in_pieces
from portfold.coordinator.audit.record.record import ArchivedRecord, LiveRecord, Record
from portfold.coordinator.audit.record.verify import Verified, verify
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.store import archive as archiving
from portfold.coordinator.store import ledger, snapshot, verification
from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.checkpoints import Checkpoints
from portfold.coordinator.store.segment import ArchiveError
from portfold.errors import PortfoldError
from portfold.events.stream_id import StreamId
from portfold.pieces.pieces import Pieces
from portfold.pieces.place import Place
from tests.archive.past import Past
from tests.audit.in_memory import realistic
from tests.audit.record.forging import FORGERIES, write_archive
from tests.audit.record.test_verify_versions import in_other_words
from tests.cli.command_line import called
from tests.portfold.pieces.some import die

EVENTS, EACH = 320, 40
SEGMENTS = 7


@pytest.fixture(scope="module")
def pieces() -> Iterator[Pieces[object]]:
    """Done in two processes."""
    with Place(2).working(None) as started_once:
        yield started_once


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of seven segments, copied for each test."""
    folder = tmp_path_factory.mktemp("made")
    write_archive(folder, realistic(EVENTS), EACH)
    assert len(Archive.open(folder).segments) == SEGMENTS
    return folder


@pytest.fixture
def archive(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "archive")


def by_pieces(record: Record, pieces: Pieces[object], *anchors: Anchor) -> Verified:
    """What is found where all but what is not right is verified in pieces."""
    return verify(record, anchors=anchors, begins=prove_in_pieces(record, pieces, anchors=anchors))


def outcome(record: Record | Path, pieces: Pieces[object] | None, *anchors: Anchor) -> tuple[object, ...]:
    """All that verifying says: what is found, or the sentence of the error."""
    try:
        there = ArchivedRecord(record) if isinstance(record, Path) else record
        found = verify(there, anchors=anchors) if pieces is None else by_pieces(there, pieces, *anchors)
    except PortfoldError as error:
        return type(error), str(error)
    return Verified, msgspec.structs.asdict(found)


@pytest.mark.parametrize("number", [2, SEGMENTS])
@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_archive_is_found_in_the_same_words(
    archive: Path, pieces: Pieces[object], name: str, number: int
) -> None:
    FORGERIES[name](archive, number)
    alone, together = outcome(archive, None), outcome(archive, pieces)
    assert together == alone
    match alone:
        case (_, {"difference": None}):
            pytest.fail("nobody found it")
        case (_, str(sentence)):
            assert sentence.startswith(f"{archive}/") or " comes after " in sentence


def test_a_whole_archive_is_reproduced_and_its_states_with_it(
    archive: Path, pieces: Pieces[object], tmp_path: Path
) -> None:
    record = ArchivedRecord(archive)
    assert outcome(record, pieces) == outcome(record, None)
    shown: list[int] = []
    proved = prove_in_pieces(record, pieces, on_progress=shown.append)
    assert (proved.events, proved.checkpoint.cursor) == (record.events, record.cursor)
    assert shown[-1] == proved.events
    assert len(shown) >= SEGMENTS - 1, "as each piece is done"
    copy_record(record, tmp_path / "copy")
    copied = ArchivedRecord(tmp_path / "copy")
    assert outcome(copied, pieces) == outcome(copied, None), "which keeps no states"


def test_what_a_process_does_is_not_done_again(
    archive: Path, monkeypatch: pytest.MonkeyPatch, pieces: Pieces[object]
) -> None:
    monkeypatch.setattr(ledger, "fold", None)  # whoever decided here would not get far
    assert by_pieces(ArchivedRecord(archive), pieces).difference is None


def test_across_archive_and_server_it_is_the_same(past: Past, pieces: Pieces[object], tmp_path: Path) -> None:
    past.happens(EVENTS)
    archive_history(past.bus, tmp_path / "archive", Keep(events=90), segment_events=EACH)
    record = LiveRecord(past.bus, tmp_path / "archive")
    assert outcome(record, pieces) == outcome(record, None)
    assert by_pieces(record, pieces).events == EVENTS
    FORGERIES["all that follows from a state"](tmp_path / "archive", 2)
    assert outcome(record, pieces) == outcome(record, None)
    found_forged, sentence = outcome(record, pieces)
    assert (found_forged, "checkpoint-000002.json.gz: the state" in str(sentence)) == (ArchiveError, True)


@pytest.mark.parametrize("segment", [1, 3])
@pytest.mark.parametrize("place", ["holds", "another chain", "no such event", "beyond the end"])
def test_an_anchor_is_found_to_hold_or_not_in_the_same_words(
    archive: Path, pieces: Pieces[object], place: str, segment: int
) -> None:
    listed = Archive.open(archive).segments[segment - 1]
    cursor, chain = listed.last, listed.chain
    match place:
        case "another chain":
            chain = "e" * 64
        case "no such event":
            at = StreamId.parse(cursor)
            cursor = str(StreamId(at.ms, at.seq + 99))
        case "beyond the end":
            cursor = f"9{cursor}"
    anchor = Anchor("main", cursor, chain, "9", "1", "2025-01-15T20:30:00Z")
    alone, together = (outcome(archive, by, anchor) for by in (None, pieces))
    assert together == alone
    match alone:
        case (_, {"difference": unlike}):
            assert (unlike is None) == (place == "holds")


@pytest.mark.parametrize("changes", ["the listed version", "the rules", "both"])
def test_versions_of_the_rules_make_no_difference_between_them(
    past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: str
) -> None:
    past.happens(EVENTS)
    folder = tmp_path / "archive"
    with monkeypatch.context() as earlier:
        if changes != "the rules":
            for module in (archiving, snapshot):
                earlier.setattr(module, "FOLD_VERSION", FOLD_VERSION - 1)
        archive_history(past.bus, folder, Keep(events=130), segment_events=EACH)
    if changes != "both":
        archive_history(past.bus, folder, Keep(events=30), segment_events=EACH)
    if changes != "the listed version":
        monkeypatch.setattr(verification, "GOES_ON_FROM", (FOLD_VERSION + 1,))
        monkeypatch.setattr(ledger, "fold", in_other_words)
    with Place(1).working(None) as here:  # which has what was changed here
        found = outcome(ArchivedRecord(folder), here)
    assert found == outcome(ArchivedRecord(folder), None)


def test_states_that_an_earlier_version_did_not_keep_leave_one_piece(
    past: Past, tmp_path: Path, pieces: Pieces[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    past.happens(EVENTS)
    with monkeypatch.context() as earlier:
        earlier.setattr(Checkpoints, "write_next", lambda *_: "")
        archive_history(past.bus, tmp_path / "archive", Keep(events=150), segment_events=EACH)
    archive_history(past.bus, tmp_path / "archive", Keep(events=30), segment_events=EACH)
    record = ArchivedRecord(tmp_path / "archive")
    assert outcome(record, pieces) == outcome(record, None)


# --- the command ------------------------------------------------------------------------------------------


def test_the_command_says_the_same_with_any_number_of_jobs(archive: Path, tmp_path: Path) -> None:
    words = ("audit", "verify", "--archive", str(archive), "--archive-only", "--jobs")
    said = {called(*words, jobs, cwd=tmp_path).out.split(", in ")[0] for jobs in ("1", "2")}
    assert len(said) == 1
    FORGERIES["a state"](archive, 4)
    told = {called(*words, jobs, cwd=tmp_path)[:3] for jobs in ("1", "2")}
    assert told == {
        (
            UNUSABLE,
            "",
            f"portfold: {archive}/checkpoint-000004.json.gz: the state kept here is not the one that the "
            "segments lead to. Restore it, or remove archive.json and run `portfold archive`: it lists and "
            "keeps all again.\n",
        )
    }
    assert "--jobs" in called(*words, "0", cwd=tmp_path).err


def test_a_process_that_is_ended_from_outside_is_told_with_its_segments(archive: Path) -> None:
    told = r"segment-00000\d.jsonl.gz: the segments \d to \d are not verified. A process that"
    with Place(2).working("") as ended:
        ended.submit(die, 0)
        with pytest.raises(ArchiveError, match=told):
            prove_in_pieces(ArchivedRecord(archive), ended)
