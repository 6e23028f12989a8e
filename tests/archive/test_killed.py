"""An archiver may be killed at any point: the log is whole, and the next one goes on."""

from pathlib import Path

import pytest

from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.archiver import Keep, NotArchived, archive_history
from portfold.coordinator.store.verification import verify_archive
from tests.archive.past import Past, contents
from tests.archive.stepwise import KEPT, POINTS, SEGMENT_EVENTS, archiver_at
from tests.server import EmbeddedServer

EVENTS = 300


def is_whole(past: Past, folder: Path) -> None:
    """All events are there, in archive and streams together, and lead to the head."""
    replayed = verify(LiveRecord(past.bus, folder if Archive.is_in(folder) else None))
    assert (replayed.difference, replayed.events) == (None, EVENTS)


@pytest.mark.parametrize("point", POINTS)
def test_killed_where(past: Past, folder: Path, server: EmbeddedServer, point: str) -> None:
    past.happens(EVENTS)
    before = past.whole()
    with archiver_at(point, server.url, past.bus.keys.name, folder):
        with pytest.raises(NotArchived, match="Another archiver is at work"):
            archive_history(past.bus, folder, Keep(events=KEPT))
        is_whole(past, folder)
    is_whole(past, folder)
    archive_history(past.bus, folder, Keep(events=KEPT), segment_events=SEGMENT_EVENTS)
    is_whole(past, folder)
    found, still_there = verify_archive(folder), past.whole()
    assert found.events == EVENTS - len(still_there.events)
    assert still_there.events == before.events[found.events :]
    assert still_there.decisions == before.decisions[found.decisions :]
    assert KEPT <= len(still_there.events) < EVENTS - 2 * SEGMENT_EVENTS
    archive = Archive.open(folder)
    segments = {segment.file for segment in archive.segments}
    states = {archive.checkpoints.path(number).name for number in range(1, len(segments) + 1)}
    assert contents(folder).keys() == segments | states | {"archive.json", "archive.lock"}
