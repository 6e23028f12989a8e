"""`portfold tail -f` where an archiver takes away what comes next: it is told from the archive, or noted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portfold.coordinator.audit.record.following import Note
from portfold.coordinator.audit.record.tail import Tail, TailLine
from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.archiver import Keep, archive_history
from tests.archive.past import GARBAGE, Past, archive_and_end_after
from tests.cli.watch.tailing import HALT, TICK, choice, following, told_by, whole_timeline
from tests.server import EmbeddedServer


@pytest.fixture
def past(server: EmbeddedServer, portfolio: str, client: Any) -> Iterator[Past]:
    """A portfolio so far without events."""
    told = Past(server.url, portfolio, client)
    yield told
    told.bus.close()


def test_what_an_archiver_takes_away_meanwhile_is_told_from_the_archive(past: Past, tmp_path: Path) -> None:
    end, already = overtaken(past, tmp_path, in_sight=True)
    told = following(end, 100)
    whole = whole_timeline(past, tmp_path / "archive")
    assert told_by(one for one in told if isinstance(one, TailLine)) == whole[already : already + 100]


def test_what_an_archiver_takes_away_out_of_sight_is_noted(past: Past, tmp_path: Path) -> None:
    end, _ = overtaken(past, tmp_path, in_sight=False)
    gone = past.bus.archived()
    assert gone is not None
    note, *told = following(end, 3)
    assert isinstance(note, Note)
    assert note.text == f"Up to {gone.up_to} it went to the archive untold: portfold audit show"
    assert all(isinstance(one, TailLine) and one.item.row.id > gone.up_to for one in told)


def test_where_the_archive_ahead_of_what_was_trimmed_is_damaged_all_is_told_once(
    past: Past, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    past.happens(100)
    end = Tail(past.bus, folder, choice(everything=True))
    list(end.last(1))
    already = len(whole_timeline(past))
    past.goes_on(*[HALT, GARBAGE[0]] * 60)
    past.is_snapshot()
    whole = whole_timeline(past)[already:]
    archive_and_end_after(past, 7, folder, segment_events=20)  # a little beyond what was told
    (folder / Archive.open(folder).segments[8].file).unlink()
    told = following(end, len(whole))
    assert told_by(one for one in told if isinstance(one, TailLine)) == whole


def overtaken(past: Past, tmp_path: Path, *, in_sight: bool) -> tuple[Tail, int]:
    """A tail that has told the end, after so many lines; then much more happens and is archived."""
    folder = tmp_path / "archive"
    past.happens(300)
    end = Tail(past.bus, folder if in_sight else None, choice(everything=True))
    list(end.last(1))
    already = len(whole_timeline(past))
    past.goes_on(*[TICK, HALT, GARBAGE[0]] * 30)
    past.is_snapshot()
    archive_history(past.bus, folder, Keep(events=20))
    return end, already
