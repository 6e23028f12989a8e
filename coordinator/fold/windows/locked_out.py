"""What is known of a lockout, a part of the state."""

from msgspec import Struct


class Lockout(Struct, frozen=True):
    """Entries are denied until `until_ms`, by the order at the event `since`; nobody lifts it before."""

    by: str
    reason: str
    since: str
    until_ms: int
