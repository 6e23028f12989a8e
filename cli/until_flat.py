"""What a flatten says once it is ordered: flat, and after how long, or who still holds what.

Guarantees: the wait is bounded. It ends with the confirmation that the log has of it, after three seconds,
or as soon as nobody who is alive could close what is left.
"""

import time
from typing import NamedTuple

from portfold.cli.typed import typed
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


class FlatOutcome(NamedTuple):
    """What came of it: `took_ms` from the order until all was confirmed closed, None while it is not.

    `cause` began the closing; `left` is what is still to be closed; `waited_ms` how long was waited;
    `nobody`: no process that is alive could close it.
    """

    took_ms: int | None
    cause: str = ""
    left: tuple[Leg, ...] = ()
    waited_ms: int = 0
    nobody: bool = False


def say_when_flat(bus: Bus, event: StreamId) -> None:
    """Waits, for a bounded time, and prints `Flat after 12 ms.`, or what is not; the order stands."""
    try:
        found = wait_until_flat(bus, event)
    except BusError as error:
        print(typed(f"Whether all is flat cannot be read: {error.with_remedy}"))
        return
    if found is None:
        return
    if found.took_ms is not None:
        print(f"Flat after {span(found.took_ms)}.")
        return
    unconfirmed = "all is reported closed, and not confirmed"
    held = f"still open: {legs_listed(found.left)}" if found.left else unconfirmed
    if found.nobody:
        remedy = "Nobody alive closes it: start a flattener, portfold flattener."
        print(typed(f"NOT FLAT, {held}. {remedy}"))
        return
    print(typed(f"NOT FLAT after {span(found.waited_ms)}, {held}. It goes on being closed: portfold status"))


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
        nobody = bool(left) and not _alive(bus, left)
        if not page and (nobody or waited_ms >= _LONGEST_MS):
            return FlatOutcome(None, ordered.cause, left, waited_ms, nobody)


def _decided(bus: Bus, event: StreamId) -> list[Decision]:
    return [decode_decided(entry.fields)[0] for entry in bus.decisions_of(event)]


def _left(bus: Bus) -> tuple[Leg, ...]:
    view = view_in(bus.status())
    return view.flatten.left if view and view.flatten else ()


def _alive(bus: Bus, left: tuple[Leg, ...]) -> bool:
    """Returns whether anybody who could close one of these gives a sign of life."""
    owners = sorted({leg.worker for leg in left})
    return any(beat is not None for beat in bus.beats([*owners, NAME]))
