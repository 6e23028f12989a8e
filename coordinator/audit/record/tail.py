"""The end of the log as a story that goes on: what was said and what was decided, in order, as on record.

The running totals in it (open positions, the day's P&L) come from folding along. That begins at a snapshot or
an archive where one lies before the first line; before that, in a log too long to be read again from its
beginning, lines leave the totals out. A page of entries is in memory, however long the log and the watch.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from portfold.coordinator.audit.record.columns import TABLES, Row
from portfold.coordinator.audit.record.following import Following, Note
from portfold.coordinator.audit.record.moment import Exchange
from portfold.coordinator.audit.record.timeline import Item, Wanted, decision_text, event_line
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.follower import Follower, LogDiffers, MovedAway
from portfold.coordinator.store.ledger import Decided
from portfold.coordinator.store.log_reader import LogReader, RemovedByHand
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.store.segment import ArchiveError
from portfold.coordinator.views.words.message_words import Level
from portfold.coordinator.views.words.of_decisions import words_of_decision
from portfold.events.codec import RefusedField, decode_decided, decode_event
from portfold.events.decisions import Decision
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry

_PAGE = 500
_SEARCHED = 100_000
_FOLDED_AGAIN = 100_000


class TailLine(NamedTuple):
    """An entry of the log, with its sentence and how grave that is."""

    item: Item
    level: Level


class Choice(NamedTuple):
    """The lines to show: of what is `wanted` those that deserve one; with `everything`, or a type, all."""

    wanted: Wanted
    everything: bool
    exchange: Exchange

    def tell(self, recorded: Recorded, follower: Follower | None) -> Iterator[TailLine]:
        """Yields the event and its decisions; a `follower` at the event before folds it on the way."""
        state, repeated = None, False
        if follower is not None:
            state, repeated = follower.state, follower.again(recorded).repeated
        decisions = [_read(decision) for decision in recorded.decisions]
        if self.wanted.has(recorded.event.fields):
            line = self._event(recorded.event, state, decisions, repeated=repeated)
            if line.level != "debug" or self.everything or self.wanted.types:
                yield line
        for entry, decision in zip(recorded.decisions, decisions, strict=True):
            if self.wanted.has(entry.fields):
                level = words_of_decision(decision).level if decision is not None else "error"
                row = Row(*entry)
                yield TailLine(
                    Item(TABLES[1], row, recorded.event.id, self.exchange, decision_text(entry)), level
                )

    def _event(
        self, entry: Entry, state: State | None, decisions: list[Decision | None], *, repeated: bool
    ) -> TailLine:
        read = [one for one in decisions if one is not None]
        decided = Decided(entry.id, decode_event(entry.fields), repeated, read, [], "")
        line = event_line(state, decided, entry.fields)
        return TailLine(Item(TABLES[0], Row(*entry), entry.id, self.exchange, line.text), line.level)


def _read(entry: Entry) -> Decision | None:
    try:
        return decode_decided(entry.fields)[0]
    except RefusedField:  # it is shown as what it is: no decision
        return None


class Tail(Following[TailLine]):
    """The end of one portfolio's log; `archive` is the folder of what left the server."""

    def __init__(self, bus: Bus, archive: Path | None, choice: Choice) -> None:
        super().__init__(bus, archive)
        self._choice = choice
        self._follower: Follower | None = None

    # --- the last lines ------------------------------------------------------------------------------------

    def last(self, count: int) -> Iterator[TailLine]:
        """Yields the last `count` lines of what is decided. Raises BusError."""
        decided = self._decided()
        self._reader.cursor, lines = self._find(decided, count)
        self._go_to(self._reader.cursor)
        yield from islice(self._tell(self._reader.on_streams(decided)), max(0, lines - count), None)
        self._reader.cursor = decided

    def _tell(self, log: Iterator[Recorded]) -> Iterator[TailLine]:
        for recorded in log:
            yield from self._choice.tell(recorded, self._follower)

    def _find(self, decided: StreamId, count: int) -> tuple[StreamId, int]:
        """Finds the event before the first to show, and how many lines there are after it."""
        lines, searched, last = 0, 0, decided
        while searched < _SEARCHED:
            page = self._bus.events_before(last, count=_PAGE)
            if not page:
                return ORIGIN, lines
            before = page[-1].id.before()
            lines += sum(
                1
                for recorded in LogReader(self._bus, before).on_streams(last)
                for _ in self._choice.tell(recorded, None)
            )
            if lines >= count:
                return before, lines
            searched, last = searched + len(page), before
        return last, lines

    def _go_to(self, event: StreamId) -> None:
        """Folds up to the event, if that is not too far."""
        self._follower = self._nearest(event)
        if self._follower is not None:
            _catch_up(self._bus, self._follower, event)

    def _nearest(self, event: StreamId) -> Follower | None:
        """Returns a follower at a place before the event, or at it; None where there is none near enough."""
        try:
            follower = Follower.from_snapshot(self._bus, self._archive)
            if follower.cursor <= event:
                return follower
            if self._bus.extent().length > _FOLDED_AGAIN:
                return None
            follower = follower.further_back(self._bus)
        except (LogDiffers, ArchiveError):  # shown without totals: what is wrong with it the audit says
            return None
        return follower if follower.cursor <= event else None

    # --- following -----------------------------------------------------------------------------------------

    def _tell_up_to(self, decided: StreamId) -> Iterator[TailLine | Note]:
        if self._follower is None:
            self._go_to(self._reader.cursor)
        try:
            yield from self._tell(self._reader.up_to(decided))
        except RemovedByHand as error:
            yield Note(str(error))
            self._reader.cursor = error.up_to
        except (MovedAway, ArchiveError):
            archived = self._bus.archived()
            gone = archived.up_to if archived else decided
            if gone > self._reader.cursor:  # otherwise the streams still have what the archive does not give
                yield Note(f"Up to {gone} it went to the archive untold: portfold audit show")
                self._reader.cursor = max(self._reader.cursor, min(gone, decided))
        if self._follower is not None and self._follower.cursor != self._reader.cursor:
            self._follower = None  # something is no longer there, and with it the totals

    def _set_back(self, decided: StreamId) -> str:
        self._reader.cursor, self._follower = decided, None
        return f"What follows goes on after {decided}."


def _catch_up(bus: Bus, follower: Follower, event: StreamId) -> None:
    while follower.cursor < event and follower.step(bus, event):
        pass
