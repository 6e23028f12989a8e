"""What was lived beside what was expected: each figure with its band, and how rare so little P&L is. Pure."""

from collections.abc import Callable

from msgspec import Struct

from portfold.coordinator.expected.bands import HISTORIES, Band, Totals, as_bad, band, histories
from portfold.coordinator.expected.lived import Expectation, Lived

Figure = Callable[[Totals], float | None]


def _share(part: Callable[[Totals], int], whole: Callable[[Totals], int]) -> Figure:
    return lambda one: part(one) / whole(one) if whole(one) else None


FIGURES: dict[str, Figure] = {
    "pnl": lambda one: one.pnl,
    "trades": lambda one: one.trades,
    "win_rate": _share(lambda one: one.won, lambda one: one.trades),
    "block_rate": _share(lambda one: one.denied, lambda one: one.asked),
    "stops": lambda one: one.stops,
}
"""Dollars, closed trades, the share of those that won, the share of entries that were denied, daily stops."""


class Beside(Struct, frozen=True):
    """A figure beside its band. `lived` None: nothing traded, or asked for; `band` None: never expected."""

    name: str
    lived: float | None
    band: Band | None

    @property
    def outside(self) -> bool:
        """Returns whether the figure lies outside of what 95 of 100 histories come to."""
        return self.lived is not None and self.band is not None and not self.band.holds(self.lived)


class Comparison(Struct, frozen=True):
    """So many days beside the expected ones. `as_bad` of the `histories` drawn made as little, or less."""

    lived: Lived
    figures: tuple[Beside, ...]
    as_bad: int
    histories: int


def compare(lived: Lived, expectation: Expectation) -> Comparison | None:
    """Holds the days against those expected; None before the first is over."""
    if not lived.days:
        return None
    drawn = histories(expectation.days, lived.days)
    came = Totals(float(lived.pnl), lived.trades, lived.won, lived.asked, lived.denied, lived.stops)
    figures = tuple(Beside(name, figure(came), band(drawn, figure)) for name, figure in FIGURES.items())
    return Comparison(lived, figures, as_bad(drawn, came.pnl), HISTORIES)
