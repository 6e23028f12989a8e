"""One position a symbol, over all workers."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State, first_of
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects while anybody holds the symbol."""
    held = first_of(state.positions, request.symbol)
    if held is None:
        return None
    return Denial(
        "symbol_in_position",
        f"{held.symbol} is already in a position: {held.side} {held.size} by {held.worker}",
    )


RULE = Rule("symbol_in_position", may_enter)
