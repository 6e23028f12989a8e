"""Which snapshots are gone on from: whole ones, of this version of the fold or of one it goes on from."""

import pytest

from coordinator import snapshot
from coordinator.fold import FOLD_VERSION, GOES_ON_FROM
from coordinator.snapshot import Place, read_snapshot, snapshot_text
from events.stream_id import StreamId
from tests.coordinator.story import Story


@pytest.fixture
def place() -> Place:
    story = Story()
    story.enters("ES", size=2)
    story.starts("ibs-CL", session="s2")
    return Place(story.state, StreamId(story.ms, 0), "c" * 64)


@pytest.mark.parametrize("version", GOES_ON_FROM)
def test_of_a_version_it_goes_on_from_nothing_is_lost(
    place: Place, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "FOLD_VERSION", version)
    assert read_snapshot(snapshot_text(place)) == place


@pytest.mark.parametrize("version", [0, FOLD_VERSION + 1])
def test_of_any_other_version_it_is_passed_over(
    place: Place, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "FOLD_VERSION", version)
    assert read_snapshot(snapshot_text(place)) is None


def test_of_another_version_by_a_slip_of_the_hand_it_is_passed_over(place: Place) -> None:
    text = snapshot_text(place)
    assert read_snapshot(text.replace(f'"fold":{FOLD_VERSION}', '"fold":1')) is None
