"""The log as alerts need it: each event once, whatever an archiver took away and whatever became of that."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.log_reader import history
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.notifier_bus import NotifierBus
from portfold.workers.notify.reading import Missed, Read, Reading
from tests.archive.past import Past, archive_and_end_after
from tests.server import EmbeddedServer

BATCHES = 20
TICK: list[str | bytes] = ["type", "ClockTicked"]


@pytest.fixture
def past(server: EmbeddedServer, portfolio: str, client: Any) -> Iterator[Past]:
    told = Past(server.url, portfolio, client)
    yield told
    told.bus.close()


def all_read(bus: NotifierBus, archive: Path) -> list[Read]:
    """What a notifier reads that was never there before."""
    term = bus.take_over("discord", "me", 60_000)
    reading = Reading(bus, "discord", term.number, ORIGIN, archive)
    return [read for _ in range(BATCHES) for read in reading.more()]


@pytest.mark.parametrize("damaged", [2, 3, 5])
def test_where_the_archive_ahead_of_what_was_trimmed_is_damaged_all_is_read_once(
    past: Past, tmp_path: Path, notifier_bus: NotifierBus, damaged: int
) -> None:
    past.happens(400)
    whole = list(history(past.bus, up_to=past.place[0]))
    folder = tmp_path / "archive"
    archive_and_end_after(past, 1, folder, segment_events=50)
    (folder / Archive.open(folder).segments[damaged - 1].file).unlink()
    assert all_read(notifier_bus, folder) == whole


def test_where_the_archive_of_what_was_trimmed_is_damaged_that_is_missed_and_the_rest_read_once(
    past: Past, tmp_path: Path, notifier_bus: NotifierBus
) -> None:
    past.happens(400)
    whole = list(history(past.bus, up_to=past.place[0]))
    folder = tmp_path / "archive"
    archive_and_end_after(past, 3, folder, segment_events=50)
    first, second, third, *_ = Archive.open(folder).segments
    (folder / second.file).unlink()
    read = all_read(notifier_bus, folder)
    (missed,) = [one for one in read if isinstance(one, Missed)]
    assert (missed.after, missed.up_to) == (StreamId.parse(first.last), StreamId.parse(third.last))
    assert [one for one in read if one is not missed] == [
        one for one in whole if not missed.after < one.event.id <= missed.up_to
    ]


def test_where_only_what_was_delivered_may_have_been_trimmed_it_is_missed_perhaps(
    past: Past, tmp_path: Path, notifier_bus: NotifierBus
) -> None:
    past.happens(50)
    first, *_ = past.goes_on(*[TICK] * 3)
    past.client.xtrim(past.bus.keys.events, minid=str(first), approximate=False)
    missed, *rest = all_read(notifier_bus, tmp_path)
    assert isinstance(missed, Missed)
    assert (missed.up_to, missed.perhaps) == (first.before(), True)
    assert len(rest) == 3


def test_where_an_event_that_was_not_delivered_is_surely_gone_it_is_missed(
    past: Past, tmp_path: Path, notifier_bus: NotifierBus
) -> None:
    past.happens(50)
    past.client.xtrim(past.bus.keys.events, maxlen=0, approximate=False)
    (missed,) = all_read(notifier_bus, tmp_path)
    assert isinstance(missed, Missed)
    assert (missed.up_to, missed.perhaps) == (past.place[0], False)
