"""What is archived is the log, byte for byte: archive and streams together are what the streams were."""

from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.archiver import Keep, archive_history, outlook
from portfold.coordinator.store.follower import LogDiffers
from portfold.coordinator.store.log_reader import history
from portfold.coordinator.store.verification import verify_archive
from portfold.events.chain import GENESIS
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.archiver_bus import ArchiverBus, Trimmed
from portfold.events.wire.connection import connect
from tests.archive.past import GARBAGE, Past, Whole, contents
from tests.server import EmbeddedServer


def joined(past: Past, folder: Path, at_once: int = 1000) -> Whole:
    """All of archive and streams, read as one log."""
    head = past.bus.head()
    assert head is not None
    whole = Whole([], [])
    for recorded in history(past.bus, folder, up_to=head.cursor, at_once=at_once):
        whole.events.append(recorded.event)
        whole.decisions.extend(recorded.decisions)
    return whole


@pytest.mark.parametrize("segment_events", [1, 7, 50, 10_000])
def test_archive_and_streams_together_are_the_log_as_it_was(
    past: Past, folder: Path, segment_events: int
) -> None:
    past.happens(300)
    before = past.whole()
    done = archive_history(past.bus, folder, Keep(events=20), segment_events=segment_events)
    after = past.whole()
    assert len(after.events) >= 20
    assert done.events == done.trimmed_events == 300 - len(after.events)
    assert done.decisions == done.trimmed_decisions == len(before.decisions) - len(after.decisions)
    assert joined(past, folder) == joined(past, folder, at_once=3) == before


def test_a_replay_over_archive_and_streams_reproduces_it_all(past: Past, folder: Path) -> None:
    past.happens(600)
    whole = verify(LiveRecord(past.bus))
    archive_history(past.bus, folder, Keep(events=20), segment_events=100)
    again = verify(LiveRecord(past.bus, folder))
    assert again == whole
    assert (again.events, again.difference) == (600, None)


def test_the_state_kept_at_the_archives_end_leads_to_the_same_head(past: Past, folder: Path) -> None:
    past.happens(300)
    archive_history(past.bus, folder, Keep(events=20))
    archive = Archive.open(folder, past.bus.keys.name)
    place = archive.checkpoint
    assert (place.cursor, place.chain) == (archive.end, archive.chain)
    assert past.whole().events[0].id > archive.end
    found = verify_archive(folder)
    assert (found.events, found.segments, found.unlisted) == (archive.segments[0].events, 1, 0)


def test_bytes_that_are_no_text_come_back_as_they_were(
    past: Past, folder: Path, server: EmbeddedServer
) -> None:
    past.happens(300)
    with Redis.from_url(server.url) as raw:
        raw.set_response_callback("XRANGE", lambda reply, **_: reply)
        written: Any = raw.execute_command("XRANGE", past.bus.keys.events, "-", "+")
    archive_history(past.bus, folder, Keep(events=1))
    entries = [recorded.event for recorded in Archive.open(folder).recorded_after(ORIGIN)]
    read_back = [
        [str(at).encode(), [word.encode("utf-8", "surrogateescape") for word in fields]]
        for at, fields in entries
    ]
    assert read_back == written[: len(read_back)]
    assert [words for _, words in read_back].count(GARBAGE[0]) == 1


