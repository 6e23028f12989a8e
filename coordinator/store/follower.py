"""Follows the log: advances state, chain and cursor entry by entry, without writing anything.

A standby keeps a follower warm. Before it takes over it has caught up, and has proved on the way that the
head's chain is the chain of this log.
"""

from pathlib import Path

from portfold.coordinator.fold.state import State
from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.ledger import Decided, decide
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.store.snapshot import Checkpoint, beginning, read_snapshot
from portfold.errors import PortfoldError
from portfold.events.codec import Fields
from portfold.events.proof import refused_in
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusRefused

_READ_AT_ONCE = 1000


class LogDiffers(PortfoldError):
    """The log is not the one that was decided: something was removed, added or altered."""


class MovedAway(LogDiffers):
    """The beginning of the log was moved to an archive, and that is not at hand."""


def moved_away(bus: Bus) -> MovedAway:
    """Makes the error for streams that do not reach back far enough; it names where the rest is."""
    gone = bus.archived()
    up_to, folder = (gone.up_to, gone.folder) if gone else (ORIGIN, "nowhere")
    return MovedAway(
        f"The events up to {up_to} are no longer on the server: they were moved to the archive {folder}. "
        "Name that: --archive for a coordinator, --dir for `portfold archive`, or archive_folder in "
        "runtime.json for both."
    )


def _refused_between(bus: Bus, first: StreamId, last: StreamId) -> dict[StreamId, str]:
    """Returns why events were found not proved, by their ID, as it stands on record."""
    found: dict[StreamId, str] = {}
    after = first.before_decisions()
    while decisions := bus.decisions_after(after, count=_READ_AT_ONCE):
        for entry in decisions:
            event = entry.id.event()
            if event > last:
                return found
            if reason := refused_in([entry.fields]):
                found[event] = reason
        after = decisions[-1].id
    return found


class Follower:
    """Goes through the log from `checkpoint` on; `archive` is the folder of what left the streams."""

    def __init__(self, checkpoint: Checkpoint | None = None, *, archive: Path | None = None) -> None:
        self.checkpoint = checkpoint or beginning()
        self._archive = archive

    @classmethod
    def from_snapshot(cls, bus: Bus, archive: Path | None = None) -> "Follower":
        """Begins at the snapshot if it is whole and not ahead of the head; else further back."""
        try:
            checkpoint = read_snapshot(bus.snapshot())
        except BusRefused:  # something else lies under its name
            checkpoint = None
        head = bus.head()
        if checkpoint is not None and head is not None and checkpoint.cursor <= head.cursor:
            return cls(checkpoint, archive=archive)
        return cls(archive=archive).further_back(bus)

    def further_back(self, bus: Bus) -> "Follower":
        """Begins without a snapshot: at the archive's end, or at the beginning of the log.

        Raises LogDiffers where the streams no longer reach back to there, ArchiveError.
        """
        if self._archive is None or not (Archive.is_in(self._archive) or bus.archived()):
            if bus.archived():
                raise moved_away(bus)
            return Follower(archive=self._archive)
        checkpoint, head = Archive.open(self._archive, bus.keys.name).checkpoint, bus.head()
        decided = head.cursor if head else ORIGIN
        if checkpoint.cursor > decided:
            raise LogDiffers(
                f"The archive {self._archive} goes on to event {checkpoint.cursor}, the head only to "
                f"{decided}: the end of the log is missing. Restore it, or begin a new log with another "
                "archive folder."
            )
        return Follower(checkpoint, archive=self._archive)

    @property
    def state(self) -> State:
        """Returns the portfolio after the last event folded."""
        return self.checkpoint.state

    @property
    def cursor(self) -> StreamId:
        """Returns the last event folded."""
        return self.checkpoint.cursor

    @property
    def chain(self) -> str:
        """Returns the chain up to it."""
        return self.checkpoint.chain

    def advance(self, at: StreamId, fields: Fields, unproved: str = "") -> Decided:
        """Folds the next entry; `unproved` says why nothing proves whose it is."""
        checkpoint = self.checkpoint
        decided = decide(checkpoint.state, checkpoint.chain, at, fields, unproved)
        checkpoint.cursor, checkpoint.chain = at, decided.chain
        return decided

    def again(self, recorded: Recorded) -> Decided:
        """Folds the next event on record; whether it was proved is taken from there."""
        return self.advance(*recorded.event, refused_in([one.fields for one in recorded.decisions]))

    def step(self, bus: Bus, head: StreamId) -> bool:
        """Folds the next batch of what is decided, up to `head`; returns false when nothing more is."""
        entries = bus.events_after(self.cursor, count=_READ_AT_ONCE)
        found: dict[StreamId, str] | None = None
        for entry in entries:
            if entry.id > head:
                return False
            if self.state.keys and found is None:
                found = _refused_between(bus, entry.id, min(entries[-1].id, head))
            self.advance(entry.id, entry.fields, found.get(entry.id, "") if found else "")
        return bool(entries) and self.cursor < head

    def leads_to(self, head: StreamId, chain: str) -> bool:
        """Returns whether this log, up to here, is the one whose head was committed."""
        return self.cursor == head and (head == ORIGIN or self.chain == chain)

    def prove(self, head: StreamId, chain: str) -> None:
        """Raises LogDiffers unless it `leads_to` the head."""
        if not self.leads_to(head, chain):
            raise LogDiffers(
                f"The log up to {self.cursor} does not lead to the head at {head}: events were trimmed, "
                "altered or exchanged. Nothing is decided on it. Restore the log, or start another portfolio."
            )
