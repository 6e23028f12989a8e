"""Numbers by name, as limits write them: `2 ES=4` is 2 for each and 4 for ES. 0 is no number.

Guarantees: reads whatever the patterns of the limits let pass, and nothing that is read is ambiguous: of a
name given twice `repeated` tells, and the file and the log refuse it.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from portfold.bounds import MOST_GROUPS, MOST_NAMED, MOST_SYMBOLS

_ONE, _NONE = Decimal(1), Decimal(0)


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


def no_looser(here: str, there: str) -> str:
    """Returns the smaller number of each name of the two; where one of them has none, that of the other.

    What would be more names than a limit may have leaves `here` as it is.
    """
    first, second = by_name(here), by_name(there)
    each = _smaller(first.each, second.each)
    names = {name: _smaller(first.of(name), second.of(name)) for name in (*first.named, *second.named)}
    own = [f"{name}={number or _NONE:f}" for name, number in names.items() if number != each]
    words = [*([f"{each:f}"] if each is not None else []), *own]
    return " ".join(words) if len(words) <= MOST_NAMED else here


def heavier(here: str, there: str) -> str:
    """Returns the larger weight of each symbol of the two: what counts more leaves room for less."""
    first, second = by_name(here).named, by_name(there).named
    found = {name: max(first.get(name) or _ONE, second.get(name) or _ONE) for name in (*first, *second)}
    words = [f"{name}={weight:f}" for name, weight in found.items() if weight != _ONE]
    return " ".join(words) if len(words) <= MOST_SYMBOLS else here


def _smaller(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return min((number for number in (one, other) if number is not None), default=None)


def repeated(text: str) -> bool:
    """Returns whether a name, or the number for each, is there twice."""
    return _twice(word.rpartition("=")[0] for word in text.split(" "))


@lru_cache(maxsize=64)
def groups_of(text: str) -> Mapping[str, tuple[str, ...]]:
    """Reads `equities=ES,MES energy=CL`: the symbols of each group, by its name."""
    pairs = (word.split("=") for word in text.split(" ") if word)
    return {name: tuple(symbols.split(",")) for name, symbols in pairs}


def wider_groups(here: str, there: str) -> str:
    """Returns the groups of both, each with the symbols of both: the wider a group, the more counts to it."""
    first, second = groups_of(here), groups_of(there)
    found = {name: dict.fromkeys((*first.get(name, ()), *second.get(name, ()))) for name in (*first, *second)}
    if len(found) > MOST_GROUPS or any(len(symbols) > MOST_SYMBOLS for symbols in found.values()):
        return here
    return " ".join(f"{name}={','.join(symbols)}" for name, symbols in found.items())


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


def is_ascending(steps: tuple[Step, ...]) -> bool:
    """Returns whether each step is above the one before it, in dollars, and allows no less."""
    return all(
        low.dollars < high.dollars and low.contracts <= high.contracts for low, high in pairwise(steps)
    )
