"""What became of an operator's order.

An order is an event like any other, so it survives every restart and stands in every audit; the same can be
written by hand with XADD. It is recorded even when nobody coordinates; then it takes effect as soon as
somebody does.
"""

import time
from typing import NamedTuple

from events.bus import Bus
from events.codec import decode_decision
from events.decisions import EventRejected
from events.stream_id import StreamId

_POLL_MS = 50


class Outcome(NamedTuple):
    """What became of an order: `folded` once it has been decided on, `rejected` says why it was refused."""

    event: StreamId
    folded: bool
    rejected: str = ""


def outcome_of(bus: Bus, event: StreamId, *, wait_seconds: float) -> Outcome:
    """Waits until a coordinator has got as far as `event`, and reads what it decided."""
    deadline = time.monotonic() + wait_seconds
    while not _folded(bus, event):
        if time.monotonic() >= deadline:
            return Outcome(event, folded=False)
        bus.decisions_after(event.before_decisions(), count=1, block_ms=_POLL_MS)
    for entry in bus.decisions_of(event):
        decision = decode_decision(entry.fields[: entry.fields.index("event")])
        if isinstance(decision, EventRejected):
            return Outcome(event, folded=True, rejected=decision.reason)
    return Outcome(event, folded=True)


def _folded(bus: Bus, event: StreamId) -> bool:
    head = bus.head()
    return head is not None and head.cursor >= event
