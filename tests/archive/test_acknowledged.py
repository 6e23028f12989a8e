"""An archive and a loss that somebody answered for: what can still be proved is archived, the rest is not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.store import log_integrity
from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.follower import LogDiffers
from portfold.coordinator.store.verification import verify_archive
from portfold.coordinator.views.overview import missed_at_the_end
from portfold.events.incoming import EntryRequested
from portfold.events.wire.archiver_bus import ArchiverBus
from portfold.events.wire.connection import connect
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer

KEEP = Keep(events=2)


@pytest.fixture
def archiver(server: EmbeddedServer, portfolio: str) -> Iterator[ArchiverBus]:
    """The bus of an archiver of the test's portfolio."""
    bus = ArchiverBus(connect(server.url), portfolio)
    yield bus
    bus.close()


@pytest.fixture
def archived(server: EmbeddedServer, portfolio: str, live: Live, archiver: ArchiverBus, folder: Path) -> Live:
    """A portfolio with two trades behind it, most of it archived."""
    with coordinating(server.url, portfolio):
        live.enters("ES")
        live.enters("CL")
    assert archive_history(archiver, folder, KEEP).events > 0
    return live


def acknowledge(live: Live) -> None:
    log_integrity.acknowledge(
        live.bus, lambda: missed_at_the_end(live.bus), by="jane", reason="the broker is flat"
    )


def test_after_a_lost_event_that_nobody_had_decided_the_archive_goes_on(
    archived: Live, archiver: ArchiverBus, folder: Path, server: EmbeddedServer, portfolio: str, client: Any
) -> None:
    before = verify_archive(folder).events
    ask = archived.next_of(EntryRequested, "ibs-SI", symbol="SI", side="long", size=1)
    client.xdel(archived.keys.events, str(archived.publishes(ask)))
    acknowledge(archived)
    with coordinating(server.url, portfolio):
        archived.enters("SI")
    archive_history(archiver, folder, KEEP)
    assert verify_archive(folder).events > before
    assert verify(LiveRecord(archived.bus, folder)).difference is None


def test_beyond_a_gap_in_what_was_decided_nothing_is_archived_and_nothing_trimmed(
    archived: Live, archiver: ArchiverBus, folder: Path, server: EmbeddedServer, portfolio: str, client: Any
) -> None:
    client.copy(archived.keys.events, f"{archived.keys.prefix}:copy")
    with coordinating(server.url, portfolio):
        archived.enters("SI")
    client.rename(f"{archived.keys.prefix}:copy", archived.keys.events)
    gap = archived.bus.last_event()
    acknowledge(archived)
    with coordinating(server.url, portfolio):
        archived.enters("6A")
    there = archived.events()
    with pytest.raises(LogDiffers, match="Nothing is archived from there on, and nothing was trimmed"):
        archive_history(archiver, folder, KEEP)
    assert archived.events() == there
    assert verify_archive(folder).events > 0
    assert Archive.open(folder).end <= gap
    assert verify(LiveRecord(archived.bus, folder)).difference is not None
