"""All that was ever decided, first from the archive and then from the streams, as one log.

Nothing is left out and nothing comes twice, even while an archiver is at work: what it takes away before it
was read here is read from the archive. Where the streams do not go on where the archive ends, that is said.
A batch of entries is in memory, however long the log.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.follower import LogDiffers, moved_away
from portfold.coordinator.store.recorded import Recorded, chain_after
from portfold.events.chain import GENESIS
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry

READ_AT_ONCE = 250
"""Entries in a batch: so few stay in the processor's cache; with 1000, verifying takes a sixth longer."""


def history(
    bus: Bus, archive: Path | None = None, *, up_to: StreamId, at_once: int = READ_AT_ONCE
) -> Iterator[Recorded]:
    """Every event up to `up_to`, which is decided, with its decisions; `archive` is the folder of the first.

    Raises LogDiffers where something is missing between archive and streams, ArchiveError, BusError.
    """
    after, chain = ORIGIN, GENESIS
    while True:
        if archive is not None:
            archived = Archive.open(archive, bus.keys.name)
            for recorded in archived.recorded_after(after):
                if recorded.event.id > up_to:
                    return
                yield recorded
            if archived.end <= after < _gone(bus):
                raise moved_away(bus)
            after, chain = max(after, archived.end), archived.chain
        elif _gone(bus) > after:
            raise moved_away(bus)
        for recorded in _joined(chain, on_stream(bus, after, up_to, at_once=at_once)):
            yield recorded
            after = recorded.event.id
        if _gone(bus) <= after:  # nothing was taken away meanwhile: this is all there is
            return


def on_stream(
    bus: Bus, after: StreamId, up_to: StreamId, *, at_once: int = READ_AT_ONCE
) -> Iterator[Recorded]:
    """The same after the event `after`, from the streams alone; ends early when an archiver overtakes it."""
    decisions = _Decisions(bus, after.after_decisions(), at_once)
    while after < up_to:
        events = bus.events_after(after, count=at_once)
        if events and events[-1].id > up_to:
            events = [entry for entry in events if entry.id <= up_to]
        if not events:
            return
        written = decisions.up_to(events[-1].id)
        if _gone(bus) > after:  # looked at last: whatever was taken away by now, none of it was missed above
            return
        yield from _together(events, written)
        after = events[-1].id


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
        """The next ones, up to the last of `event`."""
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


def _joined(chain: str, stream: Iterator[Recorded]) -> Iterator[Recorded]:
    """The stream, which has to go on where the chain is `chain`: its first decision shows whether it does.

    That is said after the entry was handed on: who decides it again has the better words for it.
    """
    for recorded in stream:
        yield recorded
        chain = chain_after(chain, recorded)
        if recorded.decisions:
            if recorded.decisions[-1].fields[-1] != chain:
                raise LogDiffers(
                    f"The streams up to event {recorded.event.id} do not go on where what came before ends: "
                    "something between the two was removed or altered."
                )
            break
    yield from stream


def _gone(bus: Bus) -> StreamId:
    """The last event that was moved away from the streams."""
    archived = bus.archived()
    return archived.up_to if archived else ORIGIN
