"""What there may be of one worker: positions, contracts by weight, entries of a trading day.

What somebody else closes for a worker is still its own until it is closed, and what nobody owns is nobody's.
"""

from collections.abc import Iterator
from decimal import Decimal

from portfold.by_name import by_name
from portfold.coordinator.fold.limits import Limits
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
from portfold.coordinator.fold.worker_day import entries_today


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
    return Decimal(entries_today(state, part.name))


_ENTRIES = Measure("entries", _entries, one_more)
POSITIONS = Exposure("worker_positions", "max positions", _workers("worker_positions"), SLOTS).rule()
BY_WEIGHT = Exposure("worker_contracts", "max contracts", _workers("worker_contracts"), CONTRACTS).rule()
ENTRIES = Exposure(
    "worker_entries", "max entries of the trading day", _workers("worker_entries"), _ENTRIES
).rule()
