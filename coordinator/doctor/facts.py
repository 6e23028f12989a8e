"""What the checks judge, gathered in one go: reads much, writes nothing.

What cannot be found out, as the disk of a server elsewhere, is None, and reported as unknown.
"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from portfold.config import Configuration
from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.log_integrity import HeadCheck, count_between
from portfold.coordinator.store.log_integrity import look as look_at_log_integrity
from portfold.coordinator.store.segment import ArchiveError
from portfold.coordinator.store.snapshot import read_snapshot
from portfold.coordinator.views.overview import Overview
from portfold.coordinator.views.overview import look as look_around
from portfold.events.account import WATCHER
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Extent, Head, MovedHistory
from portfold.events.wire.errors import BusRefused
from portfold.events.wire.market import MarketSeen

_HERE = {"localhost", "127.0.0.1", "::1"}


class Moved(Struct, frozen=True):
    """What an archive holds that the streams took: counts, up to the event `end`."""

    events: int
    decisions: int
    end: StreamId


class Snapshot(Struct, frozen=True):
    """The snapshot: whether one is there, and if it can be read, where it is and how far behind the head."""

    there: bool
    cursor: StreamId | None = None
    behind: int = 0


class Disk(Struct, frozen=True):
    """Where the server keeps its data, on this machine, and how many bytes are free there."""

    folder: str
    free: int


class LogFacts(Struct, frozen=True):
    """The log: both streams, the head, what adds up, the snapshot, and what left for an archive.

    `moved` is what the archive in `archive_folder` holds, None where there is none; `archive_trouble` says
    why it cannot be read. `left_over`: how many events (and decisions) of it are in the streams too.
    """

    head: Head
    events: Extent
    decisions: Extent
    found: HeadCheck
    snapshot: Snapshot
    archived: MovedHistory | None
    archive_folder: str | None
    archive_trouble: str
    moved: Moved | None
    left_over: tuple[int, int]


class Facts(Struct, frozen=True):
    """A portfolio on a server, its configuration, and this machine's clock.

    `server` is what the server says of itself, `settings` how it keeps data; `overview` is None where no
    coordinator ever was. `notifiers`: for each destination of alerts who delivers to it, if anybody does.
    `market`: the data of the market as it lies on the bus. `watcher`: which process watches the account,
    empty for none.
    """

    configuration: Configuration
    server: Mapping[str, str]
    settings: Mapping[str, str]
    disk: Disk | None
    server_ms: int
    wall_ms: int
    log: LogFacts
    overview: Overview | None
    notifiers: Mapping[str, str | None]
    market: MarketSeen
    watcher: str


def gather(
    bus: Bus, configuration: Configuration, *, url: str, flattener: str, wall_ms: Callable[[], int]
) -> Facts:
    """Asks the server and looks at the folders. Raises BusError."""
    server, settings, destinations = bus.server(), bus.settings(), list(configuration.runtime.destinations)
    return Facts(
        configuration=configuration,
        server=server,
        settings=settings,
        disk=_disk(url, settings.get("dir", "")),
        server_ms=bus.now_ms(),
        wall_ms=wall_ms(),
        log=_log(bus, configuration.runtime.archive_folder),
        overview=look_around(bus, flattener=flattener),
        notifiers=dict(zip(destinations, bus.notifiers(destinations), strict=True)),
        market=bus.market(),
        watcher=bus.claimed([WATCHER]).get(WATCHER, ""),
    )


def _log(bus: Bus, configured: str | None) -> LogFacts:
    head = bus.head() or Head(0, ORIGIN, "")
    # In this order: what an archiver moves meanwhile is then counted twice at worst, and never missed.
    events, decisions, archived = bus.extent(), bus.decisions_extent(), bus.archived()
    folder = configured or (archived.folder if archived else None)
    moved, trouble = _moved(folder, bus.keys.name, needed=archived is not None)
    end = moved.end if moved else ORIGIN
    return LogFacts(
        head=head,
        events=events,
        decisions=decisions,
        found=look_at_log_integrity(bus, head),
        snapshot=_snapshot(bus, head),
        archived=archived,
        archive_folder=configured,
        archive_trouble=trouble,
        moved=moved,
        left_over=(
            count_between(bus.events_after, ORIGIN, end),
            count_between(bus.decisions_after, ORIGIN, end.after_decisions()),
        ),
    )


def _moved(folder: str | None, portfolio: str, *, needed: bool) -> tuple[Moved | None, str]:
    """Reads what the archive holds. A folder to which nothing was moved yet is no trouble."""
    if folder is None:
        return None, ""
    try:
        if not needed and not Archive.is_in(Path(folder)):
            return None, ""
        archive = Archive.open(Path(folder), portfolio)
    except ArchiveError as trouble:
        return None, str(trouble)
    events, decisions = (
        sum(getattr(segment, what) for segment in archive.segments) for what in ("events", "decisions")
    )
    return Moved(events, decisions, archive.end), ""


def _snapshot(bus: Bus, head: Head) -> Snapshot:
    try:
        text = bus.snapshot()
    except BusRefused:  # something else lies under its name
        return Snapshot(there=True)
    checkpoint = read_snapshot(text)
    if checkpoint is None:
        return Snapshot(there=text is not None)
    behind = count_between(bus.events_after, checkpoint.cursor, head.cursor)
    return Snapshot(there=True, cursor=checkpoint.cursor, behind=behind)


def _disk(url: str, folder: str) -> Disk | None:
    """Looks at the disk only of a server on this machine: a folder elsewhere may have a namesake here."""
    parts = urlsplit(url)
    if not folder or (parts.scheme != "unix" and parts.hostname not in _HERE):
        return None
    try:
        return Disk(folder, shutil.disk_usage(folder).free)
    except OSError:  # a server in a container has folders of its own
        return None
