"""How many contracts of one symbol there may be at once, of all workers and both sides together.

Contracts of one symbol are alike, so each counts 1 here, whatever its weight is elsewhere.
"""

from collections.abc import Iterator
from decimal import Decimal

from portfold.by_name import by_name
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.exposure.counted import Exposure, Measure, Part
from portfold.coordinator.fold.rules.rule import Entry
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.taken import in_symbols, taken

_CODE = "max_symbol_contracts"


def _symbols(state: State, limits: Limits, entry: Entry | None) -> Iterator[Part]:
    mosts = by_name(limits.max_symbol_contracts)
    names = {one.symbol for one in taken(state)} if entry is None else {entry.symbol}
    for name in sorted(names):
        most = mosts.of(name)
        if most is not None:
            yield Part(name, name, in_symbols((name,)), most)


def _used(state: State, limits: Limits, part: Part) -> Decimal:
    return Decimal(sum(one.size for one in taken(state) if part.counts(one)))


def _asked(limits: Limits, entry: Entry) -> Decimal:
    return Decimal(entry.size)


_EACH = Measure("contracts", _used, _asked)
RULE = Exposure(_CODE, "max contracts", _symbols, _EACH).rule()
