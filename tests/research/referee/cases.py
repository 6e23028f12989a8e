"""How many random cases the referee is given: a few in the suite, many by `make referee`."""

import os

FEW = 25


def cases(few: int = FEW) -> range:
    """Returns the seeds of the cases; PORTFOLD_REFEREE_CASES says how many instead of `few`."""
    return range(int(os.environ.get("PORTFOLD_REFEREE_CASES") or few))
