"""Limits of several numbers, read a second time and by none of the rules' code: `2 ES=4`, `both=ES,SI`."""

from fractions import Fraction


def number_of(limit: str, name: str) -> Fraction | None:
    """The number of this name in a limit such as `2 ES=4`; None where it has none, and 0 is none."""
    found = None
    for word in limit.split():
        whose, _, number = word.rpartition("=")
        if whose == name:
            return Fraction(number) or None
        if not whose:
            found = Fraction(number)
    return found or None


def weight_of(weights: str, symbol: str) -> Fraction:
    """How much a contract of the symbol counts."""
    return number_of(weights, symbol) or Fraction(1)


def symbols_of_group(groups: str, name: str) -> frozenset[str]:
    """The symbols of the group; none where there is no such."""
    words = dict(word.split("=") for word in groups.split())
    return frozenset(words[name].split(",")) if name in words else frozenset()


def groups_with(groups: str, symbol: str) -> dict[str, frozenset[str]]:
    """The groups that the symbol belongs to, each with all of its symbols."""
    words = (word.split("=") for word in groups.split())
    found = {name: frozenset(symbols.split(",")) for name, symbols in words}
    return {name: symbols for name, symbols in found.items() if symbol in symbols}
