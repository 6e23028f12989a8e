"""What stays on the server: what was asked to, what a start needs, and never nothing."""

from pathlib import Path

import pytest

from portfold.coordinator.store.archive import Archive, Segment
from portfold.coordinator.store.archiver import Keep, NotArchived, archive_history, outlook
from portfold.coordinator.store.follower import Follower, LogDiffers
from portfold.coordinator.store.segment import ArchiveError
from portfold.coordinator.store.snapshot import read_snapshot, snapshot_text
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from tests.archive.past import Past, Whole, contents

DAY_MS = 86_400_000
HALT: list[str | bytes] = ["type", "TradingHalted", "by", "ann", "reason", "news"]
REJECTED: list[str | bytes] = ["", ""]
TICK: list[str | bytes] = ["type", "ClockTicked"]


def decided(whole: Whole) -> set[StreamId]:
    """The events that were decided on."""
    return {entry.id.event() for entry in whole.decisions}


def kept(past: Past, folder: Path, keep: Keep) -> list[Entry]:
    """The events on the server after a run."""
    archive_history(past.bus, folder, keep)
    return past.whole().events


@pytest.mark.parametrize("events", [1, 2, 20, 299, 300, 301])
def test_at_least_so_many_stay_and_no_more_than_to_the_last_decision_before_them(
    past: Past, folder: Path, events: int
) -> None:
    past.happens(300)
    before = past.whole()
    still_there = kept(past, folder, Keep(events=events))
    latest = min(events, 300)
    assert still_there == before.events[-len(still_there) :]
    assert len(still_there) >= latest
    surplus = [entry.id for entry in still_there[: len(still_there) - latest]]
    assert decided(before).isdisjoint(surplus)


def test_whoever_starts_from_the_snapshot_finds_all_that_follows_it(past: Past, folder: Path) -> None:
    past.happens(300)
    snapshot = read_snapshot(past.bus.snapshot())
    assert snapshot is not None
    past.goes_on(*[HALT] * 30)
    still_there = kept(past, folder, Keep(events=1))
    assert still_there[0].id <= snapshot.cursor
    follower, head = Follower.from_snapshot(past.bus), past.bus.head()
    assert head is not None
    while follower.step(past.bus, head.cursor):
        pass
    follower.prove(head.cursor, head.chain)


def test_the_last_decision_stays_however_long_ago_it_was(past: Past, folder: Path) -> None:
    past.happens(300)
    [halted] = past.goes_on(HALT)
    past.goes_on(*[TICK] * 20)
    past.is_snapshot()
    before = past.whole()
    last = before.decisions[-1].id.event()
    still_there = kept(past, folder, Keep(events=1))
    assert last <= halted
    assert still_there[0].id <= last
    assert past.whole().decisions[-1] == before.decisions[-1]


@pytest.mark.parametrize(("days", "stay"), [(1, [0, DAY_MS]), (2, [-1, 0, DAY_MS]), (36_525, None)])
def test_days_are_counted_back_from_the_snapshot(
    past: Past, folder: Path, days: int, stay: list[int] | None
) -> None:
    past.happens(300)
    began = past.whole().events[-1].id.ms + 2 * DAY_MS
    for after in (1 - 2 * DAY_MS, -1, 0, DAY_MS):
        past.goes_on(REJECTED, at=f"{began + after}-0")
    past.is_snapshot()
    still_there = kept(past, folder, Keep(days=days))
    assert stay is None or [entry.id.ms - began for entry in still_there] == stay
    assert stay is not None or len(still_there) == 304


def test_an_event_that_is_not_decided_yet_is_left_alone(past: Past, folder: Path) -> None:
    past.happens(300)
    undecided = past.bus.append(["type", "ClockTicked"])
    still_there = kept(past, folder, Keep(events=1))
    assert still_there[-1].id == undecided
    assert Archive.open(folder).end < undecided


# --- when nothing may be moved ---------------------------------------------------------------------------


def refused(past: Past, folder: Path) -> str:
    """Why nothing is moved; neither the streams nor the folder are touched."""
    before = past.whole()
    with pytest.raises((NotArchived, LogDiffers)) as looking:
        outlook(past.bus, folder, Keep(events=20))
    with pytest.raises(looking.type) as moving:
        archive_history(past.bus, folder, Keep(events=20))
    assert str(moving.value) == str(looking.value)
    assert past.whole() == before
    assert past.bus.archived() is None
    return str(moving.value)


def test_a_portfolio_that_nobody_ever_coordinated_has_no_history(past: Past, folder: Path) -> None:
    past.client.delete(past.bus.keys.head)
    assert "No coordinator has ever run" in refused(past, folder)


