"""Which snapshots are gone on from: whole ones, of this version of the fold or of one it goes on from.

And when one is written: every 2,000 events, every minute at rest, and at the end.
"""

import pytest

from portfold.coordinator.fold.fold import FOLD_VERSION, GOES_ON_FROM
from portfold.coordinator.process import leader
from portfold.coordinator.store import snapshot
from portfold.coordinator.store.snapshot import Checkpoint, read_snapshot, snapshot_text
from portfold.events.incoming import ClockTicked
from portfold.events.stream_id import ORIGIN, StreamId
from tests.coordinator.story import Story
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.waiting import until


@pytest.fixture
def checkpoint() -> Checkpoint:
    story = Story()
    story.enters("ES", size=2)
    story.starts("ibs-CL", session="s2")
    return Checkpoint(story.state, StreamId(story.ms, 0), "c" * 64)


@pytest.mark.parametrize("version", GOES_ON_FROM)
def test_of_a_version_it_goes_on_from_nothing_is_lost(
    checkpoint: Checkpoint, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "FOLD_VERSION", version)
    assert read_snapshot(snapshot_text(checkpoint)) == checkpoint


@pytest.mark.parametrize("version", [0, FOLD_VERSION + 1])
def test_of_any_other_version_it_is_passed_over(
    checkpoint: Checkpoint, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "FOLD_VERSION", version)
    assert read_snapshot(snapshot_text(checkpoint)) is None


def test_of_another_version_by_a_slip_of_the_hand_it_is_passed_over(checkpoint: Checkpoint) -> None:
    text = snapshot_text(checkpoint)
    assert read_snapshot(text.replace(f'"fold":{FOLD_VERSION}', '"fold":1')) is None


def written(live: Live) -> StreamId:
    """How far the snapshot on the server goes."""
    found = read_snapshot(live.bus.snapshot() or "")
    return found.cursor if found else ORIGIN


def test_after_so_many_events_one_is_written(server: EmbeddedServer, portfolio: str, live: Live) -> None:
    with coordinating(server.url, portfolio):
        live.publishes_all(ClockTicked() for _ in range(1900))
        live.all_decided()
        assert written(live) == ORIGIN
        live.publishes_all(ClockTicked() for _ in range(200))
        until(lambda: written(live) > ORIGIN, "a snapshot")


def test_at_rest_one_is_written_after_a_while_and_at_the_end_in_any_case(
    server: EmbeddedServer, portfolio: str, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader, "_SNAPSHOT_SECONDS", 0.2)  # a minute
    with coordinating(server.url, portfolio):
        live.enters("ES")
        until(lambda: written(live) == live.bus.last_event(), "a snapshot of all there is")
        monkeypatch.setattr(leader, "_SNAPSHOT_SECONDS", 60.0)
        live.enters("CL")
        assert written(live) < live.bus.last_event()
    assert written(live) == live.bus.last_event()
