"""Marks of one moment of the market count together: a hedged book is not stopped on half of them.

Each worker marks what it holds itself, so the marks of one bar come one after the other. Where limits say so,
a mark is kept apart until each open position is marked at its moment or later, and then all of them count.
What nobody marks any more is not waited for. Guarantees: none is kept for longer than the limits say, on the
log's time, however many follow it; what is realized is never delayed, but judged with what counts by then.
"""

from decimal import Decimal

from portfold.coordinator.fold.money_state import Apart
from portfold.coordinator.fold.rules import table
from portfold.coordinator.fold.state import Position, State
from portfold.events.decisions import Decision
from portfold.events.incoming import PositionMarked
from portfold.events.stream_id import StreamId


def take(
    state: State, at: StreamId, held: Position, event: PositionMarked, counted: Decimal
) -> list[Decision]:
    """Counts a mark that is believed, or keeps it apart until each open position is marked at its moment;
    `counted` is what the position makes by it.
    """
    limits = state.limits
    if limits is None or not (limits.marks_together_seconds and event.moment_ms):
        held.mark, held.unrealized, held.moment_ms = event.price, counted, event.moment_ms
        held.apart = None
        return table.watch(state, at)
    mark = Apart(event.price, counted, event.moment_ms, at.ms)
    if held.apart is not None:
        mark.since_ms = held.apart.since_ms  # so that marks without end put nothing off
    held.apart = mark
    if all(_is_marked_at(one, mark.moment_ms) for one in state.positions.values()):
        return count_together(state, at)
    return []


def count_together(state: State, at: StreamId) -> list[Decision]:
    """Counts every mark that is kept apart, and then looks at the limits, once."""
    kept = [(held, held.apart) for held in state.positions.values() if held.apart is not None]
    for held, mark in kept:
        _count(held, mark)
    return table.watch(state, at) if kept else []


def end_waiting(state: State, at: StreamId) -> list[Decision]:
    """Counts what is kept apart once the first of it has waited for as long as it may."""
    until = waiting_ends(state)
    return count_together(state, at) if until is not None and at.ms >= until else []


def waiting_ends(state: State) -> int | None:
    """Returns when the first mark that is kept apart has waited for as long as it may; None where none is."""
    since = [held.apart.since_ms for held in state.positions.values() if held.apart is not None]
    if not since or state.limits is None:
        return None
    return min(since) + state.limits.marks_together_seconds * 1000


def _count(held: Position, mark: Apart) -> None:
    held.mark, held.unrealized, held.moment_ms = mark.price, mark.unrealized, mark.moment_ms
    held.apart = None


def _is_marked_at(held: Position, moment_ms: int) -> bool:
    if held.mark_stale:
        return True
    return (held.apart.moment_ms if held.apart is not None else held.moment_ms) >= moment_ms
