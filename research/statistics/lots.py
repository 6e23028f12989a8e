"""The spread of one set's figures over many drawings of lots, and its words."""

from decimal import Decimal

import numpy as np
from msgspec import Struct

from portfold.dollars import shown
from portfold.research.statistics.metrics import Floats

BINS = 40


class LotsSpread(Struct, frozen=True):
    """Sharpes over so many `drawings`: lowest, highest, middle, and between which nine tenths lie; the
    dollars made, lowest and highest.

    `counts` are how many drawings lie in each of as many equal steps from the lowest Sharpe to the highest.
    """

    drawings: int
    least: float
    low: float
    middle: float
    high: float
    most: float
    made_least: float
    made_most: float
    counts: tuple[int, ...]


def spread_of(sharpes: Floats, made: Floats) -> LotsSpread:
    """Returns the spread of these drawings."""
    least, low, middle, high, most = (float(one) for one in np.quantile(sharpes, (0, 0.05, 0.5, 0.95, 1)))
    counts, _ = np.histogram(sharpes, BINS, (least, most) if most > least else (least, least + 1))
    dollars = float(made.min()), float(made.max())
    return LotsSpread(len(sharpes), least, low, middle, high, most, *dollars, tuple(counts.tolist()))


def in_words(found: LotsSpread) -> str:
    """Says how much who was a millisecond sooner decides, to whoever is to trade it."""
    least, most = (
        shown(Decimal(round(made))).removesuffix(".00") for made in (found.made_least, found.made_most)
    )
    return (
        f"Who was a millisecond sooner: over {found.drawings:,} drawings of lots its Sharpe is "
        f"{found.least:.2f} to {found.most:.2f}, in nine tenths of them {found.low:.2f} to {found.high:.2f}, "
        f"in the middle {found.middle:.2f}; it makes {least} to {most}"
    )
