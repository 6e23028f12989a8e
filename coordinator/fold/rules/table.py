"""The table of the rules, in the order in which they answer: the first that objects is the answer.

What they are, what each objects to and where it stands is read from here by the fold, the status, `why`, the
list of limits and the documentation's tests; a rule that is not in the table does not exist.
"""

from functools import lru_cache

from portfold.coordinator.fold.equity import Money, note_equity, reckoned
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules import latching
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
from portfold.coordinator.fold.rules.pace import entries, rate, streaks
from portfold.coordinator.fold.rules.rule import Broken, Denial, Entry, IsReached, MayEnter, Rule, Watch
from portfold.coordinator.fold.state import State, daily_pnl
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
    streaks.WHOLE,
)
"""The rules of money, and of losses in a row, that may be absent: each denies only while it is latched."""
EXPOSURE: tuple[Rule, ...] = (
    max_request_contracts.RULE,
    max_symbol_contracts.RULE,
    worker_daily_loss.RULE,
    of_a_worker.POSITIONS,
    of_a_worker.BY_WEIGHT,
    of_a_worker.ENTRIES,
    of_a_worker.ENTRIES_OF_WEEK,
    of_a_group.POSITIONS,
    of_a_group.BY_WEIGHT,
    of_a_group.ONE_SIDE,
    contracts_ladder.RULE,
    entries.SYMBOL_OF_DAY,
    entries.SYMBOL_OF_WEEK,
    entries.OF_DAY,
    entries.OF_WEEK,
)
"""The rules of exposure that may be absent: one whose limit is absent is not asked."""
BY_A_SCOPE: tuple[Rule, ...] = (streaks.OF_A_WORKER, streaks.OF_A_SYMBOL, rate.REPEATS)
"""The rules that close a scope, which then objects: these are not asked."""
RULES: tuple[Rule, ...] = (
    daily_loss.RULE,
    *LATCHED,
    window.RULE,
    window.CALENDAR,
    halted.LOCKOUT,
    halted.RULE,
    scope_closed.RULE,
    *BY_A_SCOPE,
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
    rate.RULE,
)
LATCHED_BY_CODE = {rule.code: rule for rule in LATCHED}
OUTLAST_RESUMES = frozenset(rule.code for rule in LATCHED if rule.outlasts_resumes)
"""What no resume lifts, forced or not."""
BY_A_PLAIN_RESUME = frozenset({streaks.WHOLE.code})
"""What any resume lifts, where it does not lift by itself."""
COUNT_FROM_A_RESUME = frozenset({profit_target.RULE.code, profit_lock.RULE.code})
"""What counts anew from what the day came to when a resume was forced."""
_MAY_BE_ABSENT = (*EXPOSURE, loss_budget.RULE, rate.RULE, mark_stale.RULE, mark_doubted.RULE)


def why_not(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Returns what the first rule that objects to the entry says, if any does."""
    idle = (not state.locks, state.calendar is None, not state.scopes, state.account is None)
    for may_enter in _asked(limits.present, idle):
        denial = may_enter(state, limits, request)
        if denial is not None:
            return denial
    return None


@lru_cache(maxsize=64)
def _asked(present: frozenset[str], idle: tuple[bool, bool, bool, bool]) -> tuple[MayEnter, ...]:
    """Returns who is asked: only those that can object, where these limits are present, and `idle` says
    whether nothing is latched, there is no calendar, no scope is closed, and no account is watched.
    """
    unasked = {rule.code for rule in _MAY_BE_ABSENT if rule.keys[0] not in present}
    unasked |= {rule.code for rule in BY_A_SCOPE}
    nothing_latched, no_calendar, no_scope, no_account = idle
    if nothing_latched:
        unasked |= LATCHED_BY_CODE.keys()
    if no_calendar:
        unasked |= {window.RULE.code, window.CALENDAR.code}
    if no_scope:
        unasked.add(scope_closed.RULE.code)
    if no_account:
        unasked |= {account_differs.RULE.code, account_silent.RULE.code}
    return tuple(rule.may_enter for rule in RULES if rule.code not in unasked)


def broken(state: State, limits: Limits, entry: Entry) -> list[Denial]:
    """Returns which limits of exposure are exceeded where the entry is, which is among what is taken."""
    return [one for broken_by in _breaking(limits.present) for one in broken_by(state, limits, entry)]


@lru_cache(maxsize=64)
def _breaking(present: frozenset[str]) -> tuple[Broken, ...]:
    """Returns what says what is exceeded, where these limits are present."""
    return tuple(rule.broken for rule in EXPOSURE if rule.broken and rule.keys[0] in present)


def watch(state: State, at: StreamId) -> list[Decision]:
    """Lets the rules that order something by themselves look; called after whatever moved money."""
    limits = state.limits
    if limits is None:
        return []
    pnl = daily_pnl(state)
    stop = daily_loss.watch(state, at, limits, pnl)
    if not (limits.chosen or state.locks):
        return stop
    if not stop:
        return _watch_latched(state, at, limits, reckoned(state, pnl))
    return [*stop, *_watch_latched(state, at, limits, reckoned(state))]


def watch_latched(state: State, at: StreamId) -> list[Decision]:
    """Lifts what is over of the rules that may be absent, and latches what is reached."""
    limits = state.limits
    if limits is None or not (limits.chosen or state.locks):
        return []
    return _watch_latched(state, at, limits, reckoned(state))


def _watch_latched(state: State, at: StreamId, limits: Limits, money: Money) -> list[Decision]:
    decisions: list[Decision] = []
    if state.locks:
        latching.lift_what_is_over(state)
    if state.capital is not None:
        note_equity(limits, state.capital, money)
    profit_lock.note_profit(state, limits, money)
    locks, lifted = state.locks, state.day.lifted
    for code, is_reached, watching in _watching(limits.present):
        if watching is not None:
            ordered = watching(state, at, limits, money)
        elif is_reached is None or code in lifted:
            continue
        else:
            lock = locks.get(code)
            if lock is not None and (state.again or not lock.looked_at):
                continue
            reached = is_reached(state, limits, money)
            if lock is not None:
                reached = latching.reached_since(lock, limits, reached)
            if reached is None:
                continue
            ordered = latching.latch(state, at, code, reached)
        if ordered:
            decisions += ordered
            money = reckoned(state)  # to close everything may take into the book what nobody owned
    return decisions


def note_where_locks_stand(state: State) -> None:
    """Has what a renewal leaves standing count from here, where its limit is reached."""
    limits = state.limits
    for code, lock in state.locks.items():
        is_reached = LATCHED_BY_CODE[code].is_reached
        if limits is not None and lock.looked_at and is_reached is not None:
            reached = is_reached(state, limits, reckoned(state))
            lock.stood_at = reached.now if reached is not None else None


@lru_cache(maxsize=64)
def _watching(present: frozenset[str]) -> tuple[tuple[str, IsReached | None, Watch | None], ...]:
    """Returns the rules that look at the money, where these limits are present, and how each does."""
    rules = (rule for rule in (*LATCHED, worker_daily_loss.RULE) if rule.keys[0] in present)
    return tuple((rule.code, rule.is_reached, rule.watch) for rule in rules)
