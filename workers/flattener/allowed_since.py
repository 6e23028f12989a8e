"""Whose entries the log allowed after an order to close: what came of them is none of that order's.

Guarantees: where the bus refuses to say, none was, so that nothing is in the way of a close; while it is away
that is raised, for a look that is tried again closes nothing on a guess.
"""

from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusRefused
from portfold.log import Log

CANNOT_BE_READ = "Which entries were allowed since cannot be read"
Allowed = set[tuple[str, str]]
"""Workers, each with a symbol."""

_DECISIONS_AT_ONCE = 1_000
_PAGES = 100


def allowed_since(bus: Bus, event: StreamId, log: Log) -> Allowed:
    """Returns whose entry on which symbol the log allowed after that event. Raises BusUnreachable."""
    allowed: Allowed = set()
    at = event.after_decisions()
    for _ in range(_PAGES):
        try:
            page = bus.decisions_after(at, count=_DECISIONS_AT_ONCE)
        except BusRefused as refused:
            log.error(CANNOT_BE_READ, why=str(refused))
            break
        for entry in page:
            fields = entry.by_name
            if fields.get("type") == "EntryAllowed":
                allowed.add((fields.get("worker", ""), fields.get("symbol", "")))
        if len(page) < _DECISIONS_AT_ONCE:
            break
        at = page[-1].id
    return allowed
