"""While trading is halted, or locked out until a moment, every entry is denied, however many days pass."""

from portfold.bounds import LONGEST_TEXT
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.windows.lockout import in_words
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects until a resume."""
    if state.halt is None:
        return None
    return Denial("halted", f"Halted by {state.halt.by}: {state.halt.reason}")


def is_locked_out(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects until the moment that was ordered, whoever resumes."""
    return None if state.lockout is None else Denial("locked_out", in_words(state.lockout)[:LONGEST_TEXT])


RULE = Rule("halted", may_enter)
LOCKOUT = Rule("locked_out", is_locked_out)
