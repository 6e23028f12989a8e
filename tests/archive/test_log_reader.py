"""The one reader of events with their decisions: from a place on, over archive and streams, at the head."""

from pathlib import Path

import pytest

from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.follower import MovedAway
from portfold.coordinator.store.log_reader import LogReader, history
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.store.segment import ArchiveError
from portfold.events.stream_id import ORIGIN, StreamId
from tests.archive.past import Past

TICK: list[str | bytes] = ["type", "ClockTicked"]


def all_of(past: Past) -> list[Recorded]:
    """Every event with its decisions, before anything is moved."""
    return list(history(past.bus, up_to=decided(past)))


def decided(past: Past) -> StreamId:
    head = past.bus.head()
    assert head is not None
    return head.cursor


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_from_a_place_on_all_is_read_with_its_decisions_however_small_a_page_is(
    past: Past, at_once: int
) -> None:
    past.happens(200)
    whole = all_of(past)
    reader = LogReader(past.bus, whole[79].event.id, at_once=at_once)
    assert list(reader.up_to(decided(past))) == whole[80:]
    assert reader.cursor == whole[-1].event.id


def test_who_leaves_off_anywhere_goes_on_there(past: Past) -> None:
    past.happens(60)
    whole, reader, read = all_of(past), LogReader(past.bus, at_once=7), list[Recorded]()
    while reader.cursor < decided(past):
        read.append(next(reader.up_to(decided(past))))
    assert read == whole


def test_only_what_is_asked_for_is_read(past: Past) -> None:
    past.happens(60)
    whole, reader = all_of(past), LogReader(past.bus)
    assert list(reader.up_to(whole[29].event.id)) == whole[:30]
    assert list(reader.up_to(whole[29].event.id)) == []
    assert list(reader.up_to(whole[30].event.id)) == whole[30:31]


@pytest.mark.parametrize("read_before", [0, 10, 70, 120])
def test_what_an_archiver_takes_away_is_read_from_the_archive(
    past: Past, folder: Path, read_before: int
) -> None:
    past.happens(200)
    whole = all_of(past)
    reader = LogReader(past.bus, whole[9].event.id, archive=folder, at_once=4)
    log = reader.up_to(decided(past))
    read = [next(log) for _ in range(read_before)]
    archive_history(past.bus, folder, Keep(events=20), segment_events=30)
    assert [*read, *log] == whole[10:]


def test_a_part_of_what_is_in_the_archive_can_be_read(past: Past, folder: Path) -> None:
    past.happens(200)
    whole = all_of(past)
    archive_history(past.bus, folder, Keep(events=20), segment_events=30)
    reader = LogReader(past.bus, whole[9].event.id, archive=folder)
    assert list(reader.up_to(whole[49].event.id)) == whole[10:50]
    assert list(reader.up_to(decided(past))) == whole[50:]


def test_without_the_archive_it_is_said_and_who_sets_the_cursor_goes_on(past: Past, folder: Path) -> None:
    past.happens(200)
    whole = all_of(past)
    archive_history(past.bus, folder, Keep(events=20))
    gone = past.bus.archived()
    assert gone is not None
    for archive, said in ((None, MovedAway), (folder / "elsewhere", ArchiveError)):
        reader = LogReader(past.bus, whole[9].event.id, archive=archive)
        with pytest.raises(said):
            list(reader.up_to(decided(past)))
        assert reader.cursor == whole[9].event.id
        reader.cursor = gone.up_to
        assert list(reader.up_to(decided(past))) == [one for one in whole if one.event.id > gone.up_to]


def test_at_the_head_it_waits_for_an_event_and_for_its_decisions(past: Past) -> None:
    past.happens(60)
    reader = LogReader(past.bus, decided(past))
    assert reader.next_event(block_ms=1) is None
    event = StreamId.parse(past.client.execute_command("XADD", past.bus.keys.events, "*", *TICK))
    assert reader.next_event(block_ms=1) == event
    assert list(reader.up_to(decided(past))) == []
    past.is_decided()
    assert [recorded.event.id for recorded in reader.up_to(decided(past))] == [event]
    assert reader.next_event(block_ms=1) is None


def test_of_a_portfolio_that_never_was_there_is_nothing(past: Past) -> None:
    reader = LogReader(past.bus)
    assert (list(reader.up_to(ORIGIN)), reader.next_event(), reader.cursor) == ([], None, ORIGIN)
