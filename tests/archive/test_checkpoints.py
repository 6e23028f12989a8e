"""The state after each segment: a late start gives the very answer, and whatever happens to one is found."""

import json
import shutil
from pathlib import Path

import pytest

from portfold.coordinator.audit.explain.explanation import explain
from portfold.coordinator.audit.explain.late_start import late_start
from portfold.coordinator.audit.explain.lookup import Found, NotOnRecord, find_id, find_last
from portfold.coordinator.audit.explain.status_at import status_at
from portfold.coordinator.audit.record.moment import read_moment
from portfold.coordinator.audit.record.record import ArchivedRecord, LiveRecord, Record
from portfold.coordinator.audit.record.timeline import Wanted
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.store import archive as archiving
from portfold.coordinator.store import snapshot
from portfold.coordinator.store.archive import LISTING, Archive
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.checkpoints import Checkpoints, content_of
from portfold.coordinator.store.verification import verify_archive
from portfold.events.codec import encode
from portfold.events.incoming import CoordinatorStarted
from portfold.events.stream_id import StreamId
from tests.archive.past import Past
from tests.archive.test_damage import fault, forge
from tests.audit.in_memory import realistic

EVENTS, EACH = 300, 40
SECOND = CoordinatorStarted(leader="second", epoch=2, fold=FOLD_VERSION, version="1", worker_lost_ms=0)
TICK: list[str | bytes] = ["type", "ClockTicked"]


def quietly(_: int) -> None:
    """Shows nobody how far it is."""


@pytest.fixture
def archived(past: Past, folder: Path) -> Past:
    """A past of which most is archived, in segments of 40 events."""
    past.happens(EVENTS)
    archive_history(past.bus, folder, Keep(events=30), segment_events=EACH)
    assert len(Archive.open(folder).segments) >= 5
    return past


def records(past: Past, folder: Path) -> list[Record]:
    """The record across archive and server, and what is in the archive."""
    return [LiveRecord(past.bus, folder), ArchivedRecord(folder)]


def test_a_late_start_answers_as_the_first_event_would(archived: Past, folder: Path) -> None:
    whole = realistic(EVENTS)
    for record in records(archived, folder):
        there = [one for one in whole.all if one.event.id <= record.cursor]
        for event, decisions in there[3::11]:
            meant = str(event.id)
            found = status_at(record, read_moment(meant), quietly)
            expected = status_at(whole, read_moment(meant), quietly)
            assert (found.event, found.view) == (expected.event, expected.view)
            assert find_id(record, event.id, quietly) == Found(event.id)
            for decision in decisions:
                assert find_id(record, decision.id, quietly) == find_id(whole, decision.id, quietly)
            story, told = explain(record, Found(event.id), quietly), explain(whole, Found(event.id), quietly)
            assert (story.met, story.changes, story.decisions) == (told.met, told.changes, told.decisions)


def test_the_last_decision_about_something_is_looked_for_from_the_end(archived: Past, folder: Path) -> None:
    live, alone = records(archived, folder)
    for kind in (
        "EntryAllowed",
        "EntryDenied",
        "CoordinatorStarted",
        "StopLossTriggered",
        "TradingDayStarted",
    ):
        wanted = Wanted(types=frozenset({kind}))
        try:
            expected = find_last(realistic(EVENTS), wanted, quietly)
        except NotOnRecord:
            with pytest.raises(NotOnRecord):
                find_last(live, wanted, quietly)
            continue
        assert find_last(live, wanted, quietly) == expected
        if expected.event <= alone.cursor:
            assert find_last(alone, wanted, quietly) == expected


def test_what_lies_before_is_not_read(archived: Past, folder: Path) -> None:
    archive = Archive.open(folder)
    last = StreamId.parse(archive.segments[-1].last)
    for segment in archive.segments[1:-1]:  # the first has the limits that are asked for where none are known
        (folder / segment.file).unlink()
    for record in records(archived, folder):
        assert status_at(record, read_moment(str(last)), quietly).event == last
        assert find_id(record, last, quietly) == Found(last)
        assert explain(record, Found(last), quietly).event == str(last)


