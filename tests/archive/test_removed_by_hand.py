"""What somebody removed behind an archiver's back: no reader goes over the gap as if nothing were missing."""

from pathlib import Path
from typing import NamedTuple

import pytest

from portfold.cli.exits import FAILED, OK
from portfold.coordinator.audit.record.following import Note
from portfold.coordinator.audit.record.tail import Tail, TailLine
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.log_reader import LogReader, RemovedByHand
from portfold.coordinator.store.recorded import Recorded
from portfold.events.stream_id import StreamId
from tests.archive.past import Past
from tests.archive.test_log_reader import all_of, decided
from tests.cli.command_line import called
from tests.cli.watch.tailing import HALT, TICK, choice


class Joint(NamedTuple):
    """An archive beside its streams: all that ever was, and what the archiver left."""

    whole: list[Recorded]
    kept: list[Recorded]


@pytest.fixture
def joint(past: Past, folder: Path) -> Joint:
    past.happens(200)
    whole = all_of(past)
    archive_history(past.bus, folder, Keep(events=50))
    gone = past.bus.archived()
    assert gone is not None
    kept = [one for one in whole if one.event.id > gone.up_to]
    assert gone.kept_from == kept[0].event.id
    return Joint(whole, kept)


def removes(past: Past, first_left: StreamId) -> None:
    """Somebody trims both streams up to this event."""
    past.client.xtrim(past.bus.keys.events, minid=str(first_left), approximate=False)
    past.client.xtrim(past.bus.keys.decisions, minid=str(first_left), approximate=False)


@pytest.mark.parametrize("read_before", [0, 100, "all that was archived"])
@pytest.mark.parametrize("removed", [1, 30])
def test_events_that_the_archiver_left_and_that_are_gone_are_named(
    past: Past, folder: Path, joint: Joint, removed: int, read_before: int | str
) -> None:
    whole, kept = joint
    removes(past, kept[removed].event.id)
    begun = whole.index(kept[0]) if isinstance(read_before, str) else read_before
    reader = LogReader(past.bus, archive=folder)
    if begun:
        reader.cursor = whole[begun - 1].event.id
    read = list[Recorded]()
    with pytest.raises(RemovedByHand, match=f"The events from {kept[0].event.id} up to ") as found:
        read.extend(one for one in reader.up_to(decided(past)))
    assert reader.cursor < kept[0].event.id
    assert kept[removed - 1].event.id <= found.value.up_to < kept[removed].event.id
    reader.cursor = found.value.up_to
    assert list(reader.up_to(decided(past))) == kept[removed:]


def test_where_nothing_was_removed_all_is_read(past: Past, folder: Path, joint: Joint) -> None:
    removes(past, joint.kept[0].event.id)
    assert list(LogReader(past.bus, archive=folder).up_to(decided(past))) == joint.whole


def test_what_an_earlier_version_archived_is_read_as_before(past: Past, folder: Path, joint: Joint) -> None:
    """It did not note where the streams begin."""
    past.client.hdel(past.bus.keys.archive, "kept_from")
    assert list(LogReader(past.bus, archive=folder).up_to(decided(past))) == joint.whole


def test_where_all_of_the_events_are_gone_that_is_named_too(past: Past, folder: Path, joint: Joint) -> None:
    past.client.xtrim(past.bus.keys.events, maxlen=0, approximate=False)
    with pytest.raises(RemovedByHand) as found:
        list(LogReader(past.bus, archive=folder).up_to(decided(past)))
    assert found.value.up_to == joint.whole[-1].event.id


def test_audit_verify_and_the_doctor_say_it(past: Past, folder: Path, joint: Joint, tmp_path: Path) -> None:
    where = ("--url", past.url, "--portfolio", past.bus.keys.name)
    assert called("audit", "verify", "--archive", str(folder), *where, cwd=tmp_path).code == OK
    removes(past, joint.kept[3].event.id)
    verified = called("audit", "verify", "--archive", str(folder), *where, cwd=tmp_path)
    assert verified.code == FAILED
    assert f"The events from {joint.kept[0].event.id} up to " in verified.out + verified.err
    assert "3 events" in called("doctor", *where, cwd=tmp_path).out


def test_tail_notes_it_and_goes_on(past: Past, folder: Path) -> None:
    past.happens(100)
    tail = Tail(past.bus, folder, choice(everything=True))
    list(tail.last(1))
    past.goes_on(*[TICK, HALT] * 40)
    past.is_snapshot()
    archive_history(past.bus, folder, Keep(events=20))
    gone = past.bus.archived()
    assert gone is not None
    left = past.whole().events[3].id
    removes(past, left)
    followed = tail.follow(lambda _seconds: None)
    note = next(one for one in followed if isinstance(one, Note))
    assert note.text.startswith(f"The events from {gone.kept_from} up to ")
    following = next(followed)
    assert isinstance(following, TailLine)
    assert following.item.row.id == left
