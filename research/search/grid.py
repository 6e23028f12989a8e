"""The grid of a search: numbers of positions times daily stops; in each of its cells sets are compared.

Nothing but the limits differs between cells, so that all of them share trades, lots and account.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import product
from typing import NamedTuple

from portfold.research.simulate.scenario import Scenario


class Cell(NamedTuple):
    """The limits under which sets are compared: dollars of the daily stop, and how many positions."""

    daily_stop: Decimal
    max_positions: int


def cells(stops: Sequence[Decimal], levels: Sequence[int]) -> list[Cell]:
    """Lists the cells, one stop after the other."""
    return [Cell(*each) for each in product(stops, levels)]


def own_stop(scenario: Scenario) -> Decimal:
    """Returns the daily stop of the scenario itself."""
    return scenario.limits.daily_stop_loss