def test_who_led_is_known_without_the_event_that_said_so(past: Past, folder: Path) -> None:
    past.happens(EVENTS)
    past.goes_on([*encode(SECOND)])
    past.goes_on(*[TICK] * 2 * EACH)
    past.is_snapshot()
    archive_history(past.bus, folder, Keep(events=1), segment_events=EACH)
    end = str(LiveRecord(past.bus).cursor)
    assert status_at(LiveRecord(past.bus, folder), read_moment(end), quietly).view.leader == "second"


@pytest.mark.parametrize("harm", ["missing", "altered", "no archive"])
@pytest.mark.usefixtures("archived")
def test_one_that_cannot_be_used_is_passed_over_and_named_by_verifying(folder: Path, harm: str) -> None:
    archive = Archive.open(folder)
    path = archive.checkpoints.path(4)
    before, after = (StreamId.parse(archive.segments[number].last) for number in (2, 3))
    late = StreamId(after.ms, after.seq + 1)
    assert late_start(ArchivedRecord(folder), late).kept.checkpoint.cursor == after
    match harm:
        case "missing":
            path.unlink()
        case "altered":
            path.write_bytes(path.read_bytes()[:-1])
        case "no archive":
            path.write_bytes(b"")
    kept, entries = late_start(ArchivedRecord(folder), late)
    assert kept.checkpoint.cursor == before
    assert kept.events + sum(1 for _ in entries) == sum(segment.events for segment in archive.segments)
    what = "missing" if harm == "missing" else "altered"
    assert fault(folder).startswith(f"checkpoint-000004.json.gz: the state kept here is {what}.")


@pytest.mark.usefixtures("archived")
def test_a_forged_one_is_found_and_named(folder: Path) -> None:
    archive = Archive.open(folder)
    kept = archive.kept_after(2)
    assert kept is not None
    kept.checkpoint.state.day.realized += 1000
    forged = content_of(kept.checkpoint, kept.leader)
    listed = [archive.segments[0].checkpoint]
    sha256 = Checkpoints(folder, listed).write_next(archive.checkpoints.after(1), forged)
    segments = json.loads((folder / LISTING).read_text())["segments"]
    segments[1]["checkpoint"] = sha256
    forge(folder, segments=segments)
    assert fault(folder).startswith(
        "checkpoint-000002.json.gz: the state kept here is not the one that the segments lead to."
    )


def test_an_archive_without_any_goes_on_to_be_read_and_gets_them(
    past: Past, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.happens(EVENTS)
    with monkeypatch.context() as earlier:
        earlier.setattr(Checkpoints, "write_next", lambda *_: "")
        archive_history(past.bus, folder, Keep(events=150), segment_events=EACH)
    listed = json.loads((folder / LISTING).read_text())["segments"]
    assert not any("checkpoint" in segment for segment in listed), "as an earlier version wrote it"
    assert late_start(ArchivedRecord(folder)).kept.events == 0
    assert verify_archive(folder).segments == len(listed)
    archive_history(past.bus, folder, Keep(events=30), segment_events=EACH)
    assert late_start(ArchivedRecord(folder)).kept.events > 150
    assert verify_archive(folder).segments > len(listed)


def test_the_states_that_an_earlier_version_of_the_fold_kept_are_held_to_their_hash(
    past: Past, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.happens(EVENTS)
    with monkeypatch.context() as earlier:
        for module in (archiving, snapshot):
            earlier.setattr(module, "FOLD_VERSION", FOLD_VERSION - 1)
        archive_history(past.bus, folder, Keep(events=30), segment_events=EACH)
    assert verify_archive(folder).by_chain_alone == 0
    path = Archive.open(folder).checkpoints.path(3)
    shutil.copy(Archive.open(folder).checkpoints.path(2), path)
    assert fault(folder).startswith("checkpoint-000003.json.gz: the state kept here is altered.")
