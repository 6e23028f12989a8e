"""Whether a scenario can be simulated at compiled speed, and its kernel if so.

Nothing here needs numba: without it every scenario is simulated by the fold, more slowly.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from portfold.coordinator.fold.limits import limits_of
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


def kernel_of(scenario: Scenario) -> "Kernel | None":
    """Returns the kernel of the scenario; None where the fold alone can simulate it."""
    if why_not(scenario):
        return None
    from portfold.research.kernel.kernel import Kernel  # noqa: PLC0415 - it needs numba

    return Kernel(scenario)
