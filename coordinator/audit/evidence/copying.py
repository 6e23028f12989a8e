"""Copies a record, up to its head of this moment, into an archive of its own: the evidence.

Every entry goes out as it lies on record; nothing is decided again and nothing is moved, so also a log that
is not what was decided can be kept. archive.json, without which there is no archive, is written last and
names the head. The same log gives the same bytes, wherever it lies.
"""

from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path

from msgspec import Struct

from portfold.coordinator.audit.record.new_folder import new_folder
from portfold.coordinator.audit.record.record import Record
from portfold.coordinator.audit.record.walk import Walk
from portfold.coordinator.store.archive import SEGMENT_EVENTS, Archive, CopiedHead
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.store.segment import write_segment


class Copied(Struct, frozen=True):
    """How much was copied."""

    events: int
    decisions: int
    segments: int


def copy_record(
    record: Record,
    folder: Path,
    on_progress: Callable[[int], object] = lambda _: None,
    *,
    segment_events: int = SEGMENT_EVENTS,
) -> Copied:
    """Copies the record to `folder`, which is to be new or empty; shows `on_progress` how many events are
    done.

    Raises NotWritten, ArchiveError where the disk gives back something else, and what reading raises; nothing
    of the copy stays then.
    """
    walk = Walk()
    with new_folder(folder):
        archive = Archive(folder, record.portfolio)
        log = _walked(record, walk, on_progress)
        for first in log:
            opening = archive.next_opening(str(first.event.id))
            stretch = islice(chain([first], log), segment_events)
            archive.add(opening, write_segment(archive.next_path(), opening, stretch, lambda: walk.chain))
        archive.list_copy(CopiedHead(str(record.cursor), record.chain))
    return Copied(walk.events, walk.decisions, len(archive.segments))


def _walked(record: Record, walk: Walk, on_progress: Callable[[int], object]) -> Iterator[Recorded]:
    for recorded in record.recorded():
        walk.past(recorded)
        on_progress(walk.events)
        yield recorded
