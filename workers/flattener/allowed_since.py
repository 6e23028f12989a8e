"""Whose entries the log allowed after an order to close: what came of them is none of that order's.

Guarantees: where the bus refuses to say, none was, so that nothing is in the way of a close; while it is away
that is raised, for a look that is tried again closes nothing on a guess.
"""

from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus, Entry
from portfold.events.wire.errors import BusRefused
from portfold.log import Log

CANNOT_BE_READ = "Which entries were allowed since cannot be read"
Allowed = set[tuple[str, str]]
"""Workers, each with a symbol."""

_DECISIONS_AT_ONCE = 1_000


def allowed_since(bus: Bus, event: StreamId, log: Log) -> Allowed:
    """Returns whose entry on which symbol the log allowed after that event. Raises BusUnreachable."""
    allowed: Allowed = set()
    at = event.after_decisions()
    try:
        while page := bus.decisions_after(at, count=_DECISIONS_AT_ONCE):  # a short one need not be the last
            allowed |= _allowed_on(page)
            at = page[-1].id
    except BusRefused as refused:
        log.error(CANNOT_BE_READ, why=str(refused))
    return allowed


def _allowed_on(page: list[Entry]) -> Allowed:
    found = [entry.by_name for entry in page]
    return {
        (fields.get("worker", ""), fields.get("symbol", ""))
        for fields in found
        if fields.get("type") == "EntryAllowed"
    }
