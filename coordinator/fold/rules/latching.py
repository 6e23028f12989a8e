"""How a limit of money latches: once it is reached it stands, whatever the money does next, until it lifts.

A rule says when it is reached; the rest is alike for all. Guarantees: what is reached is published once and
denies entries from that event on; it lifts on the trading day that it names, once the book is flat, or where
it names none by a resume alone.
"""

from datetime import date, timedelta
from functools import lru_cache

from portfold.bounds import LONGEST_TEXT
from portfold.coordinator.fold.closing import flatten
from portfold.coordinator.fold.closing.pending import cancel_pending
from portfold.coordinator.fold.closing.unowned import take_unowned
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import Lock
from portfold.coordinator.fold.rules.rule import Denial, MayEnter, Reached
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.windows.sessions import without_session
from portfold.events.decisions import Decision, LimitReached
from portfold.events.incoming import EntryRequested
from portfold.events.stream_id import StreamId

_SATURDAY = 5


def denier(rule: str) -> MayEnter:
    """Returns what objects to entries while the rule's limit is latched."""

    def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
        lock = state.locks.get(rule)
        if lock is None or lock.action == "tell" or (lock.action == "above" and request.size <= lock.size):
            return None
        return Denial(rule, lock.reason)

    return may_enter


def latch(state: State, at: StreamId, rule: str, reached: Reached) -> list[Decision]:
    """Latches the limit, and flattens everything where that follows from it."""
    done_before = bool(state.again) and reached.action == "flatten"
    if done_before:
        reached = reached._replace(action="deny")
    reason = reached.reason[:LONGEST_TEXT]
    lock = Lock(rule, reached.action, str(at), reached.until, reason, reached.size, looked_at=done_before)
    state.locks[rule] = lock
    published = LimitReached(
        rule=rule,
        action=reached.action,
        now=reached.now,
        limit=reached.limit,
        until=reached.until,
        reason=reason,
    )
    if reached.action != "flatten":
        return [published]
    pending = cancel_pending(state, at)
    taken = take_unowned(state, at)
    return [published, *taken, *flatten.order_everything(state, at, f"{rule} reached", pending)]


def reached_since(lock: Lock, limits: Limits, reached: Reached | None) -> Reached | None:
    """Returns what a lock that a renewal left standing has come to since, where that closes everything.

    A limit that was still reached then: one daily limit below that, as after a forced resume, until it once
    is not reached.
    """
    if reached is None:
        lock.stood_at = None
        return None
    beyond = lock.stood_at is None or reached.now <= lock.stood_at - limits.daily_stop_loss
    return reached if beyond and reached.action == "flatten" else None


def lift_what_is_over(state: State) -> None:
    """Lifts each lock whose day has come; one that flattens, only once the book is flat."""
    for rule, lock in list(state.locks.items()):
        over = bool(lock.until) and state.day.date >= lock.until
        if over and (lock.action != "flatten" or flatten.is_flat(state)):
            del state.locks[rule]


def tomorrow(state: State) -> str:
    """Returns the day after the trading day: what is latched until then lifts with the next one."""
    return (date.fromisoformat(state.day.date) + timedelta(days=1)).isoformat()


def monday(state: State, *, weeks_on: int = 0) -> str:
    """Returns the Monday of the trading day's week, or of one so many weeks on."""
    return _monday(state.day.date, weeks_on)


@lru_cache(maxsize=16)
def _monday(day: str, weeks_on: int) -> str:
    today = date.fromisoformat(day)
    return (today + timedelta(days=7 * weeks_on - today.weekday())).isoformat()


def weekdays_on(state: State, days: int) -> str:
    """Returns the day so many trading days on: weekdays, without those known to have no session."""
    day, closed = date.fromisoformat(state.day.date), without_session(state.calendar)
    for _ in range(days):
        day += timedelta(days=1)
        while day.weekday() >= _SATURDAY or day.isoformat() in closed:
            day += timedelta(days=1)
    return day.isoformat()