def test_the_same_log_gives_the_same_bytes(
    past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.happens(300)
    with monkeypatch.context() as untrimmed:
        untrimmed.setattr(ArchiverBus, "trim", lambda *_: Trimmed("done", 0, 0))
        archive_history(past.bus, tmp_path / "one", Keep(events=20), segment_events=60)
    archive_history(past.bus, tmp_path / "other", Keep(events=20), segment_events=60)
    assert contents(tmp_path / "one") == contents(tmp_path / "other")
    assert len(contents(tmp_path / "one")) > 4


def test_each_run_goes_on_where_the_last_one_ended(past: Past, folder: Path) -> None:
    past.happens(300)
    archive_history(past.bus, folder, Keep(events=150))
    first = contents(folder)["segment-000001.jsonl.gz"]
    before = joined(past, folder)
    seen: list[str] = []
    archive_history(past.bus, folder, Keep(events=20), on_progress=lambda segment: seen.append(segment.file))
    assert seen == ["segment-000002.jsonl.gz"]
    assert contents(folder)["segment-000001.jsonl.gz"] == first
    assert joined(past, folder) == before
    verify_archive(folder)


def test_a_run_reads_no_old_files(past: Past, folder: Path) -> None:
    past.happens(300)
    archive_history(past.bus, folder, Keep(events=150))
    (folder / "segment-000001.jsonl.gz").write_bytes(b"")
    done = archive_history(past.bus, folder, Keep(events=20))
    assert done.segments == 1
    assert done.decided < 200


def test_a_run_with_nothing_to_move_decides_nothing(past: Past, folder: Path) -> None:
    past.happens(300)
    archive_history(past.bus, folder, Keep(events=20))
    before = contents(folder)
    done = archive_history(past.bus, folder, Keep(events=20))
    assert (done.events, done.trimmed_events, done.decided) == (0, 0, 0)
    assert contents(folder) == before


def test_what_would_be_moved_is_what_is_moved(past: Past, folder: Path) -> None:
    past.happens(300)
    would = outlook(past.bus, folder, Keep(events=20))
    assert not folder.exists()
    assert len(past.whole().events) == 300
    done = archive_history(past.bus, folder, Keep(events=20))
    assert (would.events, would.decisions) == (done.events, done.decisions)
    assert would.first_kept == done.first_kept


def test_segments_are_bound_to_each_other(past: Past, folder: Path) -> None:
    past.happens(300)
    archive_history(past.bus, folder, Keep(events=20), segment_events=100)
    archive = Archive.open(folder)
    assert [segment.file for segment in archive.segments] == [
        f"segment-{number:06}.jsonl.gz" for number in (1, 2, 3)
    ]
    assert archive.segments[0].first == str(past_first(archive))
    opening = archive.next_opening("5-0")
    assert (opening.previous, opening.chain) == (archive.segments[-1].sha256, archive.segments[-1].chain)
    assert archive.chain != GENESIS


def past_first(archive: Archive) -> StreamId:
    return next(archive.recorded_after(ORIGIN)).event.id


@pytest.mark.parametrize("segment_events", [1, 50])
def test_a_segment_ends_with_an_event_that_was_decided_on(
    past: Past, folder: Path, segment_events: int
) -> None:
    past.happens(300)
    archive_history(past.bus, folder, Keep(events=20), segment_events=segment_events)
    ends = {segment.last for segment in Archive.open(folder).segments}
    decided = {str(one.event.id) for one in Archive.open(folder).recorded_after(ORIGIN) if one.decisions}
    assert ends <= decided


@pytest.mark.parametrize(
    ("stream", "found"),
    [("events", "on no stream and in no archive"), ("decisions", "do not go on where what came before ends")],
)
def test_a_gap_between_archive_and_streams_is_found_even_by_a_mere_reader(
    past: Past, folder: Path, stream: str, found: str
) -> None:
    past.happens(300)
    archive_history(past.bus, folder, Keep(events=150))
    key, first = getattr(past.bus.keys, stream), getattr(past.whole(), stream)[0]
    past.client.xdel(key, str(first.id))
    with pytest.raises(LogDiffers, match=found):
        joined(past, folder)


def test_a_reader_that_an_archiver_overtakes_misses_nothing(
    past: Past, folder: Path, server: EmbeddedServer
) -> None:
    past.happens(300)
    before = past.whole()
    archive_history(past.bus, folder, Keep(events=250))
    head = past.bus.head()
    assert head is not None
    reader = ArchiverBus(connect(server.url), past.bus.keys.name)
    read = history(reader, folder, up_to=head.cursor, at_once=10)
    events = [next(read).event for _ in range(70)]
    archive_history(past.bus, folder, Keep(events=20), segment_events=50)
    events += [recorded.event for recorded in read]
    reader.close()
    assert events == before.events
