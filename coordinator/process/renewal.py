"""Renews a log: takes off its end what makes it useless, and goes on from the state before that, on record.

For what no permission forbids: an event from the far future, after which no time passes and every day is
another; a flood of names; garbage by the megabyte. The log is cut before the first such event, so its state
is that of before, by the same rules and the same chain. What came after it and is a fact or an order is put
on again behind the record of the renewal; requests, marks and the like are not, as their moment is over. All
of that is a term of its own: it is decided by the rules of today, even where who led by them was taken off.
Entries are denied until a resume. Guarantees: all of it in one step, or nothing; nothing is taken off that an
archive holds; whoever audits the log decides it again from its first event.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.store import log_integrity
from portfold.coordinator.store.clock_watch import AHEAD_MS
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.snapshot import beginning, read_snapshot, snapshot_text
from portfold.errors import PortfoldError
from portfold.events.account import AccountSettled, CashMoved
from portfold.events.calendar import SessionsPublished, WindowsPublished
from portfold.events.codec import decode_event, encode_checked
from portfold.events.incoming import (
    COORDINATOR,
    CoordinatorStarted,
    EntryWithdrawn,
    FlattenRequested,
    LockoutOrdered,
    LossAcknowledged,
    PositionClosed,
    PositionOpened,
    PositionSettled,
    StopMoved,
    TradingHalted,
    WorkerRetired,
    WorkerStarted,
    WorkerStopped,
)
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry, Head
from portfold.events.wire.importer_bus import Kept, RenewerBus

MOST_TAKEN_OFF = 100_000
"""Events at once: the server answers nobody else while it takes them off."""
_READ_AT_ONCE = 1000
_TERM = "renewal"
_PUT_ON_AGAIN = (
    *(PositionOpened, PositionClosed, PositionSettled, StopMoved, EntryWithdrawn),
    *(WorkerStarted, WorkerStopped, WorkerRetired, CashMoved, AccountSettled),
    *(TradingHalted, FlattenRequested, LockoutOrdered, LimitsChanged, SessionsPublished, WindowsPublished),
)
"""Facts, and orders that allow nothing by themselves. What resumes trading is ordered anew."""


class NothingToRenew(PortfoldError):
    """The log needs no renewal, or cannot be renewed from there."""


class Renewal(NamedTuple):
    """What a renewal would do: what it takes off, what of that it puts on again, what stays."""

    removed: list[Entry]
    put_on_again: list[Entry]
    kept: Kept
    found: Head | None
    last: StreamId

    @property
    def next_epoch(self) -> int:
        """Returns the number of its own term."""
        return (self.found.epoch if self.found else 0) + 1

    @property
    def in_words(self) -> str:
        """Says what is taken off."""
        first, last, count = self.removed[0].id, self.removed[-1].id, len(self.removed)
        which = f"event {first}" if count == 1 else f"{count} events, from {first} to {last}"
        return f"{which}; facts and orders of them that are put on again: {len(self.put_on_again)}"


def planned(
    bus: RenewerBus,
    *,
    since: StreamId | None,
    without: Collection[StreamId] = (),
    archive: Path | None = None,
) -> Renewal:
    """Plans to take off all from the event `since` on, by default the first that is ahead of the clock.

    That event is never put on again, nor are those in `without`. Raises NothingToRenew, LogIntegrityLost,
    LogDiffers, ArchiveError, BusError.
    """
    found = bus.head()
    extent = bus.extent()
    if lost := log_integrity.look(bus, found or Head(0, ORIGIN, "")).lost:
        raise NothingToRenew(f"{lost} Answer for that first: portfold acknowledge --by NAME --reason TEXT")
    removed = _removed(bus, since)
    first, before = removed[0].id, _last_before(bus, removed[0].id)
    gone = bus.archived()
    if gone is not None and gone.up_to >= first:
        raise NothingToRenew(
            f"The events up to {gone.up_to} are in the archive {gone.folder}, and what is archived stays: "
            "renew from a later event, or start another portfolio."
        )
    if before == ORIGIN and gone is not None:
        before = gone.up_to
    decided = [entry for entry in removed if found is not None and entry.id <= found.cursor]
    last_decision = bus.decisions_extent()
    kept = Kept(
        event=before,
        added=extent.added - len(removed),
        decisions=last_decision.added,
        last_decision=_last_decision_before(bus, first),
        cursor=found.cursor if found else ORIGIN,
        chain=found.chain if found else "",
        folded=found.folded if found else 0,
        snapshot="",
    )
    if found is not None and decided:
        kept = _set_back(bus, found, kept, len(decided), archive)
    again = [entry for entry in removed[1:] if entry.id not in without and _goes_on(entry)]
    return Renewal(removed, again, kept, found, extent.last)


def renew(bus: RenewerBus, plan: Renewal, *, by: str, reason: str) -> StreamId:
    """Does what is planned, and returns the event that has it on record. Raises NothingToRenew, BusError."""
    span = f"{plan.removed[0].id} {plan.removed[-1].id}"
    record = LossAcknowledged(
        by=by, reason=reason, detail=f"the log was renewed and lacks now {plan.in_words}", removed=span
    )
    halt = TradingHalted(
        by=by, reason="The log was renewed. See what is open, settle what differs, then: portfold resume"
    )
    term = CoordinatorStarted(
        leader=_TERM,
        epoch=plan.next_epoch,
        fold=FOLD_VERSION,
        keys=len(bus.keyring.names) if bus.keyring else 0,
    )
    again = (entry.fields for entry in plan.put_on_again)
    events = [encode_checked(term), encode_checked(record), *again, encode_checked(halt)]
    done = bus.take_off(plan.removed[0].id, plan.kept, events, found=plan.found, last=plan.last)
    if done.outcome != "done":
        raise NothingToRenew("The log has gone on meanwhile, so nothing was changed. Give the command again.")
    return done.event


def _removed(bus: Bus, since: StreamId | None) -> list[Entry]:
    """Returns all events from the first to be taken off on."""
    begins = since.before() if since is not None else StreamId(bus.now_ms() + AHEAD_MS, 0)
    removed: list[Entry] = []
    while page := bus.events_after(removed[-1].id if removed else begins, count=_READ_AT_ONCE):
        removed += page
        if len(removed) > MOST_TAKEN_OFF:
            raise NothingToRenew(
                f"More than {MOST_TAKEN_OFF} events lie behind there, too many to take off in one step: "
                "renew from a later one first."
            )
    if since is None and not removed:
        raise NothingToRenew(
            "No event is ahead of the server's clock. To renew the log from another one: --since EVENT"
        )
    if since is not None and (not removed or removed[0].id != since):
        raise NothingToRenew(f"--since: expected an event of the log, and {since} is none.")
    return removed


def _last_before(bus: Bus, first: StreamId) -> StreamId:
    found = bus.events_before(first.before(), count=1)
    return found[0].id if found else ORIGIN


def _last_decision_before(bus: RenewerBus, first: StreamId) -> StreamId:
    last = bus.decision_before(first)
    return last if last is not None else ORIGIN


def _set_back(bus: Bus, found: Head, kept: Kept, decided: int, archive: Path | None) -> Kept:
    """Returns what stays where events are taken off that were decided: the head, and the state, of before."""
    follower = Follower(read_snapshot(bus.snapshot()), archive=archive)
    if follower.cursor > kept.event:
        follower = Follower(archive=archive).further_back(bus)
    for _ in _steps(follower, bus, kept.event):
        pass
    if follower.cursor != kept.event:
        raise NothingToRenew(
            f"What the log came to at {kept.event} is not known: the archive goes on beyond it. Renew from a "
            "later event, or start another portfolio."
        )
    text = snapshot_text(follower.checkpoint)
    chain = follower.chain if kept.event != ORIGIN else beginning().chain
    for _ in _steps(follower, bus, found.cursor):  # the way on proves that this is the log that was decided
        pass
    follower.prove(found.cursor, found.chain)
    snapshot = text if kept.event != ORIGIN else ""
    return Kept(
        event=kept.event,
        added=found.folded - decided,
        decisions=kept.decisions,
        last_decision=kept.last_decision,
        cursor=kept.event,
        chain=chain,
        folded=found.folded - decided,
        snapshot=snapshot,
    )


def _steps(follower: Follower, bus: Bus, up_to: StreamId) -> Iterator[None]:
    while follower.cursor < up_to and follower.step(bus, up_to):
        yield


def _goes_on(entry: Entry) -> bool:
    """Returns whether the event is a fact or an order that is put on again."""
    event = decode_event(entry.fields)
    if isinstance(event, TradingHalted) and event.by == COORDINATOR:
        return False
    return isinstance(event, _PUT_ON_AGAIN)
