"""The one reader that puts decisions beside their events, first from the archive and then from the streams.

The audit reads all of it, the archiver what it moves, `tail` and the notifier from a place on and ever
further: up to the head, and where nothing more is decided they wait for the next event. Nothing is left out
and nothing comes twice, even while an archiver is at work: what it takes away before it was read here is read
from the archive. A page of entries is in memory, however long the log.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.follower import LogDiffers, moved_away
from portfold.coordinator.store.recorded import Recorded, chain_after
from portfold.coordinator.store.snapshot import Checkpoint
from portfold.events.chain import GENESIS
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry

READ_AT_ONCE = 250
"""Entries in a page: so few stay in the processor's cache; with 1000, verifying takes a sixth longer."""


class RemovedByHand(LogDiffers):
    """Events that an archiver left on the streams are gone: from `kept_from` on, at most up to `up_to`."""

    def __init__(self, kept_from: StreamId, up_to: StreamId) -> None:
        super().__init__(
            f"The events from {kept_from} up to {up_to} are on no stream and in no archive: an archiver left "
            "them on the server, and somebody removed them since. Restore the log."
        )
        self.up_to = up_to


def history(
    bus: Bus,
    archive: Path | None = None,
    *,
    up_to: StreamId,
    at_once: int = READ_AT_ONCE,
    begins: Checkpoint | None = None,
) -> Iterator[Recorded]:
    """Yields every event up to `up_to`, which is decided, with its decisions; `archive` is a folder.

    It begins behind the checkpoint `begins`, where one is named.

    An archive that is named is read first, whether or not the streams have the same still. Raises LogDiffers
    where something is missing between archive and streams, ArchiveError, BusError.
    """
    cursor, chain = (begins.cursor, begins.chain) if begins is not None else (ORIGIN, GENESIS)
    reader = LogReader(bus, cursor, archive=archive, at_once=at_once, proves=chain)
    if archive is not None:
        yield from reader.in_archive(up_to)
    yield from reader.up_to(up_to)


class LogReader:
    """Reads what lies after the event `cursor`, which moves on with each that is handed out.

    Whoever sets `cursor` has it go on from there. `archive` is the folder of what left the streams. With
    `proves`, the chain at `cursor`, LogDiffers is raised where the streams do not go on where what came
    before ends.
    """

    def __init__(
        self,
        bus: Bus,
        cursor: StreamId = ORIGIN,
        *,
        archive: Path | None = None,
        at_once: int = READ_AT_ONCE,
        proves: str | None = None,
    ) -> None:
        self.cursor = cursor
        self._bus = bus
        self._archive = archive
        self._at_once = at_once
        self._chain = proves

    def up_to(self, event: StreamId) -> Iterator[Recorded]:
        """Yields every event up to `event`, which is decided, with its decisions.

        Raises MovedAway where what comes next was moved to an archive that is not at hand or does not go so
        far, RemovedByHand where it was left and is gone, ArchiveError, BusError. Called again, it goes on
        where it was.
        """
        while self.cursor < event:
            yield from self.on_streams(event)
            if self._gone() > self.cursor:
                yield from self.in_archive(event)
            else:
                self.cursor = max(self.cursor, event)  # nothing more is there, nor was it taken away

    def next_event(self, block_ms: int | None = None) -> StreamId | None:
        """Returns the next event on the stream, decided or not; with `block_ms` waits so long for one.

        Raises BusError.
        """
        found = self._bus.events_after(self.cursor, count=1, block_ms=block_ms)
        return found[0].id if found else None

    def on_streams(self, event: StreamId) -> Iterator[Recorded]:
        """Yields the same as `up_to`, from the streams alone: ends early where an archiver overtakes it.

        Raises RemovedByHand, BusError.
        """
        decisions = _Decisions(self._bus, self.cursor.after_decisions(), self._at_once)
        while self.cursor < event:
            events = self._bus.events_after(self.cursor, count=self._at_once)
            first = events[0].id if events else None
            if events and events[-1].id > event:
                events = [entry for entry in events if entry.id <= event]
            written = decisions.up_to(events[-1].id) if events else deque[_Led]()
            moved = self._bus.archived()  # asked last: what was taken away by now was not missed above
            if moved is not None and moved.up_to > self.cursor:
                return
            if moved is not None:
                self._check_joint(moved.kept_from, first, event)
            if not events:
                return
            for recorded in _together(events, written):
                self.cursor = recorded.event.id
                yield recorded
                if self._chain is not None:
                    self._chain = _joined(self._chain, recorded)

    def in_archive(self, event: StreamId) -> Iterator[Recorded]:
        """Yields the same as `up_to`, from the archive alone, as far as that goes.

        Raises MovedAway where more than that is no longer on the streams, ArchiveError, BusError.
        """
        gone = self._gone()  # looked at first: an archive has what is gone from the streams by then
        if self._archive is None:
            raise moved_away(self._bus)
        archive = Archive.open(self._archive, self._bus.keys.name)
        for recorded in archive.recorded_after(self.cursor):
            if recorded.event.id > event:
                self.cursor = event
                return
            self.cursor = recorded.event.id
            yield recorded
        if self.cursor < min(gone, event):
            raise moved_away(self._bus)
        if self._chain is not None:
            self._chain = archive.chain

    def _check_joint(self, kept_from: StreamId, first: StreamId | None, event: StreamId) -> None:
        """Raises RemovedByHand where `first`, the next event there is, is not the first that was left."""
        if self.cursor < kept_from <= event and (first is None or first > kept_from):
            raise RemovedByHand(kept_from, min(first.before(), event) if first else event)

    def _gone(self) -> StreamId:
        """Returns the last event that was moved away from the streams."""
        archived = self._bus.archived()
        return archived.up_to if archived else ORIGIN


class _Led(NamedTuple):
    """A decision, and the event it is named after."""

    by: StreamId
    to: Entry


class _Decisions:
    """The decisions stream, read in step with the events."""

    def __init__(self, bus: Bus, after: StreamId, at_once: int) -> None:
        self._bus = bus
        self._after = after
        self._at_once = at_once
        self._read: deque[_Led] = deque()

    def up_to(self, event: StreamId) -> deque[_Led]:
        """Returns the next ones, up to the last of `event`."""
        found = deque[_Led]()
        while self._read or self._read_on():
            if self._read[0].by > event:
                break
            found.append(self._read.popleft())
        return found

    def _read_on(self) -> bool:
        decisions = self._bus.decisions_after(self._after, count=self._at_once)
        self._read.extend(_Led(entry.id.event(), entry) for entry in decisions)
        if decisions:
            self._after = decisions[-1].id
        return bool(decisions)


def _together(events: Sequence[Entry], decisions: deque[_Led]) -> Iterator[Recorded]:
    for event in events:
        own: list[Entry] = []
        while decisions and decisions[0].by <= event.id:
            own.append(decisions.popleft().to)
        yield Recorded(event, own)


def _joined(chain: str, recorded: Recorded) -> str | None:
    """Returns the chain after the first entries of the streams, which have to go on where it is `chain`.

    None once a decision has shown that they do. Raises LogDiffers where they do not: said after the entry was
    handed on, as who decides it again has the better words for it.
    """
    chain = chain_after(chain, recorded)
    if not recorded.decisions:
        return chain
    if recorded.decisions[-1].fields[-1] == chain:
        return None
    raise LogDiffers(
        f"The streams up to event {recorded.event.id} do not go on where what came before ends: "
        "something between the two was removed or altered."
    )
