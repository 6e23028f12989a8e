"""Where log and broker differ in a symbol nothing more is entered until a person has settled it."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects while any worker's leg in the symbol is unsettled."""
    for found in state.unsettled.values():
        if found.symbol == request.symbol:
            return Denial(
                "symbol_unsettled",
                f"{found.symbol} of {found.worker} is unsettled: {found.kind} since {found.since}",
            )
    return None


RULE = Rule("symbol_unsettled", may_enter)
