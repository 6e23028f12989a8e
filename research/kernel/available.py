"""Whether a scenario can be simulated at compiled speed, and its kernel if so.

Nothing here needs numba: without it every scenario is simulated by the fold, more slowly.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

import numpy as np

from portfold.coordinator.fold.limits import limits_of
from portfold.pieces.place import HERE, Place
from portfold.research.search.all_sets import SurveyedSets
from portfold.research.search.search import Constraints
from portfold.research.simulate.scenario import Scenario
from portfold.research.statistics.lots import LotsSpread

if TYPE_CHECKING:
    from portfold.research.kernel.kernel import Kernel

UseKernel = Literal["auto", "always", "never"]

_WITHOUT_EFFECT = frozenset(("default_risk", "stop_costs"))
"""Limits that decide nothing by themselves: a loss budget, which the kernel does not know, asks for them."""
_OF_MARKS = frozenset(("marks_together_seconds",))
"""Limits that decide nothing where nothing is marked."""


def why_not(scenario: Scenario) -> str:
    """Says why the fold alone simulates the scenario; nothing where the kernel can."""
    if find_spec("numba") is None:
        return "numba is not installed (the extra `research` has it)"
    without_effect = _WITHOUT_EFFECT if scenario.timeline.marked else _WITHOUT_EFFECT | _OF_MARKS
    unknown = sorted(limits_of(scenario.limits).present - without_effect)
    if scenario.timeline.published:
        unknown.append("sessions of the exchange")
    return f"the kernel does not know {', '.join(unknown)}" if unknown else ""


def surveyed_sets(
    kernels: "Sequence[Kernel]",
    levels: Sequence[int],
    constraints: Constraints,
    on_progress: Callable[[int], object],
    place: Place = HERE,
) -> SurveyedSets:
    """Looks at all sets by each kernel with each of these numbers of positions, until Ctrl-C; says how many
    are done. On a cluster its workers do, else all threads of this process.

    Raises ClusterUnusable, ClusterUnreachable, WorkLost.
    """
    from portfold.research.kernel.quarters import Choices, Quarters  # noqa: PLC0415 - it needs numba
    from portfold.research.kernel.survey import account_of, survey  # noqa: PLC0415 - it needs numba

    account = account_of(kernels[0])
    choices = Choices(Quarters(account.quarter_of, account.quarter_bounds), constraints)
    found = survey(kernels, levels, on_progress, choices, place if place.cluster else HERE)
    return SurveyedSets(kernels, found, choices, constraints, np.diff(account.parts).tolist())


def spread(kernel: "Kernel", symbols: Sequence[str], max_positions: int, seed: int) -> LotsSpread | None:
    """Plays a set in the order of many drawings of lots; None where no lot decides anything."""
    from portfold.research.kernel.lots import lots_spread  # noqa: PLC0415 - it needs numba

    return lots_spread(kernel, symbols, max_positions, seed)


def kernel_of(scenario: Scenario) -> "Kernel | None":
    """Returns the kernel of the scenario; None where the fold alone can simulate it."""
    if why_not(scenario):
        return None
    from portfold.research.kernel.kernel import Kernel  # noqa: PLC0415 - it needs numba

    return Kernel(scenario)
