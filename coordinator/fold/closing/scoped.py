"""Closing a scope: entries in it are denied, and where it is to be flat all that is in it is ordered closed.

For orders of a person, for rules that close a worker or a symbol, and for windows of some symbols, which
order what is in them closed, and close no scope. Guarantees: no leg, no slot and no contract of the account
outside of the scope is touched; what still fills in it is ordered closed as it comes.
"""

from collections.abc import Sequence

from portfold.bounds import LONGEST_TEXT
from portfold.coordinator.fold.closing import flatten
from portfold.coordinator.fold.closing.pending import cancel_pending
from portfold.coordinator.fold.closing.unowned import take_unowned
from portfold.coordinator.fold.scopes import SCOPES_HELD, ClosedScope, covers, symbols_of
from portfold.coordinator.fold.state import State
from portfold.events.decisions import Decision
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId


def has_room(state: State, scope: Scope) -> bool:
    """Returns whether one more may be closed."""
    return str(scope) in state.scopes or len(state.scopes) < SCOPES_HELD


def close_scope(state: State, at: StreamId, scope: Scope, *, by: str, reason: str, until_ms: int = 0) -> None:
    """Denies entries in the scope until a person opens it, or until the time `until_ms`.

    Where it is closed already both reasons stay, and it opens by itself only where both would let it: at the
    later time. One pause that follows another takes its place.
    """
    before = state.scopes.get(str(scope))
    if before is not None and before.until_ms and until_ms:
        before.until_ms = max(before.until_ms, until_ms)
        before.by, before.reason = by, reason
    elif before is None:
        symbols = symbols_of(scope, state.limits) if scope.kind == "group" else ()
        closed = ClosedScope(*scope, by=by, reason=reason, since=str(at), symbols=symbols, until_ms=until_ms)
        state.scopes[str(scope)] = closed
    else:
        before.reason = f"{reason}; before, by {before.by}: {before.reason}"[:LONGEST_TEXT]
        before.by, before.until_ms = by, 0


def flatten_scope(state: State, at: StreamId, scope: Scope, *, by: str, reason: str) -> list[Decision]:
    """Closes the scope, takes reserved slots in it back, and orders every position in it closed."""
    close_scope(state, at, scope, by=by, reason=reason)
    state.scopes[str(scope)].flatten = True
    return order_flat(state, at, f"{scope}, ordered by {by}", [scope])


def order_flat(state: State, at: StreamId, cause: str, scopes: Sequence[Scope]) -> list[Decision]:
    """Takes reserved slots in the scopes back, and orders every position in them closed."""
    pending = cancel_pending(state, at, scopes)
    taken = take_unowned(state, at, scopes)
    limits, positions = state.limits, state.positions.items()
    keys = [
        key
        for key, held in positions
        if any(covers(scope, limits, held.symbol, held.worker) for scope in scopes)
    ]
    symbols = [symbol for scope in scopes for symbol in symbols_of(scope, limits)]
    return [*taken, *flatten.order_scope(state, at, cause, keys, symbols, pending)]


def still_closing(state: State, scope: Scope) -> bool:
    """Returns whether something in the scope is ordered closed and not confirmed closed yet."""
    episode, closed = state.flatten, state.scopes.get(str(scope))
    if episode is None or closed is None or not closed.flatten:
        return False
    left = (state.positions[key] for key in episode.left)
    return not episode.left or any(closed.covers(state.limits, one.symbol, one.worker) for one in left)


def closed_for(state: State, symbol: str, worker: str) -> ClosedScope | None:
    """Returns the first closed scope in which what the worker does in the symbol is."""
    for closed in state.scopes.values():
        if closed.covers(state.limits, symbol, worker):
            return closed
    return None
