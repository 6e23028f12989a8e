"""One worker's loss of the day: at its limit all that it holds is closed, and it enters nothing more.

Only that worker is; the others go on. It stays so, whatever day begins, until a person lets it in again
(`portfold resume --worker`). Its loss then counts from what it had come to; nothing else of it is reset.
"""

from collections.abc import Iterator
from decimal import Decimal

from portfold.bounds import LONGEST_TEXT
from portfold.by_name import by_name
from portfold.coordinator.fold.closing import flatten, scoped
from portfold.coordinator.fold.equity import Money
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import LockAction
from portfold.coordinator.fold.rules.rule import Denial, Reading, Rule
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.worker_day import all_lost_today, has_counted, lost_today, pnl_today
from portfold.dollars import ZERO, shown
from portfold.events.decisions import Decision, LimitReached
from portfold.events.incoming import COORDINATOR, EntryRequested
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId

_CODE = "worker_daily_loss"
_CLOSED_AT_ONCE = 8
"""Of an event's room for a hundred decisions; the others follow with the next event that moves money."""
_MOST_READINGS = 8


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects while the worker has lost as much as it may, also where its scope found no room."""
    most = _reached(state, limits, request.worker)
    return None if most is None else Denial(_CODE, _reason(state, request.worker, most))


def is_reached(state: State, worker: str) -> bool:
    """Returns whether the worker has lost as much as it may in a day."""
    return state.limits is not None and _reached(state, state.limits, worker) is not None


def closes_at(state: State, limits: Limits, worker: str) -> Decimal | None:
    """Returns the P&L of its day at which the worker is closed, if it has such a limit."""
    most = by_name(limits.worker_daily_loss).of(worker)
    return None if most is None else pnl_today(state, worker) + lost_today(state, worker) - most


def watch(state: State, at: StreamId, limits: Limits, money: Money) -> list[Decision]:
    """Closes each worker whose loss has come to its limit."""
    mosts, decisions = by_name(limits.worker_daily_loss), list[Decision]()
    losers = [(name, lost, mosts.of(name)) for name, lost in all_lost_today(state).items() if lost > ZERO]
    reached = (name for name, lost, most in losers if most is not None and lost >= most)
    due = [name for name in reached if _is_left_open(state, name)]
    for name in due[:_CLOSED_AT_ONCE]:
        decisions += _close(state, at, limits, name)
    return decisions


def _is_left_open(state: State, worker: str) -> bool:
    scope = Scope("worker", worker)
    if scoped.has_room(state, scope):
        closed = state.scopes.get(str(scope))
        return closed is None or not closed.flatten
    return bool(_not_ordered(state, worker))


def _close(state: State, at: StreamId, limits: Limits, worker: str) -> list[Decision]:
    most = _reached(state, limits, worker) or ZERO
    now, reason = pnl_today(state, worker), _reason(state, worker, most)[:LONGEST_TEXT]
    limit = now + lost_today(state, worker) - most
    action: LockAction = "deny" if state.again else "flatten"  # that was done before
    reached = LimitReached(_CODE, action, now=now, limit=limit, until="", reason=reason, worker=worker)
    scope = Scope("worker", worker)
    if scoped.has_room(state, scope):
        return [reached, *scoped.flatten_scope(state, at, scope, by=COORDINATOR, reason=reason)]
    return [reached, *flatten.order(state, at, f"{_CODE} of {worker}", _not_ordered(state, worker))]


def _not_ordered(state: State, worker: str) -> list[str]:
    left = state.flatten.left if state.flatten is not None else []
    return [key for key, held in state.positions.items() if held.worker == worker and key not in left]


def _reached(state: State, limits: Limits, worker: str) -> Decimal | None:
    most = by_name(limits.worker_daily_loss).of(worker)
    return most if most is not None and lost_today(state, worker) >= most else None


def _reason(state: State, worker: str, most: Decimal) -> str:
    lost, now = lost_today(state, worker), pnl_today(state, worker)
    counted = f", counted from {shown(now + lost)}" if now + lost else ""
    return (
        f"Day's P&L {shown(now)} of worker {worker}{counted} reached its limit {shown(-most)}; "
        "only a resume of the worker lifts it"
    )


def readings(state: State, limits: Limits) -> list[Reading]:
    """Returns where each worker stands that did anything today or holds something, the nearest first."""
    found = sorted(_readings(state, limits), key=lambda one: (one.left, one.of))
    return found[:_MOST_READINGS]


def _readings(state: State, limits: Limits) -> Iterator[Reading]:
    mosts = by_name(limits.worker_daily_loss)
    for name in state.workers:
        most = mosts.of(name)
        if most is None or not has_counted(state, name):
            continue
        now = pnl_today(state, name)
        limit = now + lost_today(state, name) - most
        left = max(ZERO, now - limit)
        about = "P&L of the trading day, as the log has it"
        yield Reading("dollars", limit, now, left, most, about, f"worker {name}")


RULE = Rule(_CODE, may_enter, (_CODE,), watch, read_each=readings)
