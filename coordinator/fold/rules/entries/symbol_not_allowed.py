"""Only the portfolio's symbols are entered."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects to any other symbol."""
    if request.symbol in limits.symbols:
        return None
    return Denial(
        "symbol_not_allowed", f"{request.symbol} is not in the portfolio: {', '.join(limits.symbols)}"
    )


RULE = Rule("symbol_not_allowed", may_enter, ("symbols",))
