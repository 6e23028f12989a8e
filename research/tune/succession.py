"""One strategy after another, each from its own bar on: as a worker started anew with other parameters.

All of them see every bar before their own begins, as a worker's warm-up shows it; only the one whose time it
is decides. What is open when it begins is its to leave.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct, structs

from portfold.config import TradingDayRoll
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.context import shown
from portfold.workers.strategies.intent import Intent, OwnPosition, Strategy, tell_if_gone
from portfold.workers.strategies.opened import OpenedStrategy


class Term(NamedTuple):
    """From the bar that ends `begins` on these `parameters` are traded by."""

    begins: datetime
    parameters: Struct


class Succession:
    """Decides by the strategy whose time it is; meets `intent.Strategy`."""

    def __init__(self, begins: Sequence[datetime], strategies: Sequence[Strategy]) -> None:
        self._begins, self._strategies = list(begins), list(strategies)

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:
        """Shows the bar to those whose time is to come, and returns what the one of now wants."""
        while len(self._begins) > 1 and self._begins[1] <= bar.time:
            del self._begins[0], self._strategies[0]
        for later in self._strategies[1:]:
            later.decide(bar, None)
        return self._strategies[0].decide(bar, held)

    def see(self, bar: Bar) -> None:
        """Shows a bar of the context to the one of now, and to those whose time is to come."""
        for strategy in self._strategies:
            shown(strategy, bar)

    def came_and_went(self) -> None:
        """Tells the one of now that its position was gone before a bar could show it."""
        tell_if_gone(self._strategies[0], None)


def succession_of(opened: OpenedStrategy, terms: Sequence[Term]) -> OpenedStrategy:
    """Returns what opens the strategy with the parameters of each term in its time."""

    def made(first: Struct, _: TradingDayRoll) -> Succession:
        rest = {name: getattr(first, name) for name in ("cooldown_bars",) if hasattr(first, name)}
        each = [structs.replace(term.parameters, **rest) for term in terms]
        strategies = [opened._replace(parameters=parameters).strategy() for parameters in each]
        return Succession([term.begins for term in terms], strategies)

    return opened._replace(parameters=terms[0].parameters, make=made, own=False)
