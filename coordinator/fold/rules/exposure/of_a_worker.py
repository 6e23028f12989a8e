"""What there may be of one worker: positions, contracts by weight, entries of a day or week.

What somebody else closes for a worker is still its own until it is closed, and what nobody owns is nobody's.
"""

from collections.abc import Iterator
from decimal import Decimal

from portfold.by_name import by_name
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.pace.entered import in_day, in_week, pending
from portfold.coordinator.fold.rules.exposure.counted import (
    CONTRACTS,
    SLOTS,
    Exposure,
    Measure,
    Part,
    Parts,
    one_more,
)
from portfold.coordinator.fold.rules.rule import Entry
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.taken import by_worker


def _workers(key: str) -> Parts:
    """Returns the workers that the limit `key` has a number for."""

    def parts(state: State, limits: Limits, entry: Entry | None) -> Iterator[Part]:
        mosts = by_name(getattr(limits, key))
        for name in [entry.worker] if entry is not None else sorted(state.workers):
            most = mosts.of(name)
            if most is not None:
                yield Part(name, f"worker {name}", by_worker(name), most)

    return parts


def _entries(state: State, limits: Limits, part: Part) -> Decimal:
    known = state.workers.get(part.name)
    return Decimal(in_day(state, known.today if known else None) + pending(state, part.counts))


def _entries_of_week(state: State, limits: Limits, part: Part) -> Decimal:
    known = state.workers.get(part.name)
    return Decimal(in_week(state, known.today if known else None) + pending(state, part.counts))


_ENTRIES = Measure("entries", _entries, one_more)
_OF_WEEK = Measure("entries", _entries_of_week, one_more)
POSITIONS = Exposure("worker_positions", "max positions", _workers("worker_positions"), SLOTS).rule()
BY_WEIGHT = Exposure("worker_contracts", "max contracts", _workers("worker_contracts"), CONTRACTS).rule()
ENTRIES = Exposure(
    "worker_entries", "max entries of the trading day", _workers("worker_entries"), _ENTRIES
).rule()
ENTRIES_OF_WEEK = Exposure(
    "worker_entries_week", "max entries of the week", _workers("worker_entries_week"), _OF_WEEK
).rule()
