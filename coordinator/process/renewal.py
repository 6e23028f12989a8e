"""Renews a log: takes off its end what makes it useless, and goes on from the state before that, on record.

For what no permission forbids: an event from the far future, after which no time passes and every day is
another; a flood of names; garbage by the megabyte. The log is cut before the first such event, so its state
is that of before, by the same rules and the same chain. What came after it and is a fact or an order is put
on again behind the record of the renewal; requests, marks and the like are not, as their moment is over.
All of that is a term of its own: it is decided by the rules of today, even where who led by them was taken
off. Entries are denied until a resume. Guarantees: all of it in one step, or nothing; nothing is taken off
that an archive holds; nothing is put on that was to be proved and is not; nothing is ordered closed a
second time; whoever audits the log decides it again from its first event.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from msgspec import Struct

from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.process.log_cut import Cut, NothingToRenew, cut_before
from portfold.coordinator.process.proved_before import ProvedBefore
from portfold.coordinator.process.put_on_again import Chooser, PutOn, is_fact
from portfold.coordinator.store import log_integrity
from portfold.coordinator.store.clock_watch import AHEAD_MS
from portfold.dollars import ZERO, shown
from portfold.events.codec import Fields, decode_event, encode_checked
from portfold.events.incoming import CoordinatorStarted, FlattenRequested, LossAcknowledged, TradingHalted
from portfold.events.proof import COORDINATOR, whose
from portfold.events.roles.keyring import VARIABLE
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry, Head
from portfold.events.wire.importer_bus import RenewerBus

MOST_TAKEN_OFF = 100_000
"""Events at once: the server answers nobody else while it takes them off."""
ATTEMPTS = 20
"""How often it is tried while the log goes on; each attempt reads only what came since the one before."""
_READ_AT_ONCE = 1000
_TERM = "renewal"


class Renewal(Struct):
    """What a renewal would do: what it takes off, what of that it puts on again, what stays.

    It was `found` so; `by` is who renews, `first` says what becomes of the first event that is taken off.
    """

    by: str
    removed: list[Entry]
    chooser: Chooser
    archive: Path | None
    found: Head | None
    last: StreamId
    cut: Cut
    first: str

    @property
    def put_on_again(self) -> list[PutOn]:
        """Returns what goes on, in its order."""
        return self.chooser.put_on(self.found.cursor if self.found else ORIGIN)

    @property
    def in_words(self) -> str:
        """Says what is taken off."""
        first, last, count = self.removed[0].id, self.removed[-1].id, len(self.removed)
        which = f"event {first}" if count == 1 else f"{count} events, from {first} to {last}"
        return f"{which}; facts and orders of them that are put on again: {len(self.put_on_again)}"

    @property
    def told(self) -> list[str]:
        """Says what else whoever renews the log has to know: a sentence each."""
        again = self.put_on_again
        told = [self.first] if self.first else []
        if self.chooser.unproved:
            told.append(f"Not put on again, as nothing proves whose they are: {len(self.chooser.unproved)}.")
        if again:
            made = shown(sum((one.pnl for one in again), ZERO))
            told.append(f"All that is put on again is dated now: its net P&L, {made}, falls on today.")
        told += [
            f"{leg} was ordered closed, is not closed, and is ordered no more: portfold flatten."
            for leg in self.cut.ordered_no_more.split()
        ]
        told += [f"Put on again: {one.order_in_words}." for one in again if one.order_in_words]
        return told


def planned(
    bus: RenewerBus,
    *,
    by: str,
    since: StreamId | None,
    without: Collection[StreamId] = (),
    archive: Path | None = None,
) -> Renewal:
    """Plans to take off all from the event `since` on, by default the first that is ahead of the clock.

    What `since` names is not put on again, nor are those in `without`; the first that is ahead of the clock
    is, where it is a fact. Raises NothingToRenew, LogIntegrityLost, LogDiffers, ArchiveError, BusError.
    """
    found, extent, now_ms = bus.head(), bus.extent(), bus.now_ms()
    if lost := log_integrity.look(bus, found or Head(0, ORIGIN, "")).lost:
        raise NothingToRenew(f"{lost} Answer for that first: portfold acknowledge --by NAME --reason TEXT")
    removed = _read(bus, since.before() if since is not None else StreamId(now_ms + AHEAD_MS, 0), [])
    if since is None and not removed:
        raise NothingToRenew(
            "No event is ahead of the server's clock. To renew the log from another one: --since EVENT"
        )
    if since is not None and (not removed or removed[0].id != since):
        raise NothingToRenew(f"--since: expected an event of the log, and {since} is none.")
    cut = cut_before(bus, removed, found, extent.added, archive)
    chooser = Chooser(without if since is None else {*without, since}, _proofs(bus, cut))
    chooser.look_at(removed[:1], orders=False)
    chooser.look_at(removed[1:])
    plan = Renewal(by, removed, chooser, archive, found, extent.last, cut, _of_first(removed[0], chooser))
    _prove_keys(bus, plan)
    return plan


def renew(
    bus: RenewerBus, plan: Renewal, *, reason: str, keep: Callable[[Sequence[Entry]], object]
) -> StreamId:
    """Does what is planned, and returns the event that has it on record.

    Where the log has gone on meanwhile, what came since is a part of it too, and `plan` says so; `keep` gets
    all that is taken off before it is. Raises NothingToRenew, LogDiffers, ArchiveError, BusError.
    """
    keep(plan.removed)
    for _ in range(ATTEMPTS):
        events = _put_on(plan, reason)
        done = bus.take_off(plan.removed[0].id, plan.cut.kept, events, found=plan.found, last=plan.last)
        if done.outcome == "done":
            return done.event
        keep(_gone_on(bus, plan))
    raise NothingToRenew(
        f"The log has gone on meanwhile, {ATTEMPTS} times in a row, so nothing was changed. Stop whoever "
        "writes so much, and give the command again."
    )


def _put_on(plan: Renewal, reason: str) -> list[Fields]:
    """Returns the events behind the cut: the term, the record, what was decided, a halt, what was not.

    Of what was not, orders to flatten come last: they close what was filled meanwhile, and close it once.
    """
    again = plan.put_on_again
    before = [one.fields for one in again if one.decided]
    term = CoordinatorStarted(
        leader=_TERM,
        epoch=(plan.found.epoch if plan.found else 0) + 1,
        fold=FOLD_VERSION,
        keys=plan.chooser.keys,
        again=len(before) + 2 if plan.cut.of_before else 0,  # with the record and the halt
    )
    record = LossAcknowledged(
        by=plan.by,
        reason=reason,
        detail=f"the log was renewed and lacks now {plan.in_words}",
        removed=f"{plan.removed[0].id} {plan.removed[-1].id}",
    )
    halt = TradingHalted(
        by=plan.by, reason="The log was renewed. See what is open, settle what differs, then: portfold resume"
    )
    since = [one for one in again if not one.decided]
    since.sort(key=lambda one: isinstance(one.was, FlattenRequested))
    undecided = [one.fields for one in since]
    return [encode_checked(term), encode_checked(record), *before, encode_checked(halt), *undecided]


def _gone_on(bus: RenewerBus, plan: Renewal) -> list[Entry]:
    """Reads what came since the plan was made, has it in the plan, and returns it."""
    plan.found, extent = bus.head(), bus.extent()
    plan.last = extent.last
    came = _read(bus, plan.removed[-1].id, plan.removed)
    plan.chooser.look_at(came)
    plan.removed += came
    if plan.found is not None and plan.cut.of_before:
        plan.cut = plan.cut.gone_on(bus, plan.found)
    else:
        plan.cut = cut_before(bus, plan.removed, plan.found, extent.added, plan.archive)
    _prove_keys(bus, plan)
    return came


def _read(bus: Bus, after: StreamId, already: Sequence[Entry]) -> list[Entry]:
    """Returns all events after that one; `already` are taken off beside them."""
    found: list[Entry] = []
    while page := bus.events_after(found[-1].id if found else after, count=_READ_AT_ONCE):
        found += page
        if len(already) + len(found) > MOST_TAKEN_OFF:
            raise NothingToRenew(
                f"More than {MOST_TAKEN_OFF} events lie behind there, too many to take off in one step: "
                "renew from a later one first."
            )
    return found


def _of_first(first: Entry, chooser: Chooser) -> str:
    """Says what becomes of the first event where it is a fact, so that nobody takes it for what it is not."""
    if not is_fact(event := decode_event(first.fields)):
        return ""
    kind, whose_it_is = type(event).__name__, whose(first.fields)
    about = f"The first event, {first.id}, is a fact, {kind} by {whose_it_is}"
    if chooser.has(first.id):
        return f"{about}: it is put on again. If it was made up: --without {first.id}"
    return f"{about}: it is not put on again. If it is true, settle what is missing afterwards."


def _proofs(bus: RenewerBus, cut: Cut) -> ProvedBefore | None:
    """Returns what judges whose the events are that are put on again; None where nobody has to prove that."""
    if bus.keyring is not None:
        return ProvedBefore(bus.keyring, bus.log_name(), cut.signed, asked=cut.keys > 0)
    if cut.keys:
        raise NothingToRenew(
            f"{VARIABLE}: expected the file of all keys, as this log asks for proofs there (names with a "
            f"key: {cut.keys}), got none. What is put on again has to be proved anew."
        )
    return None


def _prove_keys(bus: RenewerBus, plan: Renewal) -> None:
    """Raises NothingToRenew where what is put on would be refused, as no key of whose it is is there."""
    if bus.keyring is None or not plan.chooser.keys:
        return
    needed = {COORDINATOR, plan.by, *(whose(one.fields) for one in plan.put_on_again)}
    if missing := sorted(needed - {*bus.keyring.names}):
        raise NothingToRenew(
            f"{VARIABLE}: expected a key of everybody whose word is put on again, got none of "
            f"{', '.join(missing)}: portfold keys new {missing[0]}"
        )
