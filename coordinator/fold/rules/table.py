"""The table of the rules, in the order in which they answer: the first that objects is the answer.

What they are, what each objects to and where it stands is read from here by the fold, the status, `why`, the
list of limits and the documentation's tests; a rule that is not in the table does not exist.
"""

from functools import lru_cache

from portfold.coordinator.fold.equity import note_equity
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.budget import loss_budget
from portfold.coordinator.fold.rules.entries import (
    account_differs,
    account_silent,
    halted,
    log_incomplete,
    mark_doubted,
    mark_stale,
    scope_closed,
    symbol_in_position,
    symbol_not_allowed,
    symbol_pending,
    symbol_unsettled,
    window,
    worker_lost,
    worker_stopped,
    worker_superseded,
)
from portfold.coordinator.fold.rules.exposure import (
    contracts_ladder,
    max_request_contracts,
    max_symbol_contracts,
    of_a_group,
    of_a_worker,
)
from portfold.coordinator.fold.rules.latching import lift_what_is_over
from portfold.coordinator.fold.rules.limits import (
    consistency,
    daily_loss,
    equity_floor,
    loss_tiers,
    max_contracts,
    max_positions,
    profit_lock,
    profit_target,
    rolling_loss,
    trailing_drawdown,
    week,
    worker_daily_loss,
)
from portfold.coordinator.fold.rules.rule import Denial, Entry, MayEnter, Rule
from portfold.coordinator.fold.state import State
from portfold.events.decisions import Decision
from portfold.events.incoming import EntryRequested
from portfold.events.stream_id import StreamId

LATCHED: tuple[Rule, ...] = (
    equity_floor.RULE,
    trailing_drawdown.RULE,
    week.LOSS,
    rolling_loss.RULE,
    loss_tiers.RULE,
    profit_target.RULE,
    profit_lock.RULE,
    consistency.RULE,
    week.PROFIT,
)
"""The rules of money that may be absent. Each denies entries only while it is latched."""
EXPOSURE: tuple[Rule, ...] = (
    max_request_contracts.RULE,
    max_symbol_contracts.RULE,
    worker_daily_loss.RULE,
    of_a_worker.POSITIONS,
    of_a_worker.BY_WEIGHT,
    of_a_worker.ENTRIES,
    of_a_group.POSITIONS,
    of_a_group.BY_WEIGHT,
    of_a_group.ONE_SIDE,
    contracts_ladder.RULE,
)
"""The rules of exposure that may be absent: one whose limit is absent is not asked."""
RULES: tuple[Rule, ...] = (
    daily_loss.RULE,
    *LATCHED,
    window.RULE,
    window.CALENDAR,
    halted.RULE,
    scope_closed.RULE,
    log_incomplete.RULE,
    worker_superseded.RULE,
    worker_stopped.RULE,
    worker_lost.RULE,
    symbol_not_allowed.RULE,
    symbol_unsettled.RULE,
    account_differs.RULE,
    account_silent.RULE,
    mark_stale.RULE,
    mark_doubted.RULE,
    symbol_in_position.RULE,
    symbol_pending.RULE,
    *EXPOSURE,
    max_positions.RULE,
    max_contracts.RULE,
    loss_budget.RULE,
)
LATCHED_BY_CODE = {rule.code: rule for rule in LATCHED}
OUTLAST_RESUMES = frozenset(rule.code for rule in LATCHED if rule.outlasts_resumes)
"""What no resume lifts, forced or not."""
COUNT_FROM_A_RESUME = frozenset({profit_target.RULE.code, profit_lock.RULE.code})
"""What counts anew from what the day came to when a resume was forced."""
_WATCHING = tuple(rule.watch for rule in LATCHED if rule.watch is not None)


def why_not(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Returns what the first rule that objects to the entry says, if any does."""
    for may_enter in _asked((limits.present, bool(state.locks), state.calendar is not None)):
        denial = may_enter(state, limits, request)
        if denial is not None:
            return denial
    return None


@lru_cache(maxsize=64)
def _asked(situation: tuple[frozenset[str], bool, bool]) -> tuple[MayEnter, ...]:
    """Returns who is asked: of the rules that may be absent only those that can object, where these limits
    are present, something is latched, and there is a calendar.
    """
    present, latched, calendar = situation
    absent = (*EXPOSURE, loss_budget.RULE)
    idle = {rule.code for rule in absent if rule.keys[0] not in present}
    if not latched:
        idle |= LATCHED_BY_CODE.keys()
    if not calendar:
        idle |= {window.RULE.code, window.CALENDAR.code}
    return tuple(rule.may_enter for rule in RULES if rule.code not in idle)


def broken(state: State, limits: Limits, entry: Entry) -> list[Denial]:
    """Returns which limits of exposure are exceeded where the entry is, which is among what is taken."""
    present = (rule.broken for rule in EXPOSURE if rule.broken and rule.keys[0] in limits.present)
    return [one for broken_by in present for one in broken_by(state, limits, entry)]


def watch(state: State, at: StreamId) -> list[Decision]:
    """Lets the rules that order something by themselves look; called after whatever moved money."""
    stop, others = daily_loss.watch(state, at), watch_latched(state, at)
    return [*stop, *others] if others else stop


def watch_latched(state: State, at: StreamId) -> list[Decision]:
    """Lifts what is over of the rules that may be absent, and latches what is reached."""
    limits = state.limits
    if limits is None or not (limits.chosen or state.locks):
        return []
    decisions: list[Decision] = []
    if state.locks:
        lift_what_is_over(state)
    if state.capital is not None:
        note_equity(state, limits, state.capital)
    profit_lock.note_profit(state, limits)
    for watching in _WATCHING:
        decisions += watching(state, at)
    return [*decisions, *worker_daily_loss.watch(state, at)]
