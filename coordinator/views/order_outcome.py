"""Finds out what became of an operator's order.

An order is an event like any other, so it survives every restart and stands in every audit; the same can be
written by hand with XADD. It is recorded even when nobody coordinates; then it takes effect as soon as
somebody does.
"""

import time
from typing import NamedTuple

from portfold.coordinator.fold.limits import Limits, limits_of
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.view_field import view_in, what_can_be_read
from portfold.events.codec import decode_decided, decode_event
from portfold.events.decisions import LooseningWaits, first, refusal
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus

_POLL_MS = 50
_TAKE_OVER_SECONDS = 0.6
_READ_AT_ONCE = 1000


class OrderOutcome(NamedTuple):
    """The outcome of an order: `folded` once it was decided on; `rejected` says why it was refused.

    `waits` is what of it does not count at once.
    """

    event: StreamId
    folded: bool
    rejected: str = ""
    waits: LooseningWaits | None = None


def outcome_of(bus: Bus, event: StreamId, *, wait_seconds: float) -> OrderOutcome:
    """Waits until a coordinator has got as far as `event`, and reads what it decided.

    Where nobody leads it waits only as long as a standby needs to take over.
    """
    if not event.answerable:
        unheard = "the log's last ID leaves no room for an answer, so no order has effect on it: "
        unheard += "portfold renew takes that off; what cannot wait: portfold flatten --now"
        return OrderOutcome(event, folded=False, rejected=unheard)
    begun = led = time.monotonic()
    while not _folded(bus, event):
        now = time.monotonic()
        led = now if bus.leader() else led
        if now - begun >= wait_seconds or now - led >= _TAKE_OVER_SECONDS:
            return OrderOutcome(event, folded=False)
        bus.decisions_after(event.before_decisions(), count=1, block_ms=_POLL_MS)
    decisions = [decode_decided(entry.fields)[0] for entry in bus.decisions_of(event)]
    refused = refusal(decisions)
    if refused is not None:
        return OrderOutcome(event, folded=True, rejected=refused.reason)
    return OrderOutcome(event, folded=True, waits=first(LooseningWaits, decisions))


class Ordered(NamedTuple):
    """The limits, if there are any, as they were ordered, and the last event that they take into account."""

    limits: Limits | None
    known_to: StreamId


def limits_ordered(bus: Bus) -> Ordered:
    """Returns the limits as they will be once everything on the log is decided, and counts.

    So the next order does not undo what another operator ordered while nobody coordinated, or what waits for
    the next trading day. Raises BusError.
    """
    head, status = bus.head(), bus.status()
    read = what_can_be_read(status)
    view = read.view if read.knows("limits", "loosening") else view_in(status)
    limits = _ordered(view) if view else None
    after = head.cursor if head else ORIGIN
    while undecided := bus.events_after(after, count=_READ_AT_ONCE):
        ordered = [
            event for entry in undecided if isinstance(event := decode_event(entry.fields), LimitsChanged)
        ]
        if ordered:
            limits = limits_of(ordered[-1])
        after = undecided[-1].id
    return Ordered(limits, after)


def _ordered(view: PortfolioView) -> Limits | None:
    return view.loosening.limits if view.loosening else view.limits


def limits_between(bus: Bus, after: StreamId, before: StreamId) -> list[LimitsChanged]:
    """Returns the orders of limits between two events."""
    found: list[LimitsChanged] = []
    while page := bus.events_after(after, count=_READ_AT_ONCE):
        for entry in page:
            if entry.id >= before:
                return found
            event = decode_event(entry.fields)
            if isinstance(event, LimitsChanged):
                found.append(event)
        after = page[-1].id
    return found


def _folded(bus: Bus, event: StreamId) -> bool:
    head = bus.head()
    return head is not None and head.cursor >= event
