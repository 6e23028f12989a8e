"""The log as alerts need it: each event once, whatever an archiver took away and whatever became of that."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from portfold.coordinator.process.renewal import planned, renew
from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.log_reader import history
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.connection import connect
from portfold.events.wire.importer_bus import RenewerBus
from portfold.events.wire.notifier_bus import NotifierBus
from portfold.workers.notify.alerts import missed_alert
from portfold.workers.notify.reading import Missed, Read, Reading
from tests.archive.past import Past, archive_and_end_after
from tests.notifier.telling import CHICAGO
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
    reading = begun(bus, archive)
    return [read for _ in range(BATCHES) for read in reading.more()]


def begun(bus: NotifierBus, archive: Path) -> Reading:
    term = bus.take_over("discord", "me", 60_000)
    return Reading(bus, "discord", term.number, ORIGIN, archive)


def ids(read: Iterable[Read]) -> list[StreamId]:
    return [one.event.id for one in read if not isinstance(one, Missed)]


def reading_all(bus: NotifierBus, archive: Path) -> Reading:
    """A notifier that has read all there is."""
    reading = begun(bus, archive)
    while list(reading.more()):
        pass
    return reading


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


FAR = StreamId(9999999999999, 0)


@pytest.mark.parametrize("decided_again", [False, True])
def test_after_a_renewal_it_goes_on_with_what_was_put_on_behind_the_last_event_of_the_present(
    past: Past, tmp_path: Path, server: EmbeddedServer, notifier_bus: NotifierBus, *, decided_again: bool
) -> None:
    past.happens(50)
    past.goes_on(TICK)
    reading = reading_all(notifier_bus, tmp_path)
    (present,) = past.goes_on(TICK)
    past.goes_on(TICK, at=str(FAR))
    assert ids(reading.more()) == [present, FAR]
    with closing(RenewerBus(connect(server.url), past.bus.keys.name)) as renewer:
        record = renew(renewer, planned(renewer, by="jane", since=None), reason="poison", keep=len)
    if decided_again:
        past.led_anew()
    missed, *read = list(reading.more())
    assert isinstance(missed, Missed)
    assert (missed.after, missed.up_to, missed.perhaps) == (FAR, present, True)
    assert f"after event {present}" in missed_alert(missed, CHICAGO).lines[1]
    if not decided_again:
        assert (read, reading.last, reading.waits_for_decision) == ([], present, False)
        past.led_anew()
        read = list(reading.more())
    _, renewed, *_ = ids(read)
    assert renewed == record, "behind what opens the renewal's term"
    assert reading.last == past.bus.last_event()
    assert list(reading.more()) == []


def test_a_head_that_was_set_back_alone_sets_no_reader_back(
    past: Past, tmp_path: Path, notifier_bus: NotifierBus
) -> None:
    """It is so for a moment after a renewal: the facts that were put on again are there, and undecided."""
    past.happens(50)
    (last,) = past.goes_on(TICK)
    reading = reading_all(notifier_bus, tmp_path)
    past.client.hset(past.bus.keys.head, "cursor", str(last.before()))
    assert (list(reading.more()), reading.last) == ([], last)
