"""While trading is halted every entry is denied, however many days pass."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects until a resume."""
    if state.halt is None:
        return None
    return Denial("halted", f"Halted by {state.halt.by}: {state.halt.reason}")


RULE = Rule("halted", may_enter)
