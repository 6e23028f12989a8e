"""How often may be entered in a trading day and in a week: in all, and in a symbol.

Guarantees: exits are never counted, so scaling out of a position takes no entry; a slot counts until it ends,
and what was given back or expired unfilled does not.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

from portfold.by_name import by_name
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.pace.entered import (
    in_day,
    in_week,
    of_portfolio,
    of_portfolio_week,
    pending,
    symbols_entered,
)
from portfold.coordinator.fold.pace.remembered import SymbolPace
from portfold.coordinator.fold.rules.exposure.counted import Exposure, Measure, Part, Parts, one_more
from portfold.coordinator.fold.rules.rule import Entry
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.taken import Held, in_symbols


def _all(one: Held) -> bool:
    return True


def _whole(key: str) -> Parts:
    """Returns the whole portfolio as the one part that the limit `key` is of."""

    def parts(state: State, limits: Limits, entry: Entry | None) -> Iterator[Part]:
        yield Part("", "the portfolio", _all, Decimal(getattr(limits, key)))

    return parts


def _symbols(key: str) -> Parts:
    """Returns the symbols that the limit `key` has a number for."""

    def parts(state: State, limits: Limits, entry: Entry | None) -> Iterator[Part]:
        mosts = by_name(getattr(limits, key))
        for name in [entry.symbol] if entry is not None else symbols_entered(state, limits):
            most = mosts.of(name)
            if most is not None:
                yield Part(name, name, in_symbols((name,)), most)

    return parts


def _in_all(filled: Callable[[State], int]) -> Measure:
    def used(state: State, limits: Limits, part: Part) -> Decimal:
        return Decimal(filled(state) + pending(state, part.counts))

    return Measure("entries", used, one_more)


def _in_symbol(filled: Callable[[State, SymbolPace | None], int]) -> Measure:
    def used(state: State, limits: Limits, part: Part) -> Decimal:
        return Decimal(filled(state, state.pace.symbols.get(part.name)) + pending(state, part.counts))

    return Measure("entries", used, one_more)


_DAY, _WEEK = "max entries of the trading day", "max entries of the week"
OF_DAY = Exposure("max_entries", _DAY, _whole("max_entries"), _in_all(of_portfolio)).rule()
OF_WEEK = Exposure("max_entries_week", _WEEK, _whole("max_entries_week"), _in_all(of_portfolio_week)).rule()
SYMBOL_OF_DAY = Exposure("symbol_entries", _DAY, _symbols("symbol_entries"), _in_symbol(in_day)).rule()
SYMBOL_OF_WEEK = Exposure(
    "symbol_entries_week", _WEEK, _symbols("symbol_entries_week"), _in_symbol(in_week)
).rule()
