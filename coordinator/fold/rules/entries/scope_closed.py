"""In a scope that is closed, a worker, a symbol or a group, every entry is denied, however many days pass."""

from portfold.coordinator.fold.closing.scoped import closed_for
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects in the scope, until a resume that names it."""
    closed = closed_for(state, request.symbol, request.worker) if state.scopes else None
    if closed is None:
        return None
    way_out = f"until portfold resume {closed.scope.option}"
    return Denial("scope_closed", f"{closed.scope} is closed by {closed.by}, {way_out}: {closed.reason}")


RULE = Rule("scope_closed", may_enter)
