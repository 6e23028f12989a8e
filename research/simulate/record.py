"""A simulation as columns of whole cents and milliseconds: what figures are measured on.

The fold's simulation and the kernel's come to the same record, so that every figure is defined once for both.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from portfold.research.simulate.simulator import Simulated

Whole = NDArray[np.int64]


class Record(NamedTuple):
    """One simulation: the trades that were taken, the curve at the end of each moment, the days.

    A trade is its index in the timeline's trades. `unknown` are trades that a stop closed whose P&L could not
    be known then. A day has its `points`, how many the curve had when it ended.
    """

    trade: Whole
    closed_ms: Whole
    cents: Whole
    forced: NDArray[np.bool_]
    unknown: NDArray[np.bool_]
    curve: Whole
    days: tuple[str, ...]
    day_cents: Whole
    day_points: Whole
    stops: int
    denied: int
    open_at_end: int

    @property
    def requested(self) -> int:
        """Counts the entries that were requested."""
        return len(self.trade) + self.denied + self.open_at_end


def record_of(simulated: Simulated) -> Record:
    """Returns the columns of the fold's simulation."""
    taken = simulated.taken
    return Record(
        trade=_whole([one.trade for one in taken]),
        closed_ms=_whole([one.closed_ms for one in taken]),
        cents=_whole([round(one.pnl.scaleb(2)) for one in taken]),
        forced=np.array([one.forced for one in taken], np.bool_),
        unknown=np.array([one.forced and not one.known for one in taken], np.bool_),
        curve=_whole([round(point.scaleb(2)) for point in simulated.curve]),
        days=tuple(day.date for day in simulated.days),
        day_cents=_whole([round(day.pnl.scaleb(2)) for day in simulated.days]),
        day_points=_whole([day.points for day in simulated.days]),
        stops=len(simulated.stop_days),
        denied=len(simulated.denied),
        open_at_end=simulated.open_at_end,
    )


def _whole(values: list[int]) -> Whole:
    return np.array(values, np.int64)
