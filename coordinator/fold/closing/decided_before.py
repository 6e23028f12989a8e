"""What follows where a log was renewed: events that were decided once already are put on again.

What they had ordered closed was ordered then, and what came of it is told by the facts among them. Ordered a
second time it would close what was opened, and allowed, since. Guarantees: none of them has anything ordered
closed; what denies entries goes on denying them until it is lifted anew, but no longer closes what fills;
what an order from before the renewal still has to close stays ordered; and from the last of them on all
limits hold as ever, those that stand already counting from there.
"""

from portfold.coordinator.fold.rules import table
from portfold.coordinator.fold.rules.limits import worker_daily_loss
from portfold.coordinator.fold.state import State, daily_pnl
from portfold.coordinator.fold.worker_day import count_loss_from_here
from portfold.events.account import AccountSettled, CashMoved
from portfold.events.calendar import SessionsPublished, WindowClosed, WindowsPublished
from portfold.events.decisions import Decision
from portfold.events.incoming import (
    CoordinatorStarted,
    EntryWithdrawn,
    Event,
    LockoutOrdered,
    LossAcknowledged,
    Malformed,
    PositionClosed,
    PositionOpened,
    PositionSettled,
    StopMoved,
    TradingHalted,
    WorkerRetired,
    WorkerStarted,
    WorkerStopped,
)
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId

FACTS = (
    *(PositionOpened, PositionClosed, PositionSettled, StopMoved, EntryWithdrawn),
    *(WorkerStarted, WorkerStopped, WorkerRetired, CashMoved, AccountSettled),
)
"""What happened."""
ORDERS = (TradingHalted, LockoutOrdered, LimitsChanged, SessionsPublished, WindowsPublished)
"""Orders that neither allow nor close anything by themselves."""
_SINCE = 10


def begins(state: State, at: StreamId, event: Event | Malformed) -> list[Decision]:
    """Counts from the term of a renewal on; ends before any event that is never put on again."""
    if isinstance(event, CoordinatorStarted) and event.again and event.fold >= _SINCE:
        state.again = event.again + 1
        return []
    if not state.again or isinstance(event, (*FACTS, *ORDERS, LossAcknowledged, Malformed)):
        return []  # one of them may be refused, as it is not proved by its name's key of today
    return _ended(state, at, turns_ms=at.ms)


def counted(state: State, at: StreamId) -> list[Decision]:
    """Counts one that is folded; ends with the last."""
    state.again -= 1
    return [] if state.again else _ended(state, at, turns_ms=at.ms + 1)


def _ended(state: State, at: StreamId, *, turns_ms: int) -> list[Decision]:
    """Has nothing that stands close any longer what fills."""
    state.again = 0
    if state.halt is not None:
        state.halt.flatten = False
    for closed in state.scopes.values():
        closed.flatten = False
    for lock in state.locks.values():
        if lock.action == "flatten":
            lock.action, lock.looked_at = "deny", True
    table.note_where_locks_stand(state)
    _count_losses_from_here(state)
    return _windows_that_are_over(state, at, turns_ms)


def _count_losses_from_here(state: State) -> None:
    """Has losses at their limit count from here, as a resume does; what is lost beyond is closed as ever."""
    if state.stop is not None:
        state.stop.closes = False
        state.day.stop_from = daily_pnl(state)
        state.day.approached, state.day.tier = False, 0
    for worker in state.workers:
        if worker_daily_loss.is_reached(state, worker):
            count_loss_from_here(state, worker)


def _windows_that_are_over(state: State, at: StreamId, turns_ms: int) -> list[Decision]:
    """Ends what is over, however much is open: it was opened since. No missed one is caught up with."""
    calendar = state.calendar
    if calendar is None:
        return []
    over = [name for name, one in calendar.open.items() if one.until_ms <= at.ms]
    for name in over:
        del calendar.open[name]
    calendar.looked_ms, calendar.turns_ms = at.ms, turns_ms
    return [WindowClosed(name) for name in over]
