"""Where the end of a log is cut off: what stays of it, and the state of there.

Guarantees: the state of there is what the log itself leads to, and where decided events are cut off, the way
on from there is proved to be the log that was decided.
"""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from portfold.coordinator.fold.proofs.remembered import AllSigned
from portfold.coordinator.fold.state import State, legs_named
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.snapshot import beginning, read_snapshot, snapshot_text
from portfold.errors import PortfoldError
from portfold.events.codec import decode_event
from portfold.events.incoming import CoordinatorStarted
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry, Head
from portfold.events.wire.importer_bus import Kept, RenewerBus

_READ_AT_ONCE = 1000


class NothingToRenew(PortfoldError):
    """The log needs no renewal, or cannot be renewed from there."""


class Cut(NamedTuple):
    """What stays where a log is cut, and what it knows there.

    `keys` is how many names had to prove what they say, `signed` what came under each name. Where the head is
    set back, `follower` is at the head that was found; `ordered` are the legs ordered closed at the cut.
    """

    kept: Kept
    keys: int
    signed: AllSigned
    follower: Follower | None = None
    ordered: frozenset[str] = frozenset()

    @property
    def of_before(self) -> bool:
        """Returns whether events are cut off that were decided."""
        return self.follower is not None

    @property
    def ordered_no_more(self) -> str:
        """Names the legs that are ordered closed and not closed yet, and are not any more behind the cut."""
        state = self.follower.state if self.follower is not None else None
        if state is None or state.flatten is None:
            return ""
        return legs_named(state, {*state.flatten.left} - self.ordered)

    def gone_on(self, bus: Bus, found: Head) -> "Cut":
        """Returns it where the log is decided up to `found`: nothing before the cut changes."""
        if self.follower is not None:
            _follow(self.follower, bus, found.cursor)
        return self._replace(kept=replace(self.kept, decisions=bus.decisions_extent().added))


def cut_before(
    bus: RenewerBus, removed: Sequence[Entry], found: Head | None, added: int, archive: Path | None
) -> Cut:
    """Returns what stays where the events `removed`, of `added` that there ever were, are cut off.

    Raises NothingToRenew, LogDiffers, ArchiveError, BusError.
    """
    first = removed[0].id
    _refuse_within_a_renewal(bus, first, found)
    gone = bus.archived()
    if gone is not None and gone.up_to >= first:
        raise NothingToRenew(
            f"The events up to {gone.up_to} are in the archive {gone.folder}, and what is archived stays: "
            "renew from a later event, or start another portfolio."
        )
    before = bus.events_before(first.before(), count=1)
    event = before[0].id if before else gone.up_to if gone is not None else ORIGIN
    last_decision = bus.decision_before(first)
    kept = Kept(
        event=event,
        added=added - len(removed),
        decisions=bus.decisions_extent().added,
        last_decision=last_decision if last_decision is not None else ORIGIN,
        cursor=found.cursor if found else ORIGIN,
        chain=found.chain if found else "",
        folded=found.folded if found else 0,
        snapshot="",
    )
    if found is None:
        return Cut(kept, 0, AllSigned())
    decided = sum(entry.id <= found.cursor for entry in removed)
    if decided:
        return _set_back(bus, found, kept, decided, archive)
    state = _followed(bus, found.cursor, archive).state
    return Cut(kept, *_of_proofs(state))


def _refuse_within_a_renewal(bus: Bus, first: StreamId, found: Head | None) -> None:
    """Raises NothingToRenew where `first` is among what a renewal put on again and nobody has decided since.

    The head was set back then, so it no longer tells what was decided once and must close nothing again.
    """
    at, left = found.cursor if found else ORIGIN, 0
    while page := bus.events_after(at, count=_READ_AT_ONCE):
        at = page[-1].id
        for entry in page:
            event = decode_event(entry.fields)
            if isinstance(event, CoordinatorStarted) and event.again:
                left = event.again + 1
            if left and entry.id >= first:
                raise NothingToRenew(
                    f"Event {first} is part of a renewal that no coordinator has decided yet. Let a "
                    "coordinator decide that one first, then renew the log again."
                )
            left = max(0, left - 1)


def _set_back(bus: Bus, found: Head, kept: Kept, decided: int, archive: Path | None) -> Cut:
    """Returns what stays where events are cut off that were decided: the head, and the state, of before."""
    follower = _followed(bus, kept.event, archive)
    text, of_proofs = snapshot_text(follower.checkpoint), _of_proofs(follower.state)
    under_way = follower.state.flatten
    ordered = frozenset(under_way.left if under_way is not None else ())
    chain = follower.chain if kept.event != ORIGIN else beginning().chain
    _follow(follower, bus, found.cursor)
    follower.prove(found.cursor, found.chain)
    stays = Kept(
        event=kept.event,
        added=found.folded - decided,
        decisions=kept.decisions,
        last_decision=kept.last_decision,
        cursor=kept.event,
        chain=chain,
        folded=found.folded - decided,
        snapshot=text if kept.event != ORIGIN else "",
    )
    return Cut(stays, *of_proofs, follower, ordered)


def _of_proofs(state: State) -> tuple[int, AllSigned]:
    return state.keys, deepcopy(state.signed)


def _followed(bus: Bus, event: StreamId, archive: Path | None) -> Follower:
    """Returns a follower at the event."""
    follower = Follower(read_snapshot(bus.snapshot()), archive=archive)
    if follower.cursor > event:
        follower = Follower(archive=archive).further_back(bus)
    _follow(follower, bus, event)
    if follower.cursor != event:
        raise NothingToRenew(
            f"What the log came to at {event} is not known: the archive goes on beyond it. Renew from a "
            "later event, or start another portfolio."
        )
    return follower


def _follow(follower: Follower, bus: Bus, up_to: StreamId) -> None:
    while follower.cursor < up_to and follower.step(bus, up_to):
        pass
