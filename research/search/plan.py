"""The plan of a search: what is searched, how, and how much there is to do."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from portfold.pieces.place import Place
from portfold.research.kernel.available import UseKernel, why_not
from portfold.research.search.all_sets import Objective
from portfold.research.search.grid import own_stop
from portfold.research.search.search import Constraints, sets_greedy_measures
from portfold.research.search.swaps import steps_about
from portfold.research.simulate.scenario import Scenario

FEASIBLE_TRADE_EVENTS = 10_000_000
"""By default all sets are measured where they have at most so many entries and exits: minutes, not hours."""
FEASIBLE_COMPILED_TRADE_EVENTS = 5_000_000_000
"""The same at compiled speed: two minutes or so."""
SOON_DONE_TRADE_EVENTS = 500_000

AllSets = Literal["auto", "always", "never"]


class SearchPlan(Struct, frozen=True):
    """The search to run: numbers of positions, constraints, whether over all sets, and where it is done.

    The file of a symbol was the best of so many `variants`, as far as is known. `kernel`: whether sets are
    simulated at compiled speed; by default where that is worth compiling. `stops` are the daily stops, each
    searched with every number of positions; without any it is that of the scenario.
    """

    levels: Sequence[int]
    constraints: Constraints
    all_sets: AllSets
    place: Place
    seed: int
    variants: Mapping[str, int] = {}
    kernel: UseKernel = "auto"
    objective: Objective = "sharpe"
    stops: Sequence[Decimal] = ()

    @property
    def cells(self) -> int:
        """Counts the cells of the grid."""
        return len(self.levels) * max(1, len(self.stops))

    def stops_of(self, scenario: Scenario) -> tuple[Decimal, ...]:
        """Returns the daily stops to search, that of the scenario first."""
        own = own_stop(scenario)
        return (own, *(stop for stop in self.stops if stop != own))


class SearchExtent(Struct, frozen=True):
    """How many sets are to be measured, whether these are all sets, and how many all would be.

    `swaps` is about how many are looked at by swaps beside, where not all are.
    """

    measured: int
    all_sets: bool
    of_all: int
    swaps: int = 0


def extent(scenario: Scenario, plan: SearchPlan) -> SearchExtent:
    """Counts the sets that the plan measures."""
    of_all = plan.cells * (2 ** len(scenario.symbols) - 1)
    feasible = FEASIBLE_COMPILED_TRADE_EVENTS if by_kernel(scenario, plan) else FEASIBLE_TRADE_EVENTS
    few = _trade_events_of_all_sets(scenario) * plan.cells <= feasible
    if plan.all_sets == "always" or (plan.all_sets == "auto" and few):
        return SearchExtent(of_all, all_sets=True, of_all=of_all)
    measured = plan.cells * sets_greedy_measures(len(scenario.symbols))
    swaps = plan.cells * steps_about(len(scenario.symbols)) if plan.all_sets == "auto" else 0
    return SearchExtent(measured, all_sets=False, of_all=of_all, swaps=swaps)


def by_kernel(scenario: Scenario, plan: SearchPlan) -> bool:
    """Returns whether the sets are simulated at compiled speed. What is found the fold judges."""
    if plan.kernel == "never" or why_not(scenario):
        return False
    measured = plan.cells * sets_greedy_measures(len(scenario.symbols))
    return plan.kernel == "always" or len(scenario.timeline.trades) * measured > SOON_DONE_TRADE_EVENTS


def _trade_events_of_all_sets(scenario: Scenario) -> int:
    """Counts the entries and exits of all sets together: each symbol is in half of the sets."""
    half: int = 2 ** (len(scenario.symbols) - 1)
    return 2 * len(scenario.timeline.trades) * half
