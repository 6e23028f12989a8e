"""Once the log has lost its end nobody knows what is open: entries wait for a person's word."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects until somebody acknowledges the loss."""
    missing = state.tail_missing
    if missing is None:
        return None
    return Denial(
        "log_incomplete",
        f"The log lost its end: {missing.worker} saw event {missing.saw}, which is gone. Check what is open, "
        "then: portfold acknowledge",
    )


RULE = Rule("log_incomplete", may_enter)
