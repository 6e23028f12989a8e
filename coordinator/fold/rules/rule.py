"""The shape of a rule: what it objects to, what it orders by itself, and where it stands.

A rule is a small module with one `RULE`; the table lists them in the order in which they answer. Guarantees:
a rule reads the state and the limits, and no more; whatever is absent from the limits objects to nothing.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Literal, NamedTuple

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import State
from portfold.events.decisions import Decision
from portfold.events.incoming import EntryRequested
from portfold.events.stream_id import StreamId

Unit = Literal["dollars", "positions", "contracts"]


class Denial(NamedTuple):
    """Why an entry is denied: a code for machines and a sentence for people."""

    code: str
    reason: str


class Reading(NamedTuple):
    """Where a limit stands: `now` is to stay on its side of `limit`, and has `left` to go, in one unit.

    `whole` is the way there is in all, so that limits of different units can be compared. `about` says what
    is counted, and from where.
    """

    unit: Unit
    limit: Decimal
    now: Decimal
    left: Decimal
    whole: Decimal
    about: str


MayEnter = Callable[[State, Limits, EntryRequested], Denial | None]
Watch = Callable[[State, StreamId], list[Decision]]
Read = Callable[[State, Limits], Reading | None]


class Rule(NamedTuple):
    """A rule by its `code`, which denials carry.

    `may_enter` says why not, or nothing. `keys` are the limits that it takes its numbers from. `watch` is
    called after whatever moved money and returns what it orders by itself. `read` says where it stands, None
    where the limits know no such rule; `is_reached`, of those that latch, whether they would now. What
    `outlasts_resumes` no resume lifts, forced or not.
    """

    code: str
    may_enter: MayEnter
    keys: tuple[str, ...] = ()
    watch: Watch | None = None
    read: Read | None = None
    is_reached: Callable[[State, Limits], object | None] | None = None
    outlasts_resumes: bool = False
