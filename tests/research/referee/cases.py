"""How many random cases the referee is given: a few in the suite, many by `make referee`."""

import os
from collections.abc import Sequence

import pytest

FEW = 25
_MANY = os.environ.get("PORTFOLD_REFEREE_CASES")

unhurried = pytest.mark.timeout(0 if _MANY else 180)
"""For tests of many cases: they take as long as they take, and a busy machine is no failure."""


def cases(few: int = FEW, *, once: Sequence[int] = ()) -> list[int]:
    """Returns the seeds of the cases; PORTFOLD_REFEREE_CASES says how many instead of `few`.

    `once`: those that both once differed on.
    """
    return [*once, *range(int(_MANY) if _MANY else few)]
