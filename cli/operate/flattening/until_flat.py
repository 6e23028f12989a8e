"""What a flatten says once it is ordered: flat, and after how long, or who still holds what.

Guarantees: the wait is bounded, whatever else is decided meanwhile. It ends with the confirmation that the
log has of it, after three seconds, or as soon as nobody who is alive could close any of what is left. What
nobody alive could close is named.
"""

import time
from contextlib import closing
from typing import NamedTuple

from portfold.cli.ordering import OrderEffect, effect_of
from portfold.cli.typed import typed
from portfold.coordinator.store.entry_json import shown_json
from portfold.coordinator.views.view_field import view_in
from portfold.coordinator.views.words.of_trades import legs_listed
from portfold.events.codec import decode_decided
from portfold.events.decisions import Decision, FlattenOrdered, PortfolioFlat, first
from portfold.events.legs import Leg
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError
from portfold.exchange_time import span
from portfold.workers.flattener.flattener import NAME

_POLL_MS = 100
_READ_AT_ONCE = 1000
_LONGEST_MS = 3000
_START = "start a flattener, portfold flattener"


class FlatOutcome(NamedTuple):
    """What came of it: `took_ms` from the order until all was confirmed closed, None while it is not.

    `cause` began the closing; `left` is what is still to be closed; `waited_ms` how long was waited;
    `nobody` is what of it no process that is alive could close.
    """

    took_ms: int | None
    cause: str = ""
    left: tuple[Leg, ...] = ()
    waited_ms: int = 0
    nobody: tuple[Leg, ...] = ()

    @property
    def in_words(self) -> str:
        """Says that all is flat, and after how long, or what is not, and who would have to close it."""
        if self.took_ms is not None:
            return f"Flat after {span(self.took_ms)}."
        unconfirmed = "all is reported closed, and not confirmed"
        held = f"still open: {legs_listed(self.left)}" if self.left else unconfirmed
        if self.nobody and self.nobody == self.left:
            return f"NOT FLAT, {held}. Nobody alive closes it: {_START}."
        after = f"NOT FLAT after {span(self.waited_ms)}, {held}."
        if self.nobody:
            alone = f"Nobody alive closes {legs_listed(self.nobody)}: {_START}."
            return f"{after} {alone} The rest goes on being closed: portfold status"
        return f"{after} It goes on being closed: portfold status"


def print_flattening(bus: Bus, event: StreamId, done: str, unheard: str, *, json: bool) -> None:
    """Prints what became of the flatten at `event`, and of what it closes: in words, or as one JSON object.

    Closes the bus. `done` and `unheard` are what is said where it is decided, and where not. The order stands
    whatever comes of it. Raises Failure where it was refused.
    """
    with closing(bus):
        effect = effect_of(bus, event, done, typed(unheard))
        if not json:
            print(effect.in_words)
        came, in_words = _came_of(bus, event) if effect.there else (FlatOutcome(None), "")
        if json:
            print(shown_json(_fields(event, effect, came, in_words)))
        elif in_words:
            print(in_words)


def _came_of(bus: Bus, event: StreamId) -> tuple[FlatOutcome, str]:
    """Waits, for a bounded time; returns what came of it, and that in words, none where nothing was to be
    closed.
    """
    try:
        found = wait_until_flat(bus, event)
    except BusError as error:
        return FlatOutcome(None), typed(f"Whether all is flat cannot be read: {error.with_remedy}")
    return (FlatOutcome(None), "") if found is None else (found, typed(found.in_words))


def _fields(event: StreamId, effect: OrderEffect, came: FlatOutcome, in_words: str) -> dict[str, object]:
    return {
        "event": str(event),
        "decided": effect.there,
        "flat": came.took_ms is not None,
        "took_ms": came.took_ms,
        "open": [leg._asdict() for leg in came.left],
        "nobody": [leg._asdict() for leg in came.nobody],
        "said": f"{effect.in_words} {in_words}".rstrip(),
    }


def wait_until_flat(bus: Bus, event: StreamId) -> FlatOutcome | None:
    """Waits for the end of what the order at `event` began, or joined; None where it ordered nothing closed.

    Raises BusError.
    """
    ordered = first(FlattenOrdered, _decided(bus, event))
    if ordered is None:
        return None
    begun, after = time.monotonic(), event.before_decisions()
    while True:
        page = bus.decisions_after(after, count=_READ_AT_ONCE, block_ms=_POLL_MS)
        for entry in page:
            after = entry.id
            decision = decode_decided(entry.fields)[0]
            if isinstance(decision, PortfolioFlat) and decision.episode == ordered.episode:
                return FlatOutcome(decision.took_ms, decision.cause)
        left = _left(bus)
        waited_ms = int(1000 * (time.monotonic() - begun))
        nobody = _unattended(bus, left)
        if (left and nobody == left) or waited_ms >= _LONGEST_MS:
            return FlatOutcome(None, ordered.cause, left, waited_ms, nobody)


def _decided(bus: Bus, event: StreamId) -> list[Decision]:
    return [decode_decided(entry.fields)[0] for entry in bus.decisions_of(event)]


def _left(bus: Bus) -> tuple[Leg, ...]:
    view = view_in(bus.status())
    return view.flatten.left if view and view.flatten else ()


def _unattended(bus: Bus, left: tuple[Leg, ...]) -> tuple[Leg, ...]:
    """Returns the legs of which neither the owner gives a sign of life nor a flattener, who closes any."""
    owners = sorted({leg.worker for leg in left})
    beats = dict(zip([NAME, *owners], bus.beats([NAME, *owners]), strict=True))
    return () if beats[NAME] is not None else tuple(leg for leg in left if beats[leg.worker] is None)
