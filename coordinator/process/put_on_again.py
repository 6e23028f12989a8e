"""What of the events that a renewal takes off goes on, and as what.

Facts go on as they are, and orders that neither allow nor close anything. An order to flatten that was
decided was carried out: what it closed is told by facts, and a second time it would close what was opened
since. So it goes on as the halt that it was beside that. What resumes trading does not go on: it is ordered
anew.
"""

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import NamedTuple

from portfold.coordinator.fold.closing.decided_before import FACTS, ORDERS
from portfold.coordinator.process.proved_before import ProvedBefore
from portfold.dollars import ZERO
from portfold.events.codec import Fields, decode_event, encode_checked
from portfold.events.incoming import (
    COORDINATOR,
    Event,
    FlattenRequested,
    Malformed,
    PositionClosed,
    PositionSettled,
    TradingHalted,
)
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry

_ORDERS = (*ORDERS, FlattenRequested)


def is_fact(event: Event | Malformed) -> bool:
    """Returns whether the event says what happened."""
    return isinstance(event, FACTS)


class PutOn(NamedTuple):
    """An event as it was taken off, and as it goes on; `decided`: it was once already."""

    id: StreamId
    was: Event
    fields: Fields
    decided: bool

    @property
    def order_in_words(self) -> str:
        """Says which order it is and as what it goes on; empty of a fact."""
        was = self.was
        if not isinstance(was, _ORDERS):
            return ""
        scope = was.scope if isinstance(was, TradingHalted | FlattenRequested) else None
        about = f" of {scope}" if scope is not None else ""
        as_what = "as it was"
        if isinstance(was, FlattenRequested):
            as_what = "as TradingHalted" if self.decided else "as it was, and closes what is open then"
        return f"{type(was).__name__}{about} by {was.by}, event {self.id}: {as_what}"

    @property
    def pnl(self) -> Decimal:
        """Returns the dollars, net, that it has the day make."""
        return self.was.pnl if isinstance(self.was, PositionClosed | PositionSettled) else ZERO


class Chooser:
    """Picks what goes on, page by page, as the events are read; none of `without`, and nothing unproved."""

    def __init__(self, without: Collection[StreamId], proofs: ProvedBefore | None) -> None:
        self._without, self._proofs = without, proofs
        self._found: list[tuple[Entry, Event]] = []
        self.unproved: list[StreamId] = []

    def look_at(self, entries: Iterable[Entry], *, orders: bool = True) -> None:
        """Picks from the next that were read; without `orders` facts alone."""
        for entry in entries:
            event = decode_event(entry.fields)
            proved = self._proofs is None or self._proofs.holds(entry)
            if isinstance(event, Malformed) or entry.id in self._without:
                continue
            if is_fact(event) or (orders and _is_order(event)):
                if proved:
                    self._found.append((entry, event))
                else:
                    self.unproved.append(entry.id)

    def has(self, event: StreamId) -> bool:
        """Returns whether the event goes on."""
        return any(entry.id == event for entry, _ in self._found)

    @property
    def keys(self) -> int:
        """Returns how many names have to prove what they say from there on; 0 where nobody has to."""
        return self._proofs.keys if self._proofs is not None else 0

    def put_on(self, cursor: StreamId) -> list[PutOn]:
        """Returns what goes on where the log is decided up to `cursor`."""
        return [_as_put_on(entry, event, decided=entry.id <= cursor) for entry, event in self._found]


def _is_order(event: Event | Malformed) -> bool:
    if isinstance(event, TradingHalted) and event.by == COORDINATOR:
        return False
    return isinstance(event, _ORDERS)


def _as_put_on(entry: Entry, event: Event, *, decided: bool) -> PutOn:
    fields: Fields = entry.fields
    if decided and isinstance(event, FlattenRequested):
        scope = {"worker": event.worker, "symbol": event.symbol, "group": event.group}
        fields = encode_checked(TradingHalted(by=event.by, reason=event.reason, **scope))
    return PutOn(entry.id, event, fields, decided)