@pytest.mark.parametrize("snapshot", [None, "rubbish"])
def test_without_a_snapshot_nothing_is_moved(past: Past, folder: Path, snapshot: str | None) -> None:
    past.happens(300)
    past.client.delete(past.bus.keys.snapshot)
    if snapshot is not None:
        past.bus.save_snapshot(snapshot)
    assert "has no snapshot that can be used" in refused(past, folder)


def test_a_snapshot_ahead_of_the_head_is_none(past: Past, folder: Path) -> None:
    past.happens(300)
    past.client.hset(past.bus.keys.head, "cursor", str(past.whole().events[-2].id))
    assert "has no snapshot that can be used" in refused(past, folder)


def test_a_snapshot_from_before_the_archives_end_is_none(past: Past, folder: Path) -> None:
    past.happens(300)
    early = past.bus.snapshot()
    assert early is not None
    past.goes_on(*[REJECTED] * 30)
    past.is_snapshot()
    before = len(kept(past, folder, Keep(events=10)))
    past.bus.save_snapshot(early)
    with pytest.raises(NotArchived, match="is older than the end of the archive"):
        archive_history(past.bus, folder, Keep(events=1))
    assert len(past.whole().events) == before


def test_a_snapshot_of_another_log_is_found_out(past: Past, folder: Path) -> None:
    past.happens(300)
    snapshot = read_snapshot(past.bus.snapshot())
    assert snapshot is not None
    snapshot.chain = "f" * 64
    past.bus.save_snapshot(snapshot_text(snapshot))
    assert "does not lead to the snapshot" in refused(past, folder)


def test_an_altered_decision_is_not_archived(past: Past, folder: Path) -> None:
    past.happens(300)
    entries = past.whole().decisions
    past.client.delete(past.bus.keys.decisions)
    for at, fields in entries:
        words = [word if word != "max_positions" else "halted" for word in fields]
        past.client.execute_command("XADD", past.bus.keys.decisions, str(at), *words)
    assert "says 'halted' where the fold says 'max_positions'" in refused(past, folder)
    assert not Archive.is_in(folder)


@pytest.mark.parametrize("stream", ["events", "decisions"])
@pytest.mark.parametrize("gone", [0, 1, 150])
def test_a_hole_in_the_log_is_not_archived(past: Past, folder: Path, stream: str, gone: int) -> None:
    past.happens(300)
    key, entries = getattr(past.bus.keys, stream), getattr(past.whole(), stream)
    past.client.xdel(key, str(entries[min(gone, len(entries) // 2)].id))
    assert "Nothing is archived from there on, and nothing was trimmed." in refused(past, folder)


def test_a_log_that_was_trimmed_by_hand_is_not_taken_for_the_beginning(past: Past, folder: Path) -> None:
    past.happens(300)
    past.client.xtrim(past.bus.keys.events, maxlen=100, approximate=False)
    past.client.xtrim(past.bus.keys.decisions, maxlen=10, approximate=False)
    assert "where the fold says" in refused(past, folder) or "is not on record" in refused(past, folder)


def test_another_portfolios_archive_is_not_added_to(past: Past, other: Past, folder: Path) -> None:
    past.happens(300)
    archive_history(past.bus, folder, Keep(events=20))
    other.happens(300)
    before = contents(folder)
    with pytest.raises(ArchiveError, match=f"the archive of portfolio {past.bus.keys.name}, not of other-"):
        archive_history(other.bus, folder, Keep(events=20))
    assert contents(folder) == before


def test_an_archive_that_lacks_what_another_one_took_is_not_gone_on_with(past: Past, tmp_path: Path) -> None:
    past.happens(300)
    archive_history(past.bus, tmp_path / "one", Keep(events=150))
    with pytest.raises(LogDiffers, match=f"moved to the archive {tmp_path / 'one'}"):
        archive_history(past.bus, tmp_path / "other", Keep(events=20))
    assert contents(tmp_path / "other").keys() == {"archive.lock"}


def test_a_folder_that_cannot_be_made_is_named(past: Past, tmp_path: Path) -> None:
    past.happens(300)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotArchived, match=r"file/archive cannot be written: Not a directory"):
        archive_history(past.bus, tmp_path / "file" / "archive", Keep(events=20))
    assert len(past.whole().events) == 300


def test_a_second_archiver_is_refused_while_the_first_is_at_work(past: Past, folder: Path) -> None:
    past.happens(300)
    said: list[str] = []

    def meanwhile(_segment: Segment) -> None:
        with pytest.raises(NotArchived) as refusal:
            archive_history(past.bus, folder, Keep(events=20))
        said.append(str(refusal.value))

    archive_history(past.bus, folder, Keep(events=20), on_progress=meanwhile)
    assert said == [f"Another archiver is at work in {folder}."]
