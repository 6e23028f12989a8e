"""The log as alerts need it: each event once it is decided, with its decisions, in order, none left out.

What was read and not acknowledged before a restart comes first. Where an archiver took events off the server
before they were read, they are read from the archive, if that is to be found here; if not, it is said which.
"""

from collections import deque
from collections.abc import Iterator
from itertools import islice, takewhile
from pathlib import Path
from typing import NamedTuple

from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.store.segment import ArchiveError
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from portfold.events.wire.errors import BusError
from portfold.events.wire.notifier_bus import NotifierBus, Taken

READ_AT_ONCE = 200


class Missed(NamedTuple):
    """Events after `after` and up to `up_to` that can no longer be read; `why` says what was tried."""

    after: StreamId
    up_to: StreamId
    why: str


Read = Recorded | Missed


class Reading:
    """Reads for one destination, in the term `term`, from the event after `cursor` on.

    `term` is the present one; `leader` and `now_ms` are as at the last look.
    """

    def __init__(
        self, bus: NotifierBus, destination: str, term: int, cursor: StreamId, archive: Path | None
    ) -> None:
        self._bus = bus
        self._destination = destination
        self.term = term
        self._archive = archive
        self._taken = cursor
        self._handed_out = cursor
        self._again_after: StreamId | None = cursor
        self._undecided: deque[Entry] = deque()
        self._archived: Iterator[Read] | None = None
        self.leader = ""
        self.now_ms = 0

    @property
    def last(self) -> StreamId:
        """Returns the last event read, whether or not it is decided."""
        return self._taken

    @property
    def waits_for_decision(self) -> bool:
        """Returns whether an event was read that nobody has decided on yet."""
        return bool(self._undecided)

    def more(self) -> list[Read]:
        """Returns what comes next, at most a batch; empty when there is nothing now. Raises TermOver,
        BusError.
        """
        if self._archived is not None:
            return self._from_archive(self._archived)
        taken = self._take()
        self.leader, self.now_ms = taken.leader, taken.now_ms
        self._undecided += taken.events
        if taken.archived > self._handed_out:
            self._archived = self._moved(taken.archived)
            self._undecided = deque(entry for entry in self._undecided if entry.id > taken.archived)
            return self._from_archive(self._archived)
        return self._decided(taken.decided)

    def _take(self) -> Taken:
        """Returns the next batch. While something is undecided nothing new: it would be undecided, too."""
        waits = self.waits_for_decision
        again_after = self._taken if waits else self._again_after
        try:
            taken = self._bus.take(self._destination, self.term, again_after=again_after, count=READ_AT_ONCE)
        except BusError:
            # The answer may have been lost, and what was in it would not come a second time by itself.
            self._again_after = self._taken
            raise
        self._note(taken, only_looked=waits)
        return taken

    def _note(self, taken: Taken, *, only_looked: bool) -> None:
        seen = [*(entry.id for entry in taken.events), *taken.gone]
        if taken.gone:
            self._bus.forget(self._destination, taken.gone)
        if seen:
            self._taken = max(seen)
            self._again_after = self._again_after and self._taken
        elif not only_looked:
            self._again_after = None

    def _decided(self, up_to: StreamId) -> list[Read]:
        """Returns those that are decided, with their decisions."""
        events = list(takewhile(lambda entry: entry.id <= up_to, self._undecided))
        if not events:
            return []
        decisions = deque(self._bus.decisions_between(events[0].id, events[-1].id))
        read: list[Read] = []
        for event in events:
            own: list[Entry] = []
            while decisions and decisions[0].id <= event.id.after_decisions():
                own.append(decisions.popleft())
            read.append(Recorded(event, own))
            self._undecided.popleft()
        self._handed_out = events[-1].id
        return read

    # --- what is no longer on the server -----------------------------------------------------------------

    def _from_archive(self, archived: Iterator[Read]) -> list[Read]:
        batch = list(islice(archived, READ_AT_ONCE))
        if len(batch) < READ_AT_ONCE:
            self._archived = None
        if batch:
            last = batch[-1]
            self._handed_out = last.up_to if isinstance(last, Missed) else last.event.id
        return batch

    def _moved(self, up_to: StreamId) -> Iterator[Read]:
        """Returns all between what was handed out and `up_to`; what cannot be read is one Missed."""
        after = self._handed_out
        if self._archive is None:
            yield Missed(after, up_to, "no archive_folder is named in runtime.json")
            return
        try:
            for recorded in Archive.open(self._archive, self._bus.keys.name).recorded_after(after):
                if recorded.event.id > up_to:
                    return
                yield recorded
                after = recorded.event.id
        except ArchiveError as error:
            yield Missed(after, up_to, str(error))
            return
        if after < up_to:
            yield Missed(after, up_to, f"the archive {self._archive} does not go so far")
