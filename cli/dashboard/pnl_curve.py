"""The day's P&L as a drawing of lines, with the stop below it: SVG, so that it needs no script.

Pure. Guarantees: whatever the values are, every coordinate lies within the drawing.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from portfold.coordinator.audit.report.curves import thinned
from portfold.dollars import shown

WIDTH, HEIGHT = 1000, 240
_MARGIN = Decimal("0.08")
_MOST_POINTS = 600

Point = tuple[int, Decimal]
"""A moment in milliseconds of the log's clock, and the day's P&L in dollars from it on."""


class Level(Struct, frozen=True):
    """A line across: `name` is what it stands for, `y` where it is drawn, `amount` dollars."""

    name: str
    amount: Decimal
    y: float

    @property
    def shown(self) -> str:
        """Returns the amount in dollars."""
        return shown(self.amount)


class PnlCurve(Struct, frozen=True):
    """What is drawn: the path of the P&L, the area under it, levels, and where its last point is."""

    line: str
    area: str
    levels: tuple[Level, ...]
    last_x: float
    last_y: float
    lowest: Decimal
    highest: Decimal


def pnl_curve(
    points: Sequence[Point], levels: Sequence[tuple[str, Decimal]], until_ms: int
) -> PnlCurve | None:
    """Returns the drawing of the points up to `until_ms`, with these levels; None without points."""
    if not points:
        return None
    few = thinned(points, -(-4 * len(points) // _MOST_POINTS)) if len(points) > _MOST_POINTS else points
    drawn = [*few, (max(until_ms, points[-1][0]), points[-1][1])]
    amounts = [amount for _, amount in drawn] + [amount for _, amount in levels] + [Decimal(0)]
    low, high = min(amounts), max(amounts)
    room = (high - low or Decimal(1)) * _MARGIN
    low, high = low - room, high + room
    first_ms = drawn[0][0]
    wide = max(1, drawn[-1][0] - first_ms)

    def x(ms: int) -> float:
        return round(WIDTH * (ms - first_ms) / wide, 1)

    def y(amount: Decimal) -> float:
        return round(float(HEIGHT * (high - amount) / (high - low)), 1)

    steps = [f"M{x(drawn[0][0])} {y(drawn[0][1])}"]
    for ms, amount in drawn[1:]:
        steps.append(f"H{x(ms)}V{y(amount)}")
    line = "".join(steps)
    return PnlCurve(
        line=line,
        area=f"{line}V{y(Decimal(0))}H0Z",
        levels=tuple(Level(name, amount, y(amount)) for name, amount in (*levels, ("zero", Decimal(0)))),
        last_x=x(drawn[-1][0]),
        last_y=y(drawn[-1][1]),
        lowest=min(amount for _, amount in points),
        highest=max(amount for _, amount in points),
    )
