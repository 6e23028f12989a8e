"""The log as a timeline: every event and every decision on record, in order, each with a sentence.

The decisions shown are those on record, whatever this version of the rules would say. The events are folded
on the way, as what they did shows in the state they led to.
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
from portfold.coordinator.views.narration import KnownByState, Line
from portfold.coordinator.views.words.message_words import Known
from portfold.coordinator.views.words.of_decisions import words_of_decision
from portfold.coordinator.views.words.of_events import words_of_event
from portfold.events.codec import Fields, RefusedField, decode_decided
from portfold.events.fields import readable
from portfold.events.incoming import Malformed
from portfold.events.legs import parse_legs
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry

_LEGS = ("positions", "pending")
_NOT_TOLD = {"type", "worker", "session", "seq", "event", "chain", "key", "signed", "proof"}
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
        """Returns whether the entry is to be shown."""
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
    """Yields what is wanted of the record, within the span; shows `on_progress` how many events are done."""
    follower = Follower()
    for done, recorded in enumerate(record.recorded(), start=1):
        first, last = span.within(follower.state.limits)
        if recorded.event.id > last:
            return
        decided = follower.again(recorded)
        on_progress(done)
        if recorded.event.id >= first:
            exchange = span.exchange(follower.state.limits)
            yield from _items(recorded, decided, follower.state, wanted, exchange)


def _items(
    recorded: Recorded, decided: Decided, state: State, wanted: Wanted, exchange: Exchange
) -> Iterator[Item]:
    """Yields the event and its decisions; `state` is that right after it."""
    event, decisions = recorded
    if wanted.has(event.fields):
        yield Item(TABLES[0], Row(*event), event.id, exchange, event_text(state, decided, event.fields))
    for decision in decisions:
        if wanted.has(decision.fields):
            yield Item(TABLES[1], Row(*decision), event.id, exchange, decision_text(decision))


def _legs(values: dict[str, str]) -> list[tuple[str, str]]:
    """Returns the symbols and workers of the positions that are listed."""
    found = []
    for name in _LEGS:
        try:
            found += [(leg.symbol, leg.worker) for leg in parse_legs(values.get(name, ""))]
        except ValueError:  # what a worker's broker holds is listed otherwise, and is its own
            continue
    return found


# --- the sentences --------------------------------------------------------------------------------------


def event_text(state: State, decided: Decided, fields: Fields) -> str:
    """Words the event, and whether it counted; `state` is that right after it."""
    return event_line(state, decided, fields).text


def event_line(state: State | None, decided: Decided, fields: Fields) -> Line:
    """Words the same with its level; where the state is not known, without running totals."""
    event = decided.event
    if isinstance(event, Malformed):
        return Line("debug", f"Not an event: {_plainly(fields)}")
    if not decided.took_effect:
        return Line("debug", f"{'Published again' if decided.repeated else 'Refused'}: {_plainly(fields)}")
    worded, *_ = words_of_event(event, KnownByState(state, event) if state is not None else Known())
    return Line(worded.level, worded.text)


def decision_text(decision: Entry) -> str:
    """Words the decision on record."""
    try:
        message, _ = decode_decided(decision.fields)
    except RefusedField:
        return f"Not a decision: {_plainly(decision.fields)}"
    return words_of_decision(message).text


def _plainly(fields: Fields) -> str:
    """Lists the fields as they stand, but for the ones that everybody has."""
    pairs = zip(fields[::2], fields[1::2], strict=False)
    text = " ".join(f"{readable(name)}={readable(value)}" for name, value in pairs if name not in _NOT_TOLD)
    return text[:_TEXT]
