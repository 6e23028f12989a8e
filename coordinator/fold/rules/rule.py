"""The shape of a rule: what it objects to, what it orders by itself, and where it stands.

A rule is a small module with one `RULE`; the table lists them in the order in which they answer. Guarantees:
a rule reads the state and the limits, and no more; whatever is absent from the limits objects to nothing.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Literal, NamedTuple

from portfold.coordinator.fold.equity import Money
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import LockAction
from portfold.coordinator.fold.state import State
from portfold.events.decisions import Decision
from portfold.events.incoming import EntryRequested, PositionOpened
from portfold.events.stream_id import StreamId

Unit = Literal["dollars", "positions", "contracts", "entries", "losses", "denials"]
Entry = EntryRequested | PositionOpened
"""What is counted is asked of a request, and of a fill that nobody granted."""


class Denial(NamedTuple):
    """Why an entry is denied: a code for machines and a sentence for people."""

    code: str
    reason: str


class Reading(NamedTuple):
    """Where a limit stands: `now` is to stay on its side of `limit`, and has `left` to go, in one unit.

    `whole` is the way there is in all, so that limits of different units can be compared. `about` says what
    is counted, and from where; `of` names whose it is, where a limit has a number for several.
    """

    unit: Unit
    limit: Decimal
    now: Decimal
    left: Decimal
    whole: Decimal
    about: str
    of: str = ""


class Reached(NamedTuple):
    """That a limit is reached: `now` has come to `limit`, in dollars; `until` and `size` as in `Lock`."""

    action: LockAction
    now: Decimal
    limit: Decimal
    until: str
    reason: str
    size: int = 0


IsReached = Callable[[State, Limits, Money], Reached | None]
MayEnter = Callable[[State, Limits, EntryRequested], Denial | None]
Watch = Callable[[State, StreamId, Limits, Money], list[Decision]]
Read = Callable[[State, Limits], Reading | None]
ReadEach = Callable[[State, Limits], Iterable[Reading]]
Broken = Callable[[State, Limits, Entry], Iterable[Denial]]


class Rule(NamedTuple):
    """A rule by its `code`, which denials carry.

    `may_enter` says why not, or nothing. `keys` are the limits that it takes its numbers from. `read` says
    where it stands, None where the limits know no such rule. `is_reached`, of those that latch, says whether
    they would now, which is asked after whatever moved money; where there is a `watch`, that is called
    instead, and returns what the rule orders by itself. What
    `outlasts_resumes` no resume lifts, forced or not. `read_each` says where each stands that the rule has a
    number for, and `broken` what is taken beyond it where an entry is, once that is among what is taken.
    """

    code: str
    may_enter: MayEnter
    keys: tuple[str, ...] = ()
    watch: Watch | None = None
    read: Read | None = None
    is_reached: IsReached | None = None
    outlasts_resumes: bool = False
    read_each: ReadEach | None = None
    broken: Broken | None = None
