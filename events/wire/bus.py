"""The bus: a portfolio's streams and keys, and the few things that may be done with them.

Every call is one command or one script, bounded by the connection's timeout, never repeated here. It raises
BusUnreachable (a write may or may not have arrived) or BusRefused (it did not), nothing else.

Entries of the streams are handed on exactly as they lie there. The other keys are for people as well, and
anybody may have written them: whatever could steer a terminal is escaped here, once for all.

The bus is cut by idea into `streams`, `leading`, `presence`, `market` and `looking`; whoever uses a bus
imports it and its answers from here.
"""

from portfold.events.wire.answers import (
    AcknowledgeReply,
    Committed,
    Entry,
    Extent,
    Head,
    LeadersWord,
    Lease,
    MovedHistory,
    Standing,
    trimmed_away,
)
from portfold.events.wire.leading import Leading, longest_wait_ms
from portfold.events.wire.looking import VIEW, Looking
from portfold.events.wire.market import Market
from portfold.events.wire.presence import PresenceKeys
from portfold.events.wire.streams import SERVERS_TIME, Streams, at_time

__all__ = [
    "SERVERS_TIME",
    "VIEW",
    "AcknowledgeReply",
    "Bus",
    "Committed",
    "Entry",
    "Extent",
    "Head",
    "LeadersWord",
    "Lease",
    "MovedHistory",
    "Standing",
    "at_time",
    "longest_wait_ms",
    "trimmed_away",
]


class Bus(Streams, Leading, PresenceKeys, Market, Looking):
    """The portfolio `name` on one server."""
