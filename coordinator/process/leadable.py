"""Proves that the log can be led: it leads to its head, has lost nothing, and can still be answered.

Done before the lease is taken, so that a coordinator that refuses the log never looks like a leader, and once
more against the head that comes with the lease.
"""

from collections.abc import Callable
from typing import Literal

from portfold.coordinator.store import log_integrity
from portfold.coordinator.store.follower import Follower, LogDiffers
from portfold.errors import PortfoldError
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Head, Lease
from portfold.exchange_time import utc_clock


class LogDeaf(PortfoldError):
    """The log's last ID leaves no room for answers, to itself or to whatever follows."""


def proved(
    bus: Bus,
    follower: Follower,
    head: Head | Lease,
    clock: Literal["server", "driven"],
    meanwhile: Callable[[], object] = lambda: None,
) -> Follower:
    """Returns a follower at the head of a log that adds up; calls `meanwhile` again and again.

    Raises LogDiffers, LogIntegrityLost, LogDeaf.
    """
    if not follower.leads_to(head.cursor, head.chain):
        _check_end(bus, head.cursor)
    _follow(bus, follower, head.cursor, meanwhile)
    if not follower.leads_to(head.cursor, head.chain):  # a snapshot may be of another log
        follower = follower.further_back(bus)
        _follow(bus, follower, head.cursor, meanwhile)
    follower.prove(head.cursor, head.chain)
    if head.cursor == ORIGIN and bus.last_decision().event() != ORIGIN:  # one behind no event is a renewal's
        raise LogDiffers(
            f"There are decisions, but {bus.keys.head} is gone: nobody knows how far the log is "
            "decided. Restore it, or start another portfolio."
        )
    log_integrity.prove(bus, head, meanwhile)
    refuse_deaf(bus, bus.last_event(), clock)
    return follower


def refuse_deaf(bus: Bus, last: StreamId, clock: Literal["server", "driven"]) -> None:
    """Raises LogDeaf where no event after `last` could be answered: such an ID is written only by hand."""
    if last.answerable or (clock == "server" and last.ms < bus.now_ms()):
        return
    until = f"until {utc_clock(last.ms)}" if clock == "server" else "at the time it stands at"
    raise LogDeaf(
        f"The log's last event has the ID {last}, written by hand: its count leaves no room for an answer, "
        f"and neither does that of every event after it {until}. Nothing is decided, and no order "
        "has effect: close what is open at the broker. Restore the log as it was before, or start "
        "another portfolio: --portfolio NAME."
    )


def _follow(bus: Bus, follower: Follower, head: StreamId, meanwhile: Callable[[], object]) -> None:
    """Folds what is decided already."""
    while follower.step(bus, head):
        meanwhile()


def _check_end(bus: Bus, head: StreamId) -> None:
    """Raises where the log ends before the head, and no snapshot has the state there."""
    last = bus.last_event()
    if last < head:
        raise LogDiffers(
            f"The log ends at {last}, before the head at {head}: its end is missing, and no snapshot has "
            "what it came to. Nothing is decided on it. Restore the log, or start another portfolio."
        )
