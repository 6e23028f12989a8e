"""Coordinators and archivers together: restarts over what was archived, and archiving while one leads."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.store.archive import LISTING, Archive
from portfold.coordinator.store.archiver import Archived, Keep, archive_history
from portfold.coordinator.store.verification import verify_archive
from portfold.events.incoming import EntryRequested, EntryWithdrawn
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.archiver_bus import ArchiverBus
from portfold.events.wire.connection import connect
from tests.coordinator.story import code
from tests.live import Live, read
from tests.processes import NOT_COORDINATING, READY, Coordinators, config_folder
from tests.server import EmbeddedServer
from tests.waiting import until


@pytest.fixture
def archiver_bus(server: EmbeddedServer, portfolio: str) -> Iterator[ArchiverBus]:
    """The archiver's own connection."""
    bus = ArchiverBus(connect(server.url), portfolio)
    yield bus
    bus.close()


@pytest.fixture
def config(tmp_path: Path, folder: Path) -> Path:
    """A configuration that names the archive."""
    return config_folder(tmp_path / "config", runtime={"archive_folder": str(folder)})


def trades(live: Live) -> None:
    """Something of everything, and much of it: positions, a reservation, a loss, repeated denials."""
    live.enters("ES", "CL", "6A")
    live.closes("CL", pnl="-1500", commission="5", price="98.505")
    live.asks("SI")
    requests = (live.next_of(EntryRequested, "ibs-PL", symbol="PL", side="long", size=9) for _ in range(100))
    live.publishes_all(requests)
    live.all_decided()


def answer(live: Live) -> str:
    """The code of an answer, and the slot given back. Looks at nothing else: that may be archived by then."""
    request = live.publishes(live.next_of(EntryRequested, "asker", symbol="ES", side="long", size=1))
    live.publishes(live.next_of(EntryWithdrawn, "asker", symbol="ES"))
    until(lambda: live.has_decided(request), f"an answer to {request}")
    [found] = live.bus.decisions_of(request)
    return code(read(found))


def archived_day(
    coordinators: Coordinators, live: Live, bus: ArchiverBus, folder: Path, config: Path | None = None
) -> Archived:
    """A day that is over, all of it but the last events moved away."""
    day = coordinators.start(config=config)
    trades(live)
    assert day.stop() == 0
    live.all_decided()
    return archive_history(bus, folder, Keep(events=5), segment_events=40)


def test_without_a_snapshot_a_coordinator_starts_from_the_archive(
    coordinators: Coordinators, live: Live, client: Any, archiver_bus: ArchiverBus, folder: Path, config: Path
) -> None:
    done = archived_day(coordinators, live, archiver_bus, folder, config)
    status = live.status()
    assert done.events > 90
    client.delete(live.keys.snapshot)
    coordinators.start(config=config)
    assert [code(live.asks(symbol)) for symbol in ("ES", "SI")] == ["symbol_in_position", "symbol_pending"]
    for name in ("open_positions", "daily_pnl", "reserved", "current_day", "positions"):
        assert live.status()[name] == status[name]
    replayed = verify(LiveRecord(live.bus, folder))
    assert (replayed.difference, replayed.events) == (None, done.events + len(live.events()))


def test_a_snapshot_of_before_the_archive_is_passed_over_for_it(
    coordinators: Coordinators, live: Live, client: Any, archiver_bus: ArchiverBus, folder: Path, config: Path
) -> None:
    coordinators.start(config=config).stop()
    early = client.get(live.keys.snapshot)
    archived_day(coordinators, live, archiver_bus, folder, config)
    client.set(live.keys.snapshot, early)
    coordinators.start(config=config)
    assert code(live.asks("ES")) == "symbol_in_position"


def test_with_a_snapshot_no_archive_is_needed(
    coordinators: Coordinators, live: Live, archiver_bus: ArchiverBus, folder: Path
) -> None:
    archived_day(coordinators, live, archiver_bus, folder)
    shutil.rmtree(folder)
    coordinators.start()
    assert code(live.asks("ES")) == "symbol_in_position"


def test_an_archive_that_does_not_exist_yet_is_no_hindrance(
    coordinators: Coordinators, live: Live, client: Any, folder: Path, config: Path
) -> None:
    first = coordinators.start(config=config)
    live.enters("ES")
    first.stop()
    client.delete(live.keys.snapshot)
    coordinators.start(config=config)
    assert code(live.asks("ES")) == "symbol_in_position"
    assert not folder.exists()


