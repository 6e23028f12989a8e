"""Lockouts, drawn beside the schedule: in every fifth seed, for seconds, some too short or past."""

from random import Random
from typing import Any, NamedTuple

_GAP_MS = 4_000


class OrderedLockout(NamedTuple):
    """At `ms` the operator locks out for so long as is in `how`."""

    ms: int
    who: str
    what: str
    how: dict[str, Any]


def drawn_lockouts(seed: int, operator: str, until_ms: int) -> list[OrderedLockout]:
    """The orders of a seed, in the order of time; of most seeds none."""
    random = Random(f"{seed}:lockouts")
    if random.random() > 1 / 5:
        return []
    ms, found = 500 + int(random.expovariate(1 / _GAP_MS)), []
    while ms < until_ms:
        lasting_ms = random.choice((-5, 300, 800, 800, 2_000, 5_000, 32 * 24 * 60 * 60 * 1000))
        found.append(OrderedLockout(ms, operator, "lock out", {"ms": lasting_ms}))
        ms += 1 + int(random.expovariate(1 / _GAP_MS))
    return found
