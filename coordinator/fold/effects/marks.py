"""Marks that cannot be believed at once: one that jumps needs a second one within a bound of time.

Until then it counts for nothing, so that one bad tick ends no day and raises no peak, and entries are denied.
A second one is of another moment of the market, where marks name theirs, whatever source it comes by: a last
price that is told again is the same tick. Guarantees: a realized loss is never delayed; once the bound is
over a loss counts, confirmed or not; a profit counts only once it is confirmed.
"""

from decimal import Decimal

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import Doubt
from portfold.coordinator.fold.rules import table
from portfold.coordinator.fold.state import Position, State
from portfold.events.decisions import Decision, MarkDoubted
from portfold.events.incoming import PositionMarked
from portfold.events.stream_id import StreamId

_MOMENTS_SINCE = 10


def is_believed(limits: Limits, at: StreamId, held: Position, event: PositionMarked) -> bool:
    """Returns whether the mark counts at once: it does not jump, or it confirms one that did before it."""
    most = limits.jumps.get(held.symbol)
    if most is None or abs(event.price - _believed(held)) <= most:
        return True
    doubt = held.doubt
    if doubt is None or at.ms <= doubt.since_ms or abs(event.price - doubt.price) > most:
        return False
    return not event.moment_ms or event.moment_ms != doubt.moment_ms


def doubt(
    state: State, at: StreamId, held: Position, event: PositionMarked, unrealized: Decimal
) -> list[Decision]:
    """Remembers a mark that is not believed; says so once, until a mark is believed again."""
    before = held.doubt
    since_ms = before.since_ms if before is not None else at.ms
    moment_ms = event.moment_ms if state.fold_version >= _MOMENTS_SINCE else 0
    held.doubt = Doubt(event.price, unrealized, since_ms, moment_ms)
    if before is not None or state.limits is None:
        return []
    return [
        MarkDoubted(
            worker=held.worker,
            symbol=held.symbol,
            price=event.price,
            before=_believed(held),
            until_ms=at.ms + _bound_ms(state.limits),
        )
    ]


def doubts_end(state: State) -> list[int]:
    """Returns when each doubt will be over."""
    limits = state.limits
    if limits is None:
        return []
    doubts = (held.doubt for held in state.positions.values())
    return [one.since_ms + _bound_ms(limits) for one in doubts if one is not None]


def end_doubts(state: State, at: StreamId) -> list[Decision]:
    """Counts each loss that has waited for so long as it may; drops a profit that nobody confirmed."""
    limits = state.limits
    if limits is None:
        return []
    over = False
    for held in state.positions.values():
        waiting = held.doubt
        if waiting is None or at.ms < waiting.since_ms + _bound_ms(limits):
            continue
        held.doubt, over = None, True
        if waiting.unrealized < held.unrealized:
            held.mark, held.unrealized, held.apart = waiting.price, waiting.unrealized, None
    return table.watch(state, at) if over else []


def _bound_ms(limits: Limits) -> int:
    """Returns how long a doubt lasts: not at all once no mark is doubted any more."""
    return limits.mark_confirm_seconds * 1000 if limits.mark_jumps else 0


def _believed(held: Position) -> Decimal:
    if held.apart is not None:
        return held.apart.price
    return held.price if held.mark is None else held.mark
