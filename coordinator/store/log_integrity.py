"""Checks that the log adds up: the events the server ever took, those folded, and where the log ends.

The chain binds what was folded, so an event that vanished before that breaks no link. But the server counts
every event that it ever took, and the head every event that was folded: one that is neither folded nor
waiting is gone. The same count shows a log that was deleted and begun anew; the head's cursor, one that lost
its end.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.snapshot import read_snapshot
from portfold.errors import PortfoldError
from portfold.events.codec import encode_checked
from portfold.events.incoming import LossAcknowledged
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry, Extent, Head, Lease

WAY_OUT = (
    "Nothing is decided on it. Restore the log; or, if what is missing is gone for good, check what is open "
    "and answer for it: portfold acknowledge --by NAME --reason TEXT"
)
_READ_AT_ONCE = 1000
_TRIES = 20


class LogIntegrityLost(PortfoldError):
    """The log does not add up. The sentence says how, and the way out."""


class NothingLost(PortfoldError):
    """There is no loss to acknowledge."""


class LeaderContext(NamedTuple):
    """What a leader builds on: the run of the server, its durability in short, and the furthest event that
    this process has ever seen decided.
    """

    server: str
    durability: str
    seen: StreamId


class HeadCheck(NamedTuple):
    """The log compared with the head. `folded_by_log`: how many events were folded by the log's own count;
    `lost` says what is wrong, empty if it adds up.
    """

    folded_by_log: int
    cut_off: bool
    lost: str


def look(bus: Bus, head: Head | Lease, each_page: Callable[[], object] = lambda: None) -> HeadCheck:
    """Compares log and head: counts what waits behind the head, calling `each_page` on the way."""
    extent = bus.extent()
    waiting = count_between(bus.events_after, head.cursor, extent.last, each_page)
    return HeadCheck(extent.added - waiting, extent.last < head.cursor, what_is_lost(extent, head, waiting))


def prove(bus: Bus, head: Head | Lease, each_page: Callable[[], object] = lambda: None) -> None:
    """Raises LogIntegrityLost unless log and head add up."""
    lost = look(bus, head, each_page).lost
    if lost:
        raise LogIntegrityLost(f"{lost} {WAY_OUT}")


def what_is_lost(extent: Extent, head: Head | Lease, waiting: int) -> str:
    """Returns the sentence for what does not add up; empty when all of it does."""
    if extent.last < head.cursor:
        return f"The log ends at {extent.last}, before the head at {head.cursor}: its end is missing."
    by_log = extent.added - waiting
    counted = f"up to the head at {head.cursor} the log took {by_log} events, and {head.folded} were decided"
    if by_log > head.folded:
        gone = f"Events vanished before anybody decided on them: {by_log - head.folded}"
        return f"{gone} ({counted}). They were trimmed or deleted."
    if by_log < head.folded:
        return f"The log was deleted and begun anew, or put together without its count: {counted}."
    return ""


def acknowledge(bus: Bus, missed: Callable[[], str], *, by: str, reason: str) -> StreamId:
    """Records the loss and corrects the head's count, so that a coordinator can go on; returns the event.

    `missed` returns what workers miss at the log's end, or nothing; it is called where the log adds up.
    Raises NothingLost, LogIntegrityLost where it cannot be done now, RefusedField, BusError.
    """
    for _ in range(_TRIES):
        head = bus.head() or Head(0, ORIGIN, "")
        found = look(bus, head)
        lost = found.lost or _as_a_loss(missed())
        if not lost:
            raise NothingLost("The log adds up, and no worker misses anything on it: nothing to acknowledge.")
        order = encode_checked(LossAcknowledged(by=by, reason=reason, detail=lost))
        if not found.lost:
            return bus.append(order)
        decided_is_gone = found.cut_off or found.folded_by_log < head.folded
        if decided_is_gone and not _snapshot_leads_to(bus, head):
            raise LogIntegrityLost(
                f"{found.lost} No snapshot leads to the head, so nobody knows what it came to: there is "
                "nothing to go on from. Restore the log, or start another portfolio."
            )
        done = bus.acknowledge(
            order,
            cursor=head.cursor,
            folded=head.folded,
            folded_from_now=found.folded_by_log,
            cut_off=found.cut_off,
        )
        if done.outcome == "done":
            return done.event
        if done.outcome == "clock":
            raise LogIntegrityLost(
                f"The server's clock is behind the head at {head.cursor}, so nothing can be added behind it. "
                "Put the clock right, then try again."
            )
    raise LogIntegrityLost(
        "The head moves: a coordinator leads, so by now the log adds up. See: portfold status"
    )


def _snapshot_leads_to(bus: Bus, head: Head) -> bool:
    """Returns whether a snapshot leads to the head although events before it are gone."""
    checkpoint = read_snapshot(bus.snapshot())
    if checkpoint is None or checkpoint.cursor > head.cursor:
        return False
    follower = Follower(checkpoint)
    while follower.step(bus, head.cursor):
        pass
    return follower.leads_to(head.cursor, head.chain)


def _as_a_loss(missing: str) -> str:
    return f"The log lost its end: {missing}." if missing else ""


class _ReadAfter(Protocol):
    def __call__(self, after: StreamId, /, *, count: int) -> list[Entry]: ...


def count_between(
    read: _ReadAfter, after: StreamId, last: StreamId, each_page: Callable[[], object] = lambda: None
) -> int:
    """Counts the entries behind `after`, up to `last`, of the stream that `read` reads."""
    count = 0
    while after < last and (page := read(after, count=_READ_AT_ONCE)):
        if page[-1].id >= last:
            return count + sum(1 for entry in page if entry.id <= last)
        count, after = count + len(page), page[-1].id
        each_page()
    return count
