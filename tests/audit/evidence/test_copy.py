"""A copy is the log as it lies on record, whatever somebody wrote into it; it is whole, or not there."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from portfold.coordinator.audit.evidence.copying import Copied, copy_record
from portfold.coordinator.audit.record.new_folder import NotWritten
from portfold.coordinator.audit.record.record import ArchivedRecord, LiveRecord, Record
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.store import segment
from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.follower import LogDiffers
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.store.segment import ArchiveError
from portfold.coordinator.store.verification import verify_archive
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Entry
from portfold.whole_files import to_disk
from tests.archive.past import Past, Whole, contents
from tests.audit.in_memory import InMemory, realistic

TICK: list[str | bytes] = ["type", "ClockTicked"]


def whole(record: Record) -> Whole:
    found = Whole([], [])
    for event, decisions in record.recorded():
        found.events.append(event)
        found.decisions.extend(decisions)
    return found


# --- what it holds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("segment_events", [1, 7, 70, 300, 50_000])
def test_a_copy_read_again_is_what_lies_in_the_streams(past: Past, folder: Path, segment_events: int) -> None:
    past.happens(300)
    done = copy_record(LiveRecord(past.bus), folder, segment_events=segment_events)
    record = ArchivedRecord(folder)
    assert whole(record) == past.whole()
    assert (record.portfolio, record.events) == (past.bus.keys.name, 300)
    assert (record.cursor, record.chain) == past.place[:2]
    assert done == Copied(300, len(past.whole().decisions), -(-300 // segment_events))


def test_the_same_log_gives_the_same_bytes_wherever_it_lies(past: Past, tmp_path: Path) -> None:
    past.happens(300)
    copy_record(LiveRecord(past.bus), tmp_path / "from the server", segment_events=90)
    archive_history(past.bus, tmp_path / "archive", Keep(events=20), segment_events=70)
    across = LiveRecord(past.bus, tmp_path / "archive")
    copy_record(across, tmp_path / "across", segment_events=90)
    copy_record(ArchivedRecord(tmp_path / "across"), tmp_path / "again", segment_events=90)
    expected = contents(tmp_path / "from the server")
    assert contents(tmp_path / "across") == contents(tmp_path / "again") == expected


def test_what_was_archived_can_be_copied_without_a_server(past: Past, folder: Path, tmp_path: Path) -> None:
    past.happens(300)
    before = past.whole()
    archive_history(past.bus, tmp_path / "archive", Keep(events=20))
    copy_record(ArchivedRecord(tmp_path / "archive"), folder)
    left = len(past.whole().events)
    assert whole(ArchivedRecord(folder)).events == before.events[: len(before.events) - left]


def test_it_goes_to_the_head_also_where_nothing_was_decided_on_its_last_event(
    past: Past, folder: Path
) -> None:
    past.happens(300)
    _, decided = past.goes_on(TICK, TICK)
    past.client.execute_command("XADD", past.bus.keys.events, "*", *TICK)
    copy_record(LiveRecord(past.bus), folder)
    record = ArchivedRecord(folder)
    assert list(record.recorded())[-1] == Recorded(past.whole().events[-2], [])
    assert (record.cursor, verify(record).difference) == (decided, None)
    assert verify_archive(folder).events == 302


def test_a_copy_leaves_the_server_as_it_was(past: Past, folder: Path) -> None:
    past.happens(300)
    before, head = past.whole(), past.bus.head()
    copy_record(LiveRecord(past.bus), folder)
    assert (past.whole(), past.bus.head(), past.bus.archived()) == (before, head, None)


def test_of_a_record_without_events_there_is_a_copy_without_segments(folder: Path) -> None:
    assert copy_record(InMemory([]), folder) == Copied(0, 0, 0)
    record = ArchivedRecord(folder)
    assert (list(record.recorded()), record.cursor) == ([], ORIGIN)


# --- a log that is not what was decided is evidence as well -------------------------------------------------


def test_an_altered_log_is_copied_as_it_is_and_found_out_in_the_copy(folder: Path) -> None:
    record = realistic(200)
    at = next(at for at, one in enumerate(record.all) if one.decisions and at > 100)
    record.all[at].decisions[0].fields[1] = "SomethingElse"
    expected = verify(record).difference
    copy_record(record, folder, segment_events=70)
    assert list(ArchivedRecord(folder).recorded()) == record.all
    assert expected is not None
    assert verify(ArchivedRecord(folder)).difference == expected
    with pytest.raises(ArchiveError, match=r"segment-000002.jsonl.gz: this segment is not what was decided"):
        verify_archive(folder)


def test_a_log_that_lost_its_end_is_copied_with_the_head_that_gives_it_away(folder: Path) -> None:
    record = realistic(200)
    del record.all[-1]
    copy_record(record, folder)
    unlike = verify(ArchivedRecord(folder)).difference
    assert unlike is not None
    assert unlike.sentence.endswith(f"before the head at {record.cursor}: its end is missing.")
    with pytest.raises(ArchiveError, match=r"archive.json: the head in it is not the one of its segments"):
        verify_archive(folder)


def test_a_head_with_another_chain_is_copied_and_found_out(folder: Path) -> None:
    record = realistic(200)
    record.chain = "f" * 64
    copy_record(record, folder)
    unlike = verify(ArchivedRecord(folder)).difference
    assert unlike is not None
    assert "is not the head's, ffff" in unlike.sentence


def test_a_record_that_no_stream_can_hold_is_refused(folder: Path) -> None:
    record = realistic(60)
    record.all[3], record.all[4] = record.all[4], record.all[3]
    with pytest.raises(LogDiffers, match="no stream has them in this order"):
        copy_record(record, folder)
    assert not folder.exists()


# --- where it goes ------------------------------------------------------------------------------------------


def test_nothing_is_overwritten(folder: Path) -> None:
    copy_record(realistic(20), folder)
    before = contents(folder)
    with pytest.raises(NotWritten, match="is not empty"):
        copy_record(realistic(30), folder)
    assert contents(folder) == before


def test_an_empty_folder_will_do_and_a_file_will_not(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    copy_record(realistic(20), folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritten, match="file cannot be written: "):
        copy_record(realistic(20), tmp_path / "file")
    with pytest.raises(NotWritten, match="cannot be written: Not a directory"):
        copy_record(realistic(20), tmp_path / "file" / "below")


class Interrupted(InMemory):
    """Ctrl-C comes while it is read."""

    def recorded(self) -> Iterator[Recorded]:
        yield from self.all[:50]
        raise KeyboardInterrupt


@pytest.mark.parametrize("there", [False, True])
def test_what_is_interrupted_leaves_nothing_behind(folder: Path, *, there: bool) -> None:
    if there:
        folder.mkdir()
    record = Interrupted((one.event.id, one.event.fields) for one in realistic(60).all)
    with pytest.raises(KeyboardInterrupt):
        copy_record(record, folder, segment_events=20)
    assert folder.exists() == there
    assert not there or list(folder.iterdir()) == []


def test_a_disk_that_gives_back_something_else_is_found_and_leaves_nothing_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def to_a_bad_disk(file: BinaryIO) -> None:
        file.seek(500)
        file.write(b"\x00")
        to_disk(file)

    monkeypatch.setattr(segment, "to_disk", to_a_bad_disk)
    with pytest.raises(ArchiveError, match=r"segment-000001.jsonl.gz.part: "):
        copy_record(realistic(200), folder)
    assert not folder.exists()


class Endless(InMemory):
    """A log of one event over and over, made while it is read."""

    def __init__(self, count: int) -> None:
        super().__init__([])
        self._count = count

    def recorded(self) -> Iterator[Recorded]:
        fields = ["type", "PositionMarked", "worker", "ibs-ES", "price", "5000.25", "filler", "x" * 400]
        for number in range(1, self._count + 1):
            yield Recorded(Entry(StreamId(number, 0), fields), [Entry(StreamId(number, 0), fields)])


def most_memory(count: int, folder: Path) -> int:
    """Bytes, at most, while so many events are copied and read again."""
    tracemalloc.start()
    copy_record(Endless(count), folder)
    for _ in ArchivedRecord(folder).recorded():
        pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    most_memory(500, tmp_path / "first")
    few, many = most_memory(500, tmp_path / "few"), most_memory(5_000, tmp_path / "many")
    assert many < few + 200_000


# --- what is made of it -------------------------------------------------------------------------------------


def test_no_archiver_goes_on_in_a_copy_and_nothing_is_trimmed(past: Past, folder: Path) -> None:
    past.happens(300)
    copy_record(LiveRecord(past.bus), folder)
    before, there = contents(folder), past.whole()
    past.goes_on(*[TICK] * 30)
    past.is_snapshot()
    with pytest.raises(ArchiveError, match=r"archive.json: this is a copy, made to be read"):
        archive_history(past.bus, folder, Keep(events=1))
    assert contents(folder) == before | {"archive.lock": b""}
    assert past.whole().events[:300] == there.events


def test_a_copy_does_for_what_is_no_longer_on_the_server(past: Past, folder: Path, tmp_path: Path) -> None:
    past.happens(300)
    copy_record(LiveRecord(past.bus), folder)
    archive_history(past.bus, tmp_path / "archive", Keep(events=20))
    past.goes_on(TICK, ["", ""])
    found = verify(LiveRecord(past.bus, folder))
    assert (found.events, found.difference) == (302, None)
    assert Archive.open(folder).end < past.place[0]
