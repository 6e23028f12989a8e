"""Orders about a worker or a symbol alone, drawn beside the schedule: in every third seed, there often."""

from random import Random
from typing import NamedTuple

_GAP_MS = 2_500
_ORDERS = {"close scope": 2, "flatten scope": 2, "open scope": 3, "open all scopes": 2}


class ScopedOrder(NamedTuple):
    """At `ms` the operator orders `what`, about the scope in `how`."""

    ms: int
    who: str
    what: str
    how: dict[str, str]


def drawn_scoped(seed: int, operator: str, workers: dict[str, str], until_ms: int) -> list[ScopedOrder]:
    """The orders of a seed, in the order of time; of most seeds none."""
    random = Random(f"{seed}:scopes")
    if random.random() > 1 / 3:
        return []
    ms, found = 500 + int(random.expovariate(1 / _GAP_MS)), []
    while ms < until_ms:
        (what,) = random.choices(list(_ORDERS), list(_ORDERS.values()))
        kind = random.choice(("worker", "symbol"))
        name = random.choice(list(workers) if kind == "worker" else list(workers.values()))
        found.append(ScopedOrder(ms, operator, what, {} if what == "open all scopes" else {kind: name}))
        ms += 1 + int(random.expovariate(1 / _GAP_MS))
    return found
