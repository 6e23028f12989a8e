"""Numbers by name, as limits write them: `2 ES=4` is 2 for each and 4 for ES. 0 is no number.

Guarantees: reads whatever the patterns of the limits let pass, and nothing that is read is ambiguous: of a
name given twice `repeated` tells, and the file and the log refuse it.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

_ONE = Decimal(1)


class ByName(NamedTuple):
    """A number for each name, None for none, and those of the names that have their own."""

    each: Decimal | None
    named: Mapping[str, Decimal | None]

    def of(self, name: str) -> Decimal | None:
        """Returns the number of the name, None for none."""
        return self.named.get(name, self.each)


@lru_cache(maxsize=256)
def by_name(text: str) -> ByName:
    """Reads the numbers."""
    each, named = None, {}
    for word in text.split(" ") if text else ():
        name, _, number = word.rpartition("=")
        if name:
            named[name] = Decimal(number) or None
        else:
            each = Decimal(number) or None
    return ByName(each, named)


def no_larger(here: str, there: str) -> bool:
    """Returns whether each name has a number there that is no larger than the one it has here, if any."""
    first, second = by_name(here), by_name(there)
    pairs = [(first.of(name), second.of(name)) for name in (*first.named, *second.named)]
    return all(
        before is None or (after is not None and after <= before)
        for before, after in [*pairs, (first.each, second.each)]
    )


def no_shorter(here: str, there: str) -> bool:
    """Returns whether each name has minutes there that are no fewer than here: none is without an end."""
    first, second = by_name(here), by_name(there)
    pairs = [(first.of(name), second.of(name)) for name in (*first.named, *second.named)]
    return all(
        after is None or (before is not None and after >= before)
        for before, after in [*pairs, (first.each, second.each)]
    )


def no_shorter_span(here: str, there: str) -> bool:
    """Returns whether each name counts over minutes there that are no fewer than here.

    None is in a row, which is neither more nor less than that.
    """
    first, second = by_name(here), by_name(there)
    pairs = [(first.of(name), second.of(name)) for name in (*first.named, *second.named)]
    return all(
        before == after or (before is not None and after is not None and after >= before)
        for before, after in [*pairs, (first.each, second.each)]
    )


def no_larger_burst(here: str, there: str) -> bool:
    """Returns whether each name has a burst there that is no larger than here: none is one at once."""
    first, second = by_name(here), by_name(there)
    pairs = [(first.of(name), second.of(name)) for name in (*first.named, *second.named)]
    return all((after or _ONE) <= (before or _ONE) for before, after in [*pairs, (first.each, second.each)])


def no_lighter(here: str, there: str) -> bool:
    """Returns whether each symbol has a weight there that is no smaller than the one it has here."""
    first, second = by_name(here).named, by_name(there).named
    names = (*first, *second)
    return all((second.get(name) or _ONE) >= (first.get(name) or _ONE) for name in names)


def repeated(text: str) -> bool:
    """Returns whether a name, or the number for each, is there twice."""
    return _twice(word.rpartition("=")[0] for word in text.split(" "))


@lru_cache(maxsize=64)
def groups_of(text: str) -> Mapping[str, tuple[str, ...]]:
    """Reads `equities=ES,MES energy=CL`: the symbols of each group, by its name."""
    pairs = (word.split("=") for word in text.split(" ") if word)
    return {name: tuple(symbols.split(",")) for name, symbols in pairs}


def no_narrower(here: str, there: str) -> bool:
    """Returns whether each group of here is there with all its symbols: the wider, the more counts to it."""
    found = groups_of(there)
    return all(set(symbols) <= set(found.get(name, ())) for name, symbols in groups_of(here).items())


def member_repeated(text: str) -> bool:
    """Returns whether a group names a symbol twice."""
    return any(_twice(word.partition("=")[2].split(",")) for word in text.split(" "))


def _twice(words: Iterable[str]) -> bool:
    found = list(words)
    return len(set(found)) != len(found)


class Step(NamedTuple):
    """A step of a ladder: from so many dollars of equity on, so many contracts."""

    dollars: Decimal
    contracts: int


@lru_cache(maxsize=64)
def steps_of(text: str) -> tuple[Step, ...]:
    """Reads `50000=2 55000=3`, in its order."""
    pairs = (word.split("=") for word in text.split(" ") if word)
    return tuple(Step(Decimal(dollars), int(contracts)) for dollars, contracts in pairs)


def contracts_at(text: str, dollars: Decimal) -> int:
    """Returns how many contracts the ladder allows at that equity; none below its lowest step."""
    return max((step.contracts for step in steps_of(text) if dollars >= step.dollars), default=0)


def no_higher(here: str, there: str) -> bool:
    """Returns whether the ladder there allows no more than the one here, at whatever equity."""
    if not here:
        return True
    rises = [step.dollars for step in steps_of(there)]
    return bool(rises) and all(contracts_at(there, at) <= contracts_at(here, at) for at in rises)


def is_ascending(steps: tuple[Step, ...]) -> bool:
    """Returns whether each step is above the one before it, in dollars, and allows no less."""
    return all(
        low.dollars < high.dollars and low.contracts <= high.contracts for low, high in pairwise(steps)
    )
