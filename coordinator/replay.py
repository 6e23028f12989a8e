"""The replay: every event on the log decided again, and compared with what was decided at the time.

What it proves: the decisions on record are, byte for byte and with nothing more and nothing less, what this
version of the fold makes of the events, and the chain leads to the head. It writes nothing, asks nobody, and
holds a batch of entries in memory, however long the log.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from coordinator.follower import Follower
from coordinator.history import history
from coordinator.ledger import Decided
from coordinator.recorded import difference
from coordinator.state import State
from events.bus import Bus, Head
from events.stream_id import ORIGIN

_READ_AT_ONCE = 1000


class Replayed(Struct, frozen=True):
    """What came of it: `events` and `decisions` that were reproduced, and the `state` they lead to.

    `difference` is empty when that is all there are up to the head; else the sentence that names the first
    entry that is not what it should be, where the replay ended.
    """

    events: int
    decisions: int
    state: State
    difference: str


def replay(
    bus: Bus, see: Callable[[Decided, State], object] | None = None, *, archive: Path | None = None
) -> Replayed:
    """Decides again all that is decided, up to where the head is now; shows `see` each event in turn.

    `archive` is the folder of what is no longer on the server. Raises BusError when the log cannot be read
    from its beginning.
    """
    head = bus.head() or Head(0, ORIGIN, "")
    follower = Follower()
    events = decisions = 0
    for recorded in history(bus, archive, up_to=head.cursor, at_once=_READ_AT_ONCE):
        decided = follower.advance(recorded.event.id, recorded.event.fields)
        unlike = difference(decided, recorded)
        if unlike:
            return Replayed(events, decisions, follower.state, unlike)
        events += 1
        decisions += len(decided.entries)
        if see is not None:
            see(decided, follower.state)
    return Replayed(events, decisions, follower.state, _wrong_end(follower, head))


def _wrong_end(follower: Follower, head: Head) -> str:
    if follower.cursor != head.cursor:
        return f"The log ends at {follower.cursor}, before the head at {head.cursor}."
    if head.cursor != ORIGIN and follower.chain != head.chain:
        return f"The chain of the log up to {head.cursor} is not the head's."
    return ""