def test_with_neither_snapshot_nor_archive_it_says_where_the_history_is_and_decides_nothing(
    coordinators: Coordinators, live: Live, client: Any, archiver_bus: ArchiverBus, folder: Path
) -> None:
    done = archived_day(coordinators, live, archiver_bus, folder)
    client.delete(live.keys.snapshot)
    lost = coordinators.start(ready=False)
    why = lost.says(NOT_COORDINATING)["why"]
    gone = archiver_bus.archived()
    assert gone is not None
    assert why.startswith(
        f"The events up to {gone.up_to} are no longer on the server: they were moved to the "
    )
    assert f"archive {folder}. Name that: --archive for a coordinator" in why
    assert done.first_kept > gone.up_to


def test_an_archive_that_is_damaged_or_gone_is_named_and_once_restored_it_goes_on(
    coordinators: Coordinators, live: Live, client: Any, archiver_bus: ArchiverBus, folder: Path, config: Path
) -> None:
    archived_day(coordinators, live, archiver_bus, folder, config)
    client.delete(live.keys.snapshot)
    listing = (folder / LISTING).read_bytes()
    (folder / LISTING).write_bytes(listing.replace(b"PL", b"PM", 1))
    waiting = coordinators.start(config=config, ready=False)
    assert f"{folder / LISTING}: this file is damaged." in waiting.says(NOT_COORDINATING)["why"]
    (folder / LISTING).unlink()
    assert "there is no such file" in waiting.says(NOT_COORDINATING, times=2)["why"]
    (folder / LISTING).write_bytes(listing)
    waiting.says(READY)
    assert code(live.asks("ES")) == "symbol_in_position"


def test_an_archive_that_goes_further_than_the_log_shows_that_its_end_is_missing(
    coordinators: Coordinators, live: Live, client: Any, archiver_bus: ArchiverBus, folder: Path, config: Path
) -> None:
    archived_day(coordinators, live, archiver_bus, folder, config)
    client.delete(*client.keys(f"{live.keys.prefix}*"))
    forgetful = coordinators.start(config=config, ready=False)
    why = forgetful.says(NOT_COORDINATING)["why"]
    assert f"The archive {folder} goes on to event" in why
    assert "the head only to 0-0: the end of the log is missing" in why
    assert live.bus.last_event() == ORIGIN


def test_a_live_portfolio_is_archived_under_load_and_nobody_notices(
    coordinators: Coordinators,
    live: Live,
    client: Any,
    archiver_bus: ArchiverBus,
    folder: Path,
    config: Path,
) -> None:
    config_folder(config, runtime={"lease_ms": 4_000})  # the load leaves the leader little time
    coordinators.start(config=config).stop()
    leader = coordinators.start(config=config)
    enough = threading.Event()

    def load() -> None:
        worker, sent = Live(live.bus, client), list[StreamId]()
        while not enough.is_set():
            requests = (
                worker.next_of(EntryRequested, "ibs-RTY", symbol="RTY", side="long", size=1)
                for _ in range(50)
            )
            worker.publishes_all(requests)
            sent.append(live.bus.last_event())
            # The leader has thousands before it, not whatever this machine can write.
            until(lambda: enough.is_set() or live.has_decided(sent[-100:][0]), "the leader to come after")

    loading = threading.Thread(target=load)
    loading.start()
    try:
        moved = 0
        while moved < 3000:
            moved += archive_history(archiver_bus, folder, Keep(events=100), segment_events=500).events
            assert answer(live) == "allowed"
    finally:
        enough.set()
        loading.join()
    leader.kill()
    client.delete(live.keys.snapshot)
    successor = coordinators.start(config=config)
    assert answer(live) == "allowed"
    until(lambda: live.has_decided(live.bus.last_event()), "decisions on everything")
    assert [fields["epoch"] for fields in live.said("CoordinatorStarted")] == ["3"]
    successor.stop()  # what takes long to verify stays as it is until then
    assert verify_archive(folder).events == moved
    replayed = verify(LiveRecord(live.bus, folder))
    assert (replayed.difference, replayed.events) == (None, moved + len(live.events()))
    assert len(Archive.open(folder).segments) >= 5
