"""What closes as a limit is reached: the day's stop, a limit of money that flattens, one worker's own."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from portfold.events.decisions import Decision, FlattenOrdered, LimitReached, StopLossTriggered, first


class ClosingAll(NamedTuple):
    """What is to be closed, everything or a worker's: by which rule, at which figure; what may still fill."""

    rule: str
    pnl: Decimal
    limit: Decimal
    positions: str
    pending: str


def closing_all(decisions: Sequence[Decision]) -> ClosingAll | None:
    """Returns what closed everything on an event; the day's stop where several did."""
    stop = first(StopLossTriggered, decisions)
    if stop is not None:
        return ClosingAll("stopped_out", stop.daily_pnl, stop.limit, stop.positions, stop.pending)
    reached = next(
        (one for one in decisions if isinstance(one, LimitReached) and one.action == "flatten"), None
    )
    ordered = first(FlattenOrdered, decisions)
    if reached is None or ordered is None:
        return None
    return ClosingAll(reached.rule, reached.now, reached.limit, ordered.positions, ordered.pending)
