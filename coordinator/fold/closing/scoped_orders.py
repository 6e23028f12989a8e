"""Orders of a person about a scope: halt, flatten and resume of a worker, a symbol or a group.

Guarantees: what is outside of the scope stays as it is. An order about a name that nobody knows is refused:
whoever mistypes one must not believe that it is closed.
"""

from portfold.bounds import LONGEST_TEXT
from portfold.coordinator.fold.closing import scoped
from portfold.coordinator.fold.rules.limits import worker_daily_loss
from portfold.coordinator.fold.scopes import SCOPES_HELD, symbols_of
from portfold.coordinator.fold.state import State, first_of
from portfold.coordinator.fold.worker_day import count_loss_from_here
from portfold.events.decisions import Decision, EventRejected
from portfold.events.incoming import FlattenRequested, TradingHalted, TradingResumed
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId


def halted(state: State, at: StreamId, event: TradingHalted, scope: Scope) -> list[Decision]:
    """Denies entries in the scope until a resume that names it."""
    why_not = _why_not(state, scope)
    if why_not:
        return [_refused("TradingHalted", why_not)]
    scoped.close_scope(state, at, scope, by=event.by, reason=event.reason)
    return []


def flatten_requested(state: State, at: StreamId, event: FlattenRequested, scope: Scope) -> list[Decision]:
    """Closes the scope, takes reserved slots in it back, and orders every position in it closed."""
    why_not = _why_not(state, scope)
    if why_not:
        return [_refused("FlattenRequested", why_not)]
    return scoped.flatten_scope(state, at, scope, by=event.by, reason=event.reason)


def resumed(state: State, event: TradingResumed, scope: Scope) -> list[Decision]:
    """Opens the scope; whatever else denies entries in it goes on denying them.

    A worker that has lost as much as it may in the day is let in again: its loss counts from here.
    """
    if str(scope) not in state.scopes:
        return [_refused("TradingResumed", f"{scope.kind}: {scope.name} is not closed; {_closed(state)}")]
    if scoped.still_closing(state, scope):
        why = f"{scope} is still being flattened; settle or close what is left first"
        return [_refused("TradingResumed", why)]
    del state.scopes[str(scope)]
    if scope.kind == "worker" and worker_daily_loss.is_reached(state, scope.name):
        count_loss_from_here(state, scope.name)
    return []


def whole_is_open(state: State) -> str:
    """Says why a resume of the whole portfolio would lift nothing: only scopes are closed."""
    return f"only scopes are closed, and each is opened by its own name; {_closed(state)}"


def _why_not(state: State, scope: Scope) -> str:
    if not _is_known(state, scope):
        return f"{scope.kind}: no {scope.kind} {scope.name} is known"
    if not scoped.has_room(state, scope):
        return f"{scope.kind}: {SCOPES_HELD} scopes are closed, and there may be no more"
    return ""


def _is_known(state: State, scope: Scope) -> bool:
    """A symbol is known that may be traded, or is held or announced all the same."""
    match scope.kind:
        case "worker":
            return scope.name in state.workers
        case "symbol":
            traded = any(scope.name in worker.symbols for worker in state.workers.values())
            allowed = state.limits is not None and scope.name in state.limits.symbols
            held = first_of(state.positions, scope.name) or first_of(state.reservations, scope.name)
            return traded or allowed or held is not None
        case "group":
            return bool(symbols_of(scope, state.limits))


def _closed(state: State) -> str:
    return f"closed: {', '.join(state.scopes) or 'nothing'}"


def _refused(kind: str, why: str) -> EventRejected:
    return EventRejected(reason=f"{kind}.{why}"[:LONGEST_TEXT], rejected=kind)
