"""What would be allowed now, how much of it, and which rule binds: for `portfold ask` and `gate.room`.

Guarantees: reads only. The log is folded up to its head, as who leads has folded it, into a state of this
module's own; there the very table of rules is asked that answers requests, so the two cannot differ.
"""

from decimal import localcontext
from pathlib import Path

from msgspec import Struct, structs

from portfold.bounds import MOST_CONTRACTS
from portfold.coordinator.fold.effects.entry import NO_LIMITS
from portfold.coordinator.fold.effects.time_passing import pass_time
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.repeats import is_repeat
from portfold.coordinator.fold.rules.pace import rate
from portfold.coordinator.fold.rules.table import why_not
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.follower import Follower, LogDiffers
from portfold.dollars import EXACT
from portfold.events.incoming import EntryRequested
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus

_MOST_BATCHES = 200
"""Of events since the snapshot: a leader writes one far more often."""


class Room(Struct, frozen=True):
    """Whether `size` contracts would be allowed after the event `as_of`; `largest` is the most that would be.

    `code` and `reason` are the answer's if it is a no; else those of the rule that denies one contract more
    than the largest, empty where none does.
    """

    allowed: bool
    size: int
    largest: int
    code: str
    reason: str
    as_of: str


def room_on(bus: Bus, request: EntryRequested, archive: Path | None = None) -> Room:
    """Returns the room for a request that is not made. Raises BusError, LogDiffers."""
    follower = Follower.from_snapshot(bus, archive)
    head = bus.head()
    if head is not None:
        batches = 0
        while follower.step(bus, head.cursor):
            batches += 1
            if batches > _MOST_BATCHES:
                raise LogDiffers("The last snapshot is too old to say what would be allowed")
        follower.prove(head.cursor, head.chain)
    now = max(follower.cursor, StreamId(bus.now_ms(), 0))
    return room_in(follower.state, now, request, as_of=follower.cursor)


def room_in(state: State, at: StreamId, request: EntryRequested, *, as_of: StreamId) -> Room:
    """Returns the room for a request that would come at `at`. The state is changed: it is to be a copy."""
    known = state.workers.get(request.worker)
    if known is not None and known.session and not request.session:
        request = structs.replace(request, session=known.session)
    with localcontext(EXACT):
        pass_time(state, at, ticked=False)
        is_repeat(state, request)  # notes a worker that the log has not heard of, as a request would
        rate.refill(state, at, request.worker)
        limits, largest = state.limits, 0
        denial = NO_LIMITS if limits is None else why_not(state, limits, request)
        binding = denial
        if limits is not None:
            largest = _largest(state, limits, request)
            binding = denial or why_not(state, limits, of_size(request, largest + 1))
    code, reason = (binding.code, binding.reason) if binding is not None else ("", "")
    allowed = denial is None
    return Room(allowed, request.size, largest, code, reason, str(as_of))


def _largest(state: State, limits: Limits, request: EntryRequested) -> int:
    """Returns the most contracts that are allowed: each rule that counts them objects to more if to fewer."""
    fits, too_many = 0, (MOST_CONTRACTS if limits.contract_weights else limits.max_contracts) + 1
    while too_many - fits > 1:
        size = (fits + too_many) // 2
        if why_not(state, limits, of_size(request, size)) is None:
            fits = size
        else:
            too_many = size
    return fits


def of_size(request: EntryRequested, size: int) -> EntryRequested:
    """Returns the request for so many contracts, which risk as much each."""
    risk = EXACT.divide(request.risk * size, request.size) if request.risk else request.risk
    return structs.replace(request, size=size, risk=risk)
