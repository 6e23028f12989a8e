"""The table of the rules, in the order in which they answer: the first that objects is the answer.

What they are, what each objects to and where it stands is read from here by the fold, the status, `why`, the
list of limits and the documentation's tests; a rule that is not in the table does not exist.
"""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.entries import (
    account_differs,
    account_silent,
    halted,
    log_incomplete,
    symbol_in_position,
    symbol_not_allowed,
    symbol_pending,
    symbol_unsettled,
    worker_lost,
    worker_stopped,
    worker_superseded,
)
from portfold.coordinator.fold.rules.limits import daily_loss, max_contracts, max_positions
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.decisions import Decision
from portfold.events.incoming import EntryRequested
from portfold.events.stream_id import StreamId

RULES: tuple[Rule, ...] = (
    daily_loss.RULE,
    halted.RULE,
    log_incomplete.RULE,
    worker_superseded.RULE,
    worker_stopped.RULE,
    worker_lost.RULE,
    symbol_not_allowed.RULE,
    symbol_unsettled.RULE,
    account_differs.RULE,
    account_silent.RULE,
    symbol_in_position.RULE,
    symbol_pending.RULE,
    max_positions.RULE,
    max_contracts.RULE,
)
_ASKED = tuple(rule.may_enter for rule in RULES)


def why_not(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Returns what the first rule that objects to the entry says, if any does."""
    for may_enter in _ASKED:
        denial = may_enter(state, limits, request)
        if denial is not None:
            return denial
    return None


def watch(state: State, at: StreamId) -> list[Decision]:
    """Lets the rules that order something by themselves look; called after whatever moved money."""
    return daily_loss.watch(state, at)
