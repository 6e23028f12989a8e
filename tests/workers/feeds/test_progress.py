"""How far a worker has come: noted bar by bar, known to its next life, refused when it cannot be read."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portfold.config import ConfigError
from portfold.workers.feeds.progress import BarProgress

START = datetime(2025, 1, 6, 15, tzinfo=UTC)


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def lived(file: Path, held: Sequence[bool]) -> BarProgress:
    """The next life of a worker that noted these bars."""
    progress = BarProgress(file)
    for hour, holds in enumerate(held):
        progress.note(at(hour), held=holds)
    return BarProgress(file)


def test_without_a_past_there_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    progress = BarProgress(tmp_path / "ES.json")
    assert (progress.last, progress.last_held) == (None, None)


def test_the_next_life_knows_the_last_bar_and_since_when_something_is_held(tmp_path: Path) -> None:
    progress = lived(tmp_path / "ES.json", [False, False, True, True])
    assert progress.last == at(3)
    assert [progress.was_held_at(at(hour)) for hour in range(4)] == [False, False, True, True]


def test_the_next_life_knows_when_something_was_last_held(tmp_path: Path) -> None:
    assert lived(tmp_path / "ES.json", [False, True, False]).last_held == at(1)


def test_what_was_held_from_the_start_was_held_at_every_bar(tmp_path: Path) -> None:
    assert lived(tmp_path / "ES.json", [True, True]).was_held_at(at(0))


def test_nothing_is_written_where_no_file_is_given(tmp_path: Path) -> None:
    BarProgress(None).note(START, held=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b'{"last": 3}', b'{"last": "2025-01-06T15:00:00"}', b"\xff"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ES.json").write_bytes(content)
    with pytest.raises(ConfigError, match=r"ES\.json: expected a worker's progress"):
        BarProgress(tmp_path / "ES.json")
