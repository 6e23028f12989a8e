"""Whether a scenario can be simulated at compiled speed, and its kernel if so.

Nothing here needs numba: without it every scenario is simulated by the fold, more slowly.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

import numpy as np

from portfold.coordinator.fold.limits import limits_of
from portfold.research.search.all_sets import SurveyedSets
from portfold.research.search.search import Constraints
from portfold.research.simulate.scenario import Scenario

if TYPE_CHECKING:
    from portfold.research.kernel.kernel import Kernel

UseKernel = Literal["auto", "always", "never"]

_WITHOUT_EFFECT = frozenset(("marks_together_seconds", "default_risk", "stop_costs"))
"""Limits that decide nothing in a simulation: its marks name no moment, and no loss budget asks for risks."""


def why_not(scenario: Scenario) -> str:
    """Says why the fold alone simulates the scenario; nothing where the kernel can."""
    if find_spec("numba") is None:
        return "numba is not installed (the extra `research` has it)"
    unknown = sorted(limits_of(scenario.limits).present - _WITHOUT_EFFECT)
    return f"the kernel does not know {', '.join(unknown)}" if unknown else ""


def surveyed_sets(
    kernel: "Kernel", levels: Sequence[int], constraints: Constraints, on_progress: Callable[[int], object]
) -> SurveyedSets:
    """Looks at all sets with each of these numbers of positions; says how many are done."""
    from portfold.research.kernel.survey import account_of, survey  # noqa: PLC0415 - it needs numba

    surveys = survey(kernel, levels, on_progress)
    return SurveyedSets(kernel, surveys, constraints, np.diff(account_of(kernel).parts).tolist())


def kernel_of(scenario: Scenario) -> "Kernel | None":
    """Returns the kernel of the scenario; None where the fold alone can simulate it."""
    if why_not(scenario):
        return None
    from portfold.research.kernel.kernel import Kernel  # noqa: PLC0415 - it needs numba

    return Kernel(scenario)
