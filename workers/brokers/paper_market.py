"""How the paper broker's market fills orders, where it is to be no kinder than a real one.

"broker": {"kind": "paper", "options": {"fills": {"parts": 3, "late_ms": 400, "cancel_share": 0.1}}}

Orders then come in parts, late, with a rest that is cancelled, or are rejected, so that strategies meet that
before the money does. Guarantees: what becomes of an order depends on the seed, on who gives it, on how many
he has given in this book before, and on its size, and on nothing else; without the option, or with an empty
one, each is filled at once and whole.
"""

import random
from decimal import Decimal
from typing import Annotated, NamedTuple

from msgspec import Struct

from portfold.config.rules import Approximate, Whole
from portfold.workers.brokers.legs_book import Entries

ORDERS_TABLE = "CREATE TABLE IF NOT EXISTS orders_given (sender TEXT PRIMARY KEY, count INTEGER NOT NULL)"
_MOST = Decimal("0.9")
_Share = Annotated[float, Approximate(Decimal(0), _MOST)]


class PaperFills(Struct, frozen=True):
    """An order has up to `parts` fills, each up to `late_ms` after the one before. `reject_share` of all
    orders are rejected, `cancel_share` of the others cancelled before they are filled whole.
    """

    parts: Annotated[int, Whole(1, 100)] = 1
    late_ms: Annotated[int, Whole(0, 10_000, "milliseconds")] = 0
    cancel_share: _Share = 0.0
    reject_share: _Share = 0.0
    seed: Annotated[int, Whole(0, 1_000_000_000)] = 0

    @property
    def longest_seconds(self) -> float:
        """How long an order can take."""
        return self.parts * self.late_ms / 1000


class Part(NamedTuple):
    """So many contracts are filled so many seconds after the part before."""

    size: int
    after_seconds: float


class Course(NamedTuple):
    """What becomes of an order: the parts that are filled, and what becomes of the rest."""

    parts: tuple[Part, ...]
    rejected: bool = False


def course_of(fills: PaperFills, sender: str, number: int, size: int) -> Course:
    """Returns what becomes of the sender's order of that number."""
    # Only this method of it, whose sequence Python promises to keep.
    draw = random.Random(f"{fills.seed} {sender} {number}").random
    if draw() < fills.reject_share:
        return Course((), rejected=True)
    sizes = [1] * (1 + int(draw() * min(fills.parts, size)))
    for _ in range(size - len(sizes)):
        sizes[int(draw() * len(sizes))] += 1
    parts = [Part(each, round(draw() * fills.late_ms) / 1000) for each in sizes]
    kept = int(draw() * len(parts)) if draw() < fills.cancel_share else len(parts)
    return Course(tuple(parts[:kept]))


def next_number(entries: Entries, sender: str) -> int:
    """Counts an order of the sender's. Returns its number, from 1."""
    execute = entries.connection.execute
    execute(
        "INSERT INTO orders_given (sender, count) VALUES (?, 1)"
        " ON CONFLICT (sender) DO UPDATE SET count = count + 1",
        (sender,),
    )
    (count,) = execute("SELECT count FROM orders_given WHERE sender = ?", (sender,)).fetchone()
    return int(count)
