"""A resume: what it lifts, what it lifts only by force, and what no resume lifts.

One that names a scope opens that and lifts nothing else; one that names none leaves what is closed of scopes
as it is, and is refused where it would lift nothing but what only they deny.

A halt is lifted by any. The day's stop, a floor that the equity is still at, and what is latched for the day
take force, which stays on record and is bounded a day. What is latched for a week or for days stays, and so
does a tier that only tells: it denies nothing. No resume lifts a lockout.
"""

from portfold.bounds import LONGEST_TEXT
from portfold.coordinator.fold.closing import flatten, scoped_orders
from portfold.coordinator.fold.equity import equity_for, reckoned
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import Lock
from portfold.coordinator.fold.rules import table
from portfold.coordinator.fold.state import State, daily_pnl
from portfold.coordinator.fold.windows.lockout import in_words
from portfold.events.decisions import Decision, EventRejected
from portfold.events.incoming import TradingResumed
from portfold.events.stream_id import StreamId


def resumed(state: State, at: StreamId, event: TradingResumed) -> list[Decision]:
    """Lifts the halt; the day's stop only by force, which grants one more daily limit from here on."""
    if event.scope is not None:
        return scoped_orders.resumed(state, event, event.scope)
    if state.flatten is not None and flatten.catches_new_fills(state):
        return [_refused("positions are still being flattened; settle or close them first")]
    if state.stop is not None and not event.force:
        return [_refused(f"stopped out on {state.stop.day}; force=true lifts the stop, on record")]
    latched = [lock for lock in state.locks.values() if lock.action != "tell"]
    lifted = [lock for lock in latched if lock.rule not in table.OUTLAST_RESUMES]
    forced = [lock for lock in lifted if lock.until or lock.until_ms or _still_reached(state, lock)]
    why_not = _why_not(state, event, latched, forced)
    if why_not:
        return [_refused(why_not)]
    if event.force and (state.stop is not None or forced):
        state.day.forced += 1
    if state.stop is not None:
        state.stop = None
        state.day.stop_from = daily_pnl(state)
        state.day.approached, state.day.tier = False, 0
    for lock in lifted:
        _lift(state, lock, by_force=lock in forced)
    state.halt = None
    return table.watch_latched(state, at) if lifted else []


def _why_not(state: State, event: TradingResumed, latched: list[Lock], forced: list[Lock]) -> str:
    if forced and not event.force:
        return f"{forced[0].reason}; force=true lifts it, on record"
    limits = state.limits
    uses_force = event.force and (state.stop is not None or bool(forced))
    if limits is not None and uses_force and _as_many_as_may_be(limits, state.day.forced):
        return f"max_forced_resumes is {limits.max_forced_resumes}, and so many were forced today"
    stays = all(lock.rule in table.OUTLAST_RESUMES for lock in latched)
    if latched and stays and state.stop is None and state.halt is None:
        return f"{latched[0].reason}; no resume lifts it, it stands until {latched[0].until}"
    if state.lockout is not None and not latched and state.stop is None and state.halt is None:
        return f"{in_words(state.lockout)}"[:LONGEST_TEXT]
    if state.scopes and not latched and state.stop is None and state.halt is None:
        return scoped_orders.whole_is_open(state)
    return ""


def _as_many_as_may_be(limits: Limits, forced: int) -> bool:
    return bool(limits.max_forced_resumes) and forced >= int(limits.max_forced_resumes)


def _still_reached(state: State, lock: Lock) -> bool:
    rule = table.LATCHED_BY_CODE[lock.rule]
    if state.limits is None or rule.is_reached is None:
        return False
    return rule.is_reached(state, state.limits, reckoned(state)) is not None


def _lift(state: State, lock: Lock, *, by_force: bool) -> None:
    """Lifts a lock; by force it counts from here on, or is over for the day."""
    del state.locks[lock.rule]
    if not by_force or lock.until_ms:
        return
    if not lock.until:
        capital, limits = state.capital, state.limits
        now = equity_for(limits, reckoned(state), lock.rule) if limits is not None else None
        if capital is not None and now is not None:
            capital.forced[lock.rule] = now
    elif lock.rule in table.COUNT_FROM_A_RESUME:
        state.day.profit_from, state.day.best = daily_pnl(state), None
    else:
        state.day.lifted.append(lock.rule)


def _refused(reason: str) -> EventRejected:
    return EventRejected(reason=f"TradingResumed: {reason}", rejected="TradingResumed")
