"""What the kills did, and what came of it."""

from collections import Counter

from msgspec import Struct, field


class Report(Struct):
    """`wrong` is empty when everything holds. `exits`: fills that closed something at a broker."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    events: int = 0
    archived: int = 0
    acknowledged: int = 0
    requests: int = 0
    told: int = 0
    terms: int = 0
    exits: int = 0
    wrong: list[str] = field(default_factory=list)
