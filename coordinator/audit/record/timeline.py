"""The log as a timeline: every event and every decision on record, in order, each with a sentence.

The decisions shown are those on record, whatever this version of the rules would say. The events are folded
on the way, as what they did is told from the state they led to.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from msgspec import Struct

from portfold.coordinator.audit.record.columns import TABLES, Row, Table, by_name
from portfold.coordinator.audit.record.moment import Exchange
from portfold.coordinator.audit.record.record import Record
from portfold.coordinator.audit.record.span import Span
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.ledger import Decided
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.views.narration import told_decision, told_event
from portfold.dollars import shown
from portfold.events.codec import Fields, RefusedField, decode_decided
from portfold.events.fields import readable
from portfold.events.incoming import (
    ClockTicked,
    CoordinatorStarted,
    EntryRenewed,
    EntryRequested,
    EntryWithdrawn,
    Malformed,
    PositionMarked,
)
from portfold.events.legs import parse_legs
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry

_LEGS = ("positions", "pending")
_NOT_TOLD = {"type", "worker", "session", "seq", "event", "chain"}
_TEXT = 400


class Item(NamedTuple):
    """An entry of one of the streams, and the sentence for it; `event` is its cause, or itself."""

    table: Table
    row: Row
    event: StreamId
    exchange: Exchange
    text: str


class Wanted(Struct, frozen=True):
    """What is to be shown: an entry that has one of each that is named; of what is not named, all.

    A symbol or worker is also that of the positions that a decision lists.
    """

    symbols: frozenset[str] = frozenset()
    workers: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()

    def has(self, fields: Fields) -> bool:
        """Whether the entry is to be shown."""
        values = by_name(fields)
        if self.types and values.get("type") not in self.types:
            return False
        if not (self.symbols or self.workers):
            return True
        named = [(values.get("symbol", ""), values.get("worker", "")), *_legs(values)]
        return any(
            (not self.symbols or symbol in self.symbols) and (not self.workers or worker in self.workers)
            for symbol, worker in named
        )


def timeline(
    record: Record, span: Span, wanted: Wanted, on_progress: Callable[[int], object]
) -> Iterator[Item]:
    """What of the record lies in the span and is wanted; shows `on_progress` how many events are done."""
    follower = Follower()
    for done, recorded in enumerate(record.recorded(), start=1):
        first, last = span.within(follower.state.limits)
        if recorded.event.id > last:
            return
        decided = follower.advance(*recorded.event)
        on_progress(done)
        if recorded.event.id >= first:
            exchange = span.exchange(follower.state.limits)
            yield from _items(recorded, decided, follower.state, wanted, exchange)


def _items(
    recorded: Recorded, decided: Decided, state: State, wanted: Wanted, exchange: Exchange
) -> Iterator[Item]:
    """The event and its decisions; `state` is that right after it."""
    event, decisions = recorded
    if wanted.has(event.fields):
        yield Item(TABLES[0], Row(*event), event.id, exchange, event_text(state, decided, event.fields))
    for decision in decisions:
        if wanted.has(decision.fields):
            yield Item(TABLES[1], Row(*decision), event.id, exchange, decision_text(decision))


def _legs(values: dict[str, str]) -> list[tuple[str, str]]:
    """The symbols and workers of the positions that are listed."""
    found = []
    for name in _LEGS:
        try:
            found += [(leg.symbol, leg.worker) for leg in parse_legs(values.get(name, ""))]
        except ValueError:  # what a worker's broker holds is listed otherwise, and is its own
            continue
    return found


# --- the sentences --------------------------------------------------------------------------------------


def event_text(state: State, decided: Decided, fields: Fields) -> str:
    """What the event says, and whether it counted."""
    if isinstance(decided.event, Malformed):
        return f"Not an event: {_plainly(fields)}"
    refused = any(type(decision).__name__ == "EventRejected" for decision in decided.decisions)
    if decided.repeated or refused:
        return f"{'Published again' if decided.repeated else 'Refused'}: {_plainly(fields)}"
    lines = told_event(state, decided.event)
    return lines[0].text if lines else _of_the_quiet(decided.event, fields)


def _of_the_quiet(event: object, fields: Fields) -> str:
    """The sentence for an event that a coordinator does not log."""
    match event:
        case EntryRequested():
            strategy = f" | {event.strategy}" if event.strategy else ""
            return f"{event.symbol} entry requested: {event.side} {event.size} by {event.worker}{strategy}"
        case EntryWithdrawn():
            return f"{event.symbol} entry withdrawn by {event.worker} | {event.reason}"
        case EntryRenewed():
            return f"{event.symbol} entry still under way, its slot is kept for {event.worker}"
        case PositionMarked():
            return f"Position marked: {event.symbol} at {event.price:f} | Open P&L: {shown(event.unrealized)}"
        case CoordinatorStarted():
            return f"Coordinator started: {event.leader} | Epoch {event.epoch} | Rules {event.fold}"
        case ClockTicked():
            return "Time passed"
    return _plainly(fields)


def decision_text(decision: Entry) -> str:
    """What the decision on record says."""
    try:
        message, _ = decode_decided(decision.fields)
    except RefusedField:
        return f"Not a decision: {_plainly(decision.fields)}"
    return told_decision(message).text


def _plainly(fields: Fields) -> str:
    """The fields as they stand, but for the ones that everybody has."""
    pairs = zip(fields[::2], fields[1::2], strict=False)
    text = " ".join(f"{readable(name)}={readable(value)}" for name, value in pairs if name not in _NOT_TOLD)
    return text[:_TEXT]
