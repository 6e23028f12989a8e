"""What the rules of exposure share: of each part of the book there may be so much.

A rule says which parts there are and what is counted; the rest is alike for all. Guarantees: positions and
slots count alike; at the number an entry is still allowed, one step beyond it is denied; where an entry falls
into several parts, each applies; an exit is never asked.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.limits.occupied import occupied
from portfold.coordinator.fold.rules.rule import Denial, Entry, Reading, Rule, Unit
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.taken import Counts, contracts_of, slots_of, weighed
from portfold.dollars import ZERO, plain_count
from portfold.events.incoming import EntryRequested

_MOST_READINGS = 8


class Part(NamedTuple):
    """A part of the book by its `name`, which people know as `shown`: what counts to it, and the limit."""

    name: str
    shown: str
    counts: Counts
    most: Decimal


class Measure(NamedTuple):
    """What is counted, in which unit: how much of a part is used, and how much an entry takes of it."""

    unit: Unit
    used: Callable[[State, Limits, Part], Decimal]
    more: Callable[[Limits, Entry], Decimal]


def one_more(limits: Limits, entry: Entry) -> Decimal:
    """Returns what an entry takes where entries are counted, or their slots."""
    return Decimal(1)


def _slots(state: State, limits: Limits, part: Part) -> Decimal:
    return Decimal(slots_of(state, part.counts))


def _contracts(state: State, limits: Limits, part: Part) -> Decimal:
    return contracts_of(state, limits, part.counts)


def _contracts_asked(limits: Limits, entry: Entry) -> Decimal:
    return weighed(limits, entry.symbol, entry.size)


SLOTS = Measure("positions", _slots, one_more)
CONTRACTS = Measure("contracts", _contracts, _contracts_asked)

Parts = Callable[[State, Limits, Entry | None], Iterable[Part]]
"""Which parts an entry falls into; without one, all that anything was taken of."""


class Exposure(NamedTuple):
    """A rule of exposure by its `code`, which is its limit too; `what` there may be at most, in words."""

    code: str
    what: str
    parts: Parts
    measure: Measure
    beside: tuple[str, ...] = ()

    def rule(self) -> Rule:
        """Returns it as a rule of the table."""
        keys = (self.code, *self.beside)
        return Rule(self.code, self.may_enter, keys, read_each=self.readings, broken=self.broken)

    def may_enter(self, state: State, limits: Limits, request: EntryRequested) -> Denial | None:
        """Objects where an entry would be more than there may be."""
        more = self.measure.more(limits, request)
        for part in self.parts(state, limits, request):
            used = self.measure.used(state, limits, part)
            if used + more > part.most:
                asked = f"{plain_count(used)} used, {plain_count(more)} more asked"
                return Denial(self.code, f"{self._limit(part)} reached: {asked}. {occupied(state)}".rstrip())
        return None

    def broken(self, state: State, limits: Limits, entry: Entry) -> Iterator[Denial]:
        """Yields what is taken beyond the limit where the entry is, once it is among what is taken."""
        for part in self.parts(state, limits, entry):
            used = self.measure.used(state, limits, part)
            if used > part.most:
                yield Denial(self.code, f"{self._limit(part)} exceeded: {plain_count(used)} used")

    def readings(self, state: State, limits: Limits) -> list[Reading]:
        """Returns where each part stands, the nearest to its limit first."""
        found = [self._reading(state, limits, part) for part in self.parts(state, limits, None)]
        return sorted(found, key=lambda one: (one.left, one.of))[:_MOST_READINGS]

    def _reading(self, state: State, limits: Limits, part: Part) -> Reading:
        used = self.measure.used(state, limits, part)
        left = max(ZERO, part.most - used)
        return Reading(self.measure.unit, part.most, used, left, part.most, self.what, part.shown)

    def _limit(self, part: Part) -> str:
        return f"{self.what.capitalize()} of {part.shown} ({plain_count(part.most)})"
