"""Where so configured a position that is not marked any more denies entries: unknown is not fresh."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects while any position's mark is stale, of whatever symbol."""
    if not limits.mark_stale_denies:
        return None
    for held in state.positions.values():
        if held.mark_stale:
            reason = f"The mark of {held.symbol} of {held.worker} is stale: its open loss is not known"
            return Denial("mark_stale", reason)
    return None


RULE = Rule("mark_stale", may_enter, ("mark_stale_denies",))
