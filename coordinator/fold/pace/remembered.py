"""What the rules of pace remember: how often was entered, and how many trades in a row were lost.

Plain structs with a small reading, a part of the state. Everything is bounded: symbols by the constant here,
the rest is numbers.
"""

from msgspec import Struct, field

from portfold.coordinator.fold.money_state import WorkerDay
from portfold.exchange_time import week_of

SYMBOLS_REMEMBERED = 128
"""Twice what may be traded: one that may not be any more is the first to be forgotten."""


class SymbolPace(Struct):
    """Entries in a symbol on the trading day `date`, `entered_before` of the days before in its week; and how
    many of its last trades were `losses`, one after the other. `lost_at` is as with `Pace`.
    """

    date: str
    entered: int = 0
    entered_before: int = 0
    losses: int = 0
    lost_at: list[int] = field(default_factory=list)


def entered_before(known: WorkerDay | SymbolPace, today: str) -> int:
    """Counts the entries of the days before in the week of the trading day."""
    if known.date == today:
        return known.entered_before
    if not known.date or week_of(known.date) != week_of(today):
        return 0
    return known.entered_before + known.entered


class WorkerPace(Struct):
    """How many of a worker's last trades were `losses`, and what it has taken of its rate.

    `debt` is that as it was at `debt_ms`, in the units of the rule of the rate. `lost_at` is as with `Pace`.
    """

    losses: int = 0
    debt: int = 0
    debt_ms: int = 0
    lost_at: list[int] = field(default_factory=list)


class Pace(Struct):
    """The pace of the whole portfolio, and of its symbols; a worker's is with the worker.

    `lost_at` are the times of the latest losing trades, where the limits count those of some minutes.
    """

    losses: int = 0
    symbols: dict[str, SymbolPace] = field(default_factory=dict)
    lost_at: list[int] = field(default_factory=list)
