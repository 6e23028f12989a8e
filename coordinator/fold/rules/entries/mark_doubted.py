"""A mark that jumped and was not confirmed yet denies entries from the first: what is lost is not known."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects while any position's mark is in doubt, of whatever symbol."""
    if not limits.mark_jumps:
        return None
    for held in state.positions.values():
        if held.doubt is not None:
            reason = f"A mark of {held.symbol} of {held.worker} jumped to {held.doubt.price:f}, unconfirmed"
            return Denial("mark_doubted", reason)
    return None


RULE = Rule("mark_doubted", may_enter, ("mark_jumps", "mark_confirm_seconds"))
