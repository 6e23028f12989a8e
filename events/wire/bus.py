"""The bus: a portfolio's streams and keys, and the few things that may be done with them.

Every call is one command or one script, bounded by the connection's timeout, never repeated here. It raises
BusUnreachable (a write may or may not have arrived) or BusRefused (it did not), nothing else.

The streams are handed on exactly as they lie there. What lies under the other keys is for people as well, and
anybody may have written it: here, once for all, whatever could steer a terminal is escaped.

What it can do is cut by idea into `streams`, `leading`, `presence` and `looking`; whoever uses a bus imports
it, and what it answers with, from here.
"""

from portfold.events.wire.answers import (
    Acknowledged,
    Archived,
    Committed,
    Entry,
    Extent,
    Head,
    LeadersWord,
    Lease,
    Standing,
    trimmed_away,
)
from portfold.events.wire.leading import Leading, longest_wait_ms
from portfold.events.wire.looking import VIEW, Looking
from portfold.events.wire.presence import Presence
from portfold.events.wire.streams import SERVERS_TIME, Streams, at_time

__all__ = [
    "SERVERS_TIME",
    "VIEW",
    "Acknowledged",
    "Archived",
    "Bus",
    "Committed",
    "Entry",
    "Extent",
    "Head",
    "LeadersWord",
    "Lease",
    "Standing",
    "at_time",
    "longest_wait_ms",
    "trimmed_away",
]


class Bus(Streams, Leading, Presence, Looking):
    """The portfolio `name` on one server."""
